/** The store: pulls `events` into the search engine and answers questions. */
import { join } from 'node:path';
import { createAuth } from '../api/auth/authenticate.ts';
import { createStoreApi } from '../api/store-api.ts';
import { assertExposureAllowed } from '../config/exposure.ts';
import { DEAD_LETTER_PARTITIONS } from '../event/dead-letter.ts';
import type { StoredEvent } from '../event/event.ts';
import { GROUPS, TOPICS } from '../event/topics.ts';
import { countUnwritten, countWritten, writtenRows } from '../monitor/ledger/counting.ts';
import { BASE64_PREFIX, rebuild } from '../process/layout/rebuild.ts';
import { runIndexer } from '../search/indexer.ts';
import { LedgerKeeper } from './ledger-keeper.ts';
import { listenOn } from './listen.ts';
import type { RoleContext, RunningRole } from './role-context.ts';
import { openSearchEngine } from './search-engine.ts';
import { pinnedOf, retentionOf, tiersOf } from './slice-options.ts';

const ANY_LOOPBACK_PORT = { host: '127.0.0.1', port: 0 };

export async function runStore(context: RoleContext): Promise<RunningRole> {
  const { queue, config, clock, log, registry, internalSecret } = context;
  const { authenticate, tokenCount } = createAuth({ dataFolder: config.data, clock, log });
  assertExposureAllowed(config, tokenCount());
  const refusals = { topic: TOPICS.deadLetter, partition: DEAD_LETTER_PARTITIONS.store };
  const ledger = new LedgerKeeper(context, [{ at: refusals, count: countUnwritten }]);
  const committed = (partition: number) => context.committed(GROUPS.store, { topic: TOPICS.events, partition });
  const engine = await openSearchEngine(config, { log, registry, rebuildOriginal });
  const indexer = runIndexer({
    queue,
    engine,
    engineInUse: { name: config.search.engine, directory: join(config.data, 'search') },
    site: config.site,
    retention: retentionOf(config),
    tiers: tiersOf(config),
    pinned: pinnedOf(config),
    rawEnd: (partition) => context.rawEnd(partition),
    clock,
    log,
    registry,
    onOpened: (partition) => {
      const at = { topic: TOPICS.events, partition };
      ledger.follow({ at, count: countWritten, end: () => committed(partition) });
    },
    onCommitted: ({ partition, nextOffset, progress }) => {
      ledger.add({ topic: TOPICS.events, partition }, nextOffset, writtenRows(progress?.ledger ?? [], partition));
    },
  });
  await indexer.started;
  // Looked at before it joined too; two that began at the same moment see each other now.
  await context.mayStore?.();
  context.endOnFailure(indexer.done);
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
    names: [config.http.host, config.store.host, ...config.http.names],
    rebuildOriginal,
  });
  const listening = await listenOn(api, 'store', context.alone ? config.store : ANY_LOOPBACK_PORT);
  return {
    listening: [listening],
    stop: async () => {
      await Promise.all([api.close(), indexer.stop()]);
      await ledger.stop();
      await context.close();
      await engine.close();
    },
  };
}

function rebuildOriginal(event: StoredEvent): string | undefined {
  const bytes = rebuild(event);
  if (bytes === undefined) return undefined;
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : BASE64_PREFIX + bytes.toString('base64');
}
