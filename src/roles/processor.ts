/** The processor: pulls `raw`, runs the topology, appends `events` and dead letters. */
import { GROUPS, TOPICS } from '../event/topics.ts';
import { countProcessed, processedRows } from '../monitor/ledger/counting.ts';
import { runProcessor } from '../process/processor.ts';
import { createTopology } from '../process/topology.ts';
import { openEarlierLetters } from './earlier-letters.ts';
import { openLedger } from './open-ledger.ts';
import type { RoleContext, RunningRole } from './role-context.ts';

export async function runProcessorRole(context: RoleContext): Promise<RunningRole> {
  const { queue, config, clock, log, registry } = context;
  const earlier = await openEarlierLetters(queue, 'processor');
  const ledger = openLedger(context);
  const stored = (partition: number) => context.committed(GROUPS.store, { topic: TOPICS.events, partition });
  const processor = runProcessor({
    queue,
    site: config.site,
    severalCollectors: config.queue.engine !== 'embedded',
    topology: createTopology(config.topology),
    clock,
    log,
    registry,
    ...(config.processor.lanes ? { lanes: { stored, window: config.processor.laneWindow } } : {}),
    onOpened: (partition) => ledger.follow({ at: { topic: TOPICS.events, partition }, count: countProcessed }),
    onLedger: (partition, entries, appended) => {
      ledger.add({ topic: TOPICS.events, partition }, appended, processedRows(entries, partition));
    },
  });
  await processor.started;
  context.endOnFailure(processor.done);
  await ledger.start();
  return {
    listening: [],
    stop: async () => {
      await processor.stop();
      await earlier?.close();
      await ledger.stop();
      await context.close();
    },
  };
}
