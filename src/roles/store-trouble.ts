/** That the store does not index for now, as the store tells its supervisor, and /health/ready everybody. */
import type { Clock } from '../lib/clock.ts';
import { STORE_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { StoreTrouble } from '../search/indexing/trouble.ts';
import type { SupervisorLink } from './link.ts';

/** Without a reason: those name indices and tenants, and health is answered to anybody. */
export function storeTroubles(sinceMs: number | null | undefined, clock: Clock): readonly string[] {
  // A store that is just being started, or started again, is none.
  if (sinceMs == null || clock.now() - sinceMs < STORE_LIMITS.troubleAfterMs) return [];
  const since = new Date(sinceMs).toISOString();
  return [
    `The store has not indexed since ${since}: events are accepted and wait in the queue. Its log and \`spillway doctor\` say why.`,
  ];
}

/** Tells, and logs, when that begins and when it is over. */
export function reportTrouble(trouble: StoreTrouble, link: Pick<SupervisorLink, 'send'>, log: Logger): () => void {
  // Told once in any case: what the process before this one said may have been read after its end.
  let toldMs: number | null | undefined;
  const timer = setInterval(() => {
    const sinceMs = trouble.sinceMs ?? null;
    if (sinceMs === toldMs) return;
    const isFirst = toldMs === undefined;
    toldMs = sinceMs;
    link.send({ kind: 'held-up', sinceMs });
    if (sinceMs === null) {
      if (!isFirst) log.info('The store indexes again');
    } else {
      const reason = trouble.reason ?? 'the search engine has not answered yet';
      log.warn({ since: new Date(sinceMs).toISOString(), reason }, 'The store is held up: events wait in the queue');
    }
  }, STORE_LIMITS.reportTroubleMs);
  timer.unref();
  return () => clearInterval(timer);
}
