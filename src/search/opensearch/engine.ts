/** OpenSearch as the search engine. Its slices are indices of a cluster; beside them only the journal is kept here. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import type { RebuildOriginal } from '../../event/answered.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { nodeDisk } from '../../lib/disk.ts';
import { makeDirectories, readWhole, replaceFile } from '../../lib/disk-files.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS, QUERY_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { StoreJournal } from '../journal.ts';
import type { SlicePolicy } from '../policy/slice-policy.ts';
import type { DescribedSlice, SearchEngine } from '../port.ts';
import { measureQuestions } from '../question-metrics.ts';
import { ownerOf, sliceSpan } from '../slices.ts';
import { Client, type ClientOptions, certificateProblem, Unreachable } from './client.ts';
import { prepareCluster } from './cluster.ts';
import { ClusterPolicy } from './cluster-policy.ts';
import type { IndexOptions } from './mapping.ts';
import { type Ask, type QueryLimits, QueryRunner, type Targets } from './query-runner.ts';
import { count, histogram, values } from './read-aggregates.ts';
import { contextOf, getEvent, search } from './read-events.ts';
import { fields } from './read-fields.ts';
import { stats } from './read-stats.ts';
import { SliceCatalogue } from './slice-catalogue.ts';
import { OpenSearchWriter } from './writer.ts';

export interface OpenSearchOptions {
  readonly cluster: ClientOptions;
  readonly index: IndexOptions;
  /** Holds `opensearch/`: the journal of what is being inserted. */
  readonly directory: string;
  readonly log: Logger;
  readonly registry: Registry;
  readonly clock?: Clock;
  readonly rebuildOriginal?: RebuildOriginal;
  readonly refreshEveryMs?: number;
  /** What the queue is called that rows come from, where it has a name; else one is made for this folder. */
  readonly nameOfQueue?: (proposed: string) => Promise<string>;
  readonly limits?: Partial<QueryLimits>;
  /** Told at each attempt that the cluster does not answer, before it did for the first time. */
  readonly onAway?: () => void;
  /** Ends the wait for a cluster that cannot be reached. */
  readonly signal?: AbortSignal;
}

