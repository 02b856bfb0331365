/**
 * The site of a queue. Ids of events are a site and numbers of the queue: two sites on one queue would give one record
 * two ids, and whoever looks for what an earlier process has written would not know it again.
 */
import { SpillwayError } from '../lib/errors.ts';

/** `what` has the site `known`, and `site` is configured. `otherwise`: what to do where that is meant. */
export function anotherSite(what: string, known: string, site: string, otherwise: string): SpillwayError {
  const advice = `Set site: ${known}; ${otherwise}.`;
  return new SpillwayError(
    'SITE_CHANGED',
    `${what} of the site '${known}', and the configuration says site: ${site}. The ids of all its events begin with the ` +
      `site, so there is one for ever: the one that existing ids begin with. ${advice}`,
    { details: { site: known, configured: site, advice } },
  );
}
