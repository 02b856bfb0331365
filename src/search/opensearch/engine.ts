/** OpenSearch as the search engine. Its slices are indices of a cluster; beside them only the journal is kept here. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import type { RebuildOriginal } from '../../event/answered.ts';
import { nodeDisk } from '../../lib/disk.ts';
import { makeDirectories, readWhole, replaceFile } from '../../lib/disk-files.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS, QUERY_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { StoreJournal } from '../journal.ts';
import type { SearchEngine } from '../port.ts';
import { measureQuestions } from '../question-metrics.ts';
import { Client, type ClientOptions, certificateProblem, Unreachable } from './client.ts';
import { prepareCluster } from './cluster.ts';
import { aliasOf, type IndexOptions } from './mapping.ts';
import { type Ask, type QueryLimits, QueryRunner } from './query-runner.ts';
import { count, histogram, values } from './read-aggregates.ts';
import { contextOf, getEvent, search } from './read-events.ts';
import { fields } from './read-fields.ts';
import { stats } from './read-stats.ts';
import { OpenSearchWriter } from './writer.ts';

export interface OpenSearchOptions {
  readonly cluster: ClientOptions;
  readonly index: IndexOptions;
  /** Holds `opensearch/`: the journal of what is being inserted. */
  readonly directory: string;
  readonly log: Logger;
  readonly registry: Registry;
  readonly rebuildOriginal?: RebuildOriginal;
  readonly refreshEveryMs?: number;
  readonly limits?: Partial<QueryLimits>;
  /** Ends the wait for a cluster that cannot be reached. */
  readonly signal?: AbortSignal;
}

export async function openOpenSearch(options: OpenSearchOptions): Promise<SearchEngine> {
  const { cluster, index, log, registry, rebuildOriginal: rebuild = () => undefined, signal } = options;
  const directory = join(options.directory, 'opensearch');
  const client = new Client(cluster);
  await whenReachable(() => prepareCluster(client, index, log), log, signal);
  const journal = await StoreJournal.open(directory);
  const { refreshEveryMs = OPENSEARCH_LIMITS.refreshEveryMs } = options;
  const origin = await originOf(directory);
  const runner = new QueryRunner(client, aliasOf(index.prefix), { ...QUERY_LIMITS, ...options.limits });
  const time = measureQuestions(registry, runner);
  const answer = <T>(name: string, { tenant, signal: cancelled }: Asker, work: (ask: Ask) => Promise<T>): Promise<T> =>
    time(name, () => runner.run(tenant, cancelled, work));
  let completeTo = () => 0;
  return {
    writer: new OpenSearchWriter({ client, prefix: index.prefix, origin, refreshEveryMs, log }),
    journal,
    search: (question) => answer('search', question, (ask) => search(question, ask, rebuild)),
    count: (question) => answer('count', question, (ask) => count(question, ask)),
    histogram: (question) => answer('histogram', question, (ask) => histogram(question, ask)),
    fields: (question) => answer('fields', question, (ask) => fields(question, ask)),
    values: (question) => answer('values', question, (ask) => values(question, ask)),
    stats: (question) => answer('stats', question, (ask) => stats(question, ask)),
    get: (question) => answer('get', question, (ask) => getEvent(question, ask, rebuild)),
    context: (question) => answer('context', question, (ask) => contextOf(question, ask, rebuild)),
    completeToMs: () => completeTo(),
    completeFrom: (source) => {
      completeTo = source;
    },
    close: async () => {
      await journal.close();
      client.close();
    },
  };
}

interface Asker {
  readonly tenant: string;
  readonly signal: AbortSignal;
}

/** A cluster that is away comes back; one that refuses does not. */
async function whenReachable(work: () => Promise<void>, log: Logger, signal?: AbortSignal): Promise<void> {
  for (let pauseMs: number = OPENSEARCH_LIMITS.retryDelayMs; ; pauseMs *= 2) {
    try {
      await work();
      return;
    } catch (thrown) {
      if (!(thrown instanceof Unreachable) || signal?.aborted === true) throw thrown;
      const untrusted = certificateProblem(thrown.cause);
      if (untrusted !== undefined) {
        const advice = 'Look at search.tls.ca and at the names in the certificate.';
        throw new SpillwayError('CONFIG_INVALID', `${messageOf(thrown)} (${untrusted}). ${advice}`, { cause: thrown });
      }
      log.error({ reason: messageOf(thrown) }, 'The store waits for OpenSearch');
    }
    await delay(Math.min(pauseMs, OPENSEARCH_LIMITS.retryDelayMaxMs), undefined, signal && { signal });
  }
}

/** A name of this data folder's queue: offsets of another one that had the same site are not its own. */
async function originOf(directory: string): Promise<string> {
  const path = join(directory, 'origin');
  const known = await readWhole(nodeDisk, path);
  if (known !== undefined && known.length > 0) return known.toString('utf8');
  await makeDirectories(nodeDisk, directory);
  const made = randomBytes(9).toString('base64url');
  await replaceFile(nodeDisk, path, Buffer.from(made));
  return made;
}