export async function openOpenSearch(options: OpenSearchOptions): Promise<SearchEngine> {
  const {
    cluster,
    index,
    log,
    registry,
    clock = systemClock,
    rebuildOriginal: rebuild = () => undefined,
    signal,
    onAway = () => {},
  } = options;
  const waiting = { log, signal, onAway };
  const directory = join(options.directory, 'opensearch');
  const client = new Client(cluster);
  const clusterId = await whenReachable(() => prepareCluster(client, index, log), waiting);
  const catalogue = new SliceCatalogue(client, index);
  const journal = await StoreJournal.open(directory);
  const { refreshEveryMs = OPENSEARCH_LIMITS.refreshEveryMs } = options;
  const proposed = await nameIn(directory, 'origin');
  const origin = (await options.nameOfQueue?.(proposed)) ?? proposed;
  const policy = new ClusterPolicy(client, index, await nameIn(directory, 'store'), () => clock.now());
  await whenReachable(() => Promise.all([catalogue.open(), policy.refresh()]), waiting);
  const runner = new QueryRunner(client, { ...QUERY_LIMITS, ...options.limits });
  const time = measureQuestions(registry, runner);
  const answer = <T>(name: string, asker: Asker, work: (ask: Ask) => Promise<T>): Promise<T> => {
    const { tenant, fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY, signal: cancelled } = asker;
    const targets: Targets = {
      touched: (where) =>
        where === 'everywhere'
          ? catalogue.touched(policy.current, tenant, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
          : catalogue.touched(policy.current, tenant, fromMs, toMs),
      known: () => catalogue.knownTouched(policy.current, tenant, fromMs, toMs),
      existing: () => catalogue.names(),
    };
    return time(name, () => runner.run(tenant, cancelled, targets, work));
  };
  let completeTo: SearchEngine['completeToMs'] = () => 0;
  return {
    index: `the slices ${index.prefix} of the OpenSearch cluster ${clusterId}`,
    writer: new OpenSearchWriter({ client, index, catalogue, origin, refreshEveryMs, clock, log }),
    journal,
    policy,
    slices: {
      touched: async (tenant, fromMs, toMs) => {
        const touched = await runner.look(() => catalogue.touched(policy.current, tenant, fromMs, toMs));
        return touched.map(({ index: name }) => name);
      },
      describe: () => runner.look(() => describeSlices(catalogue, policy.current)),
      decisions: () => policy.current.decisions,
    },
    search: (question) => answer('search', question, (ask) => search(question, ask, rebuild)),
    count: (question) => answer('count', question, (ask) => count(question, ask)),
    histogram: (question) => answer('histogram', question, (ask) => histogram(question, ask)),
    fields: (question) => answer('fields', question, (ask) => fields(question, ask)),
    values: (question) => answer('values', question, (ask) => values(question, ask)),
    stats: (question) => answer('stats', question, (ask) => stats(question, ask)),
    get: (question) => answer('get', question, (ask) => getEvent(question, ask, rebuild)),
    context: (question) => answer('context', question, (ask) => contextOf(question, ask, rebuild)),
    completeToMs: (...about) => completeTo(...about),
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
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly signal: AbortSignal;
}

interface Waiting {
  readonly log: Logger;
  readonly signal: AbortSignal | undefined;
  readonly onAway: () => void;
}

/** A cluster that is away comes back; one that refuses does not. */
async function whenReachable<T>(work: () => Promise<T>, { log, signal, onAway }: Waiting): Promise<T> {
  for (let pauseMs: number = OPENSEARCH_LIMITS.retryDelayMs; ; pauseMs *= 2) {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof Unreachable) || signal?.aborted === true) throw thrown;
      const untrusted = certificateProblem(thrown.cause);
      if (untrusted !== undefined) {
        const advice = 'Look at search.tls.ca and at the names in the certificate.';
        throw new SpillwayError('CONFIG_INVALID', `${messageOf(thrown)} (${untrusted}). ${advice}`, { cause: thrown });
      }
      onAway();
      log.error({ reason: messageOf(thrown) }, 'The store waits for OpenSearch');
    }
    await delay(Math.min(pauseMs, OPENSEARCH_LIMITS.retryDelayMaxMs), undefined, signal && { signal });
  }
}

async function describeSlices(catalogue: SliceCatalogue, policy: SlicePolicy): Promise<readonly DescribedSlice[]> {
  const indices = await catalogue.indices();
  await catalogue.noteExisting(indices);
  const noted = new Map(catalogue.all().map((one) => [one.index, one]));
  const slices = indices.flatMap(({ index, rows, bytes }) => {
    const known = noted.get(index);
    if (known === undefined) return [];
    const { slice, fromMs, toMs } = known;
    const tier = known.tier || policy.ruleAt(ownerOf(slice) ?? '', sliceSpan(slice).fromMs).rule.tier;
    const bounds = fromMs <= toMs ? { fromMs, toMs } : undefined;
    return [{ slice, where: index, rows, bytesOnDisk: bytes, tier, bounds, tenants: undefined }];
  });
  return slices.sort((a, b) => sliceSpan(a.slice).fromMs - sliceSpan(b.slice).fromMs);
}

/**
 * A name made once: `origin` for this data folder's queue, since offsets of another one that had the same site are not
 * its own, and `store` for the store.
 */
async function nameIn(directory: string, name: 'origin' | 'store'): Promise<string> {
  const path = join(directory, name);
  const known = await readWhole(nodeDisk, path);
  if (known !== undefined && known.length > 0) return known.toString('utf8');
  await makeDirectories(nodeDisk, directory);
  const made = randomBytes(9).toString('base64url');
  await replaceFile(nodeDisk, path, Buffer.from(made));
  return made;
}
