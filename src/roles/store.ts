/** The store: pulls `events` into the search engine and answers questions. */
import { join } from 'node:path';
import { createAuth } from '../api/auth/authenticate.ts';
import { createStoreApi } from '../api/store-api.ts';
import { assertExposureAllowed } from '../config/exposure.ts';
import { deadLetterPartition } from '../event/dead-letter.ts';
import type { StoredEvent } from '../event/event.ts';
import { GROUPS, TOPICS } from '../event/topics.ts';
import { countUnwritten, countWritten, writtenRows } from '../monitor/ledger/counting.ts';
import { BASE64_PREFIX, rebuild } from '../process/layout/rebuild.ts';
import { runIndexer } from '../search/indexer.ts';
import type { EngineInUse } from '../search/indexing/engine-change.ts';
import type { SearchEngine } from '../search/port.ts';
import { openEarlierLetters } from './earlier-letters.ts';
import { listenOn } from './listen.ts';
import { openLedger } from './open-ledger.ts';
import type { RoleContext, RunningRole } from './role-context.ts';
import { openSearchEngine } from './search-engine.ts';
import { pinnedOf, retentionOf, tiersOf } from './slice-options.ts';
import { startedSoon } from './store-start.ts';
import { reportTrouble, slicesWaiting, storeTroubles } from './store-trouble.ts';

const ANY_LOOPBACK_PORT = { host: '127.0.0.1', port: 0 };

export async function runStore(context: RoleContext): Promise<RunningRole> {
  const { queue, config, clock, log, registry, internalSecret } = context;
  const { authenticate, tokenCount } = createAuth({ dataFolder: config.data, clock, log });
  assertExposureAllowed(config, tokenCount());
  const earlier = await openEarlierLetters(queue, 'store');
  const ledger = openLedger(context, earlier === undefined ? [] : [{ at: earlier, count: countUnwritten }]);
  const committed = (partition: number) => context.committed(GROUPS.store, { topic: TOPICS.events, partition });
  const beganMs = clock.now();
  const onAway = () => context.link.send({ kind: 'held-up', sinceMs: beganMs, waiting: null });
  const { nameOfQueue } = context;
  const engine = await openSearchEngine(config, { log, registry, rebuildOriginal, nameOfQueue, onAway });
  await context.claimIndex(engine.index);
  const indexer = runIndexer({
    queue,
    engine,
    engineInUse: engineInUse(context, engine),
    site: config.site,
    retention: retentionOf(config),
    tiers: tiersOf(config),
    pinned: pinnedOf(config),
    rawEnd: (partition) => context.rawEnd(partition),
    processed: (partition) => context.committed(GROUPS.processor, { topic: TOPICS.raw, partition }),
    clock,
    log,
    registry,
    onOpened: (partition) => {
      const at = { topic: TOPICS.events, partition };
      ledger.follow({ at, count: countWritten, end: () => committed(partition) });
      const refusals = { topic: TOPICS.deadLetter, partition: deadLetterPartition.storing(partition) };
      ledger.poll({ at: refusals, count: countUnwritten });
    },
    onCommitted: ({ partition, range, progress }) => {
      ledger.add({ topic: TOPICS.events, partition }, range, writtenRows(progress?.ledger ?? [], partition));
    },
  });
  const stopReporting = reportTrouble(indexer, context.link, clock, log);
  const { endOnFailure } = context;
  await startedSoon({ indexer, claimIndex: () => context.claimIndex(engine.index), endOnFailure, log });
  await ledger.start();
  const api = await createStoreApi({
    reader: engine,
    slices: engine.slices,
    queue,
    authenticate,
    clock,
    log,
    registry,
    internalSecret,
    troubles: () => [
      ...(context.troubles?.() ?? []),
      ...storeTroubles(indexer.trouble.sinceMs, slicesWaiting(indexer.waiting(), clock), clock),
    ],
    names: [config.http.host, config.store.host, ...config.http.names],
    rebuildOriginal,
  });
  const listening = await listenOn(api, 'store', context.alone ? config.store : ANY_LOOPBACK_PORT);
  return {
    listening: [listening],
    stop: async () => {
      stopReporting();
      await Promise.all([api.close(), indexer.stop()]);
      await ledger.stop();
      await earlier?.close();
      await context.close();
      await engine.close();
    },
  };
}

/** An embedded index is each folder's own; where several folders share the queue, any other one has a name for all. */
function engineInUse({ config, engineRecord: record }: RoleContext, { writer, index }: SearchEngine): EngineInUse {
  const inUse = { name: config.search.engine, directory: join(config.data, 'search') };
  if (record === undefined) return inUse;
  return { ...inUse, record, name: writer.shared === undefined ? inUse.name : index };
}

function rebuildOriginal(event: StoredEvent): string | undefined {
  const bytes = rebuild(event);
  if (bytes === undefined) return undefined;
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : BASE64_PREFIX + bytes.toString('base64');
}
