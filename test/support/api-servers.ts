/**
 * The two HTTP servers as the roles start them, on free ports: real queue, collector, ledger and tokens; the search
 * engine is the one given, such as the model of memory-reader.ts.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { type Logger, pino } from 'pino';
import { Registry } from 'prom-client';
import { createAuth } from '../../src/api/auth/authenticate.ts';
import { createToken } from '../../src/api/auth/tokens.ts';
import { createFrontDoor } from '../../src/api/front-door.ts';
import { createStoreApi } from '../../src/api/store-api.ts';
import { createCollector } from '../../src/collect/collector.ts';
import type { StoredEvent } from '../../src/event/event.ts';
import { RecordBatchBuilder } from '../../src/event/record-batch.ts';
import { TOPICS } from '../../src/event/topics.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { nodeDisk } from '../../src/lib/disk.ts';
import type { Scope } from '../../src/lib/principal.ts';
import { Ledger, type LedgerRow, minuteOf } from '../../src/monitor/ledger/ledger.ts';
import { LocalCoordinator } from '../../src/queue/segment-log/coordinator.ts';
import { MarkBoard } from '../../src/queue/segment-log/marks.ts';
import { openSegmentLog } from '../../src/queue/segment-log/queue.ts';
import { topicStates } from '../../src/queue/segment-log/state.ts';
import type { SearchReader, SliceReader } from '../../src/search/port.ts';

const SECRET = 'the secret of this start';
const PARTITIONS = 2;
const HERE = '127.0.0.1';
const NO_SLICES: SliceReader = { touched: async () => [], describe: async () => [], decisions: () => [] };

export interface ApiServersOptions {
  readonly reader: SearchReader;
  /** Without it there are none. */
  readonly slices?: SliceReader;
  readonly clock?: Clock;
  readonly consoleRoot?: string;
  readonly names?: readonly string[];
  readonly plugins?: readonly FastifyPluginAsync[];
}

export type ApiServers = Awaited<ReturnType<typeof startApiServers>>;

export async function startApiServers(options: ApiServersOptions) {
  const { reader, slices = NO_SLICES, names = [], consoleRoot, clock = systemClock } = options;
  const folder = await mkdtemp(join(tmpdir(), 'spillway-api-'));
  const log = pino({ level: 'silent' });
  const { queue, marks, coordinator } = await openQueue(join(folder, 'queue'), log);
  const writers = await Promise.all(
    Array.from({ length: PARTITIONS }, (_, partition) => queue.openWriter({ topic: TOPICS.events, partition })),
  );
  const ledger = new Ledger();
  const registries = { store: new Registry(), front: new Registry() };
  const { authenticate } = createAuth({ dataFolder: folder, clock, log });
  const collector = await createCollector({
    inputs: { syslog: [] },
    queue,
    disk: { folder, highWaterPercent: 100, minFreeBytes: 0 },
    authenticate: (request) => request.principal,
    site: 'local',
    clock,
    log,
    registry: registries.front,
    onAccepted: ({ partition, counts }) => ledger.state(`batch ${ledgerRows++}`, rowsOf(partition, counts), true),
  });
  const store = await createStoreApi({
    ...{ reader, slices, queue, authenticate, clock, log, names },
    registry: registries.store,
    internalSecret: SECRET,
  });
  await store.listen({ host: HERE, port: 0 });
  const where: { store: { port: number } | undefined } = { store: { port: portOf(store) } };
  const front = await createFrontDoor({
    ...{ authenticate, queue, clock, log, names },
    storeAddress: () => where.store,
    internalSecret: SECRET,
    coordinator: {
      topics: async () => topicStates(marks.all()),
      groups: async () => [],
      addPartitions: async (partitions) => {
        await coordinator.raisePartitions({ [TOPICS.raw]: partitions, [TOPICS.events]: partitions });
        return queue.partitionCount(TOPICS.raw);
      },
      ledger: async (question) => ledger.answer(question),
      metrics: () => registries.front.metrics(),
      roles: async () => [{ role: 'store', state: 'ready', pid: process.pid, restarts: 0 }],
    },
    ingestPlugins: [collector.httpPlugin, ...(options.plugins ?? [])],
    ...(consoleRoot === undefined ? {} : { consoleRoot }),
    registry: registries.front,
  });
  await front.listen({ host: HERE, port: 0 });

  return {
    ...{ folder, front, store, where, queue, registries, ledger },
    secret: SECRET,
    frontUrl: `http://${HERE}:${portOf(front)}`,
    storeUrl: `http://${HERE}:${portOf(store)}`,
    token: (tenant: string, ...scopes: Scope[]) => createToken(folder, { tenant, scopes }).token,
    /** Appends events to the topic that tails follow; durable when it resolves. */
    publish: async (events: readonly StoredEvent[], partition = 0) => {
      const batch = new RecordBatchBuilder({ compression: 'zstd' });
      for (const event of events) {
        const bytes = Buffer.from(JSON.stringify(event));
        batch.append(bytes, 0, bytes.length, event.received);
      }
      await writers[partition]?.append(batch.finish());
    },
    close: async () => {
      await front.close();
      await store.close();
      await collector.close();
      await Promise.all(writers.map((writer) => writer.close()));
      await queue.close();
      await coordinator.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

let ledgerRows = 0;

function rowsOf(
  partition: number,
  counts: readonly { readonly tenant: string; readonly receivedMs: number; readonly count: number }[],
): LedgerRow[] {
  return counts.map(({ tenant, receivedMs, count }) => {
    return { partition, tenant, minute: minuteOf(receivedMs), column: 'accepted', count };
  });
}

async function openQueue(directory: string, log: Logger) {
  const coordinator = await LocalCoordinator.open({ directory, disk: nodeDisk, log });
  const marks = new MarkBoard();
  const topics = {
    [TOPICS.raw]: { partitions: PARTITIONS, compression: 'none' },
    [TOPICS.events]: { partitions: PARTITIONS, compression: 'zstd' },
    // Nothing goes before somebody calls retain().
    [TOPICS.deadLetter]: { partitions: 3, compression: 'none', retention: { maxBytes: 1 } },
  } as const;
  return { queue: openSegmentLog({ directory, topics, coordinator, marks, log }), marks, coordinator };
}

function portOf(server: FastifyInstance): number {
  return (server.server.address() as AddressInfo).port;
}
