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
import type { UserTopics } from '../../src/api/front/user-topics.ts';
import { createFrontDoor } from '../../src/api/front-door.ts';
import { createStoreApi } from '../../src/api/store-api.ts';
import { createCollector } from '../../src/collect/collector.ts';
import type { TopicWriters } from '../../src/collect/topics/topic-writers.ts';
import type { StoredEvent } from '../../src/event/event.ts';
import { RecordBatchBuilder } from '../../src/event/record-batch.ts';
import { TOPICS } from '../../src/event/topics.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { nodeDisk } from '../../src/lib/disk.ts';
import type { DiskSpace } from '../../src/lib/disk-space.ts';
import type { Scope } from '../../src/lib/principal.ts';
import { Ledger, type LedgerRow, minuteOf } from '../../src/monitor/ledger/ledger.ts';
import type { TopicAdmin } from '../../src/queue/created/topic-admin.ts';
import type { Queue } from '../../src/queue/port.ts';
import { CatalogueFile } from '../../src/queue/segment-log/catalogue-file.ts';
import { LocalCoordinator } from '../../src/queue/segment-log/coordinator.ts';
import { createdTopicOptions, LocalTopics } from '../../src/queue/segment-log/local-topics.ts';
import { MarkBoard } from '../../src/queue/segment-log/marks.ts';
import { openSegmentLog } from '../../src/queue/segment-log/queue.ts';
import { groupStates, topicStates } from '../../src/queue/segment-log/state.ts';
import type { SpoolState } from '../../src/queue/spool/spooling-queue.ts';
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
  /** How full the queue's disk is said to be. */
  readonly space?: () => DiskSpace;
  /** What is said to be kept for a queue that is away. */
  readonly spool?: SpoolState;
}

export type ApiServers = Awaited<ReturnType<typeof startApiServers>>;

export async function startApiServers(options: ApiServersOptions) {
  const { reader, slices = NO_SLICES, names = [], consoleRoot, clock = systemClock } = options;
  const folder = await mkdtemp(join(tmpdir(), 'spillway-api-'));
  const log = pino({ level: 'silent' });
  const { queue, marks, coordinator, topicAdmin } = await openQueue(join(folder, 'queue'), log);
  const writers = await Promise.all(
    Array.from({ length: PARTITIONS }, (_, partition) => queue.openWriter({ topic: TOPICS.events, partition })),
  );
  const ledger = new Ledger();
  const registries = { store: new Registry(), front: new Registry() };
  const { authenticate } = createAuth({ dataFolder: folder, clock, log });
  const collector = await createCollector({
    inputs: { syslog: [] },
    queue,
    disk: {
      ...{ folder, highWaterPercent: 90, minFreeBytes: 0 },
      ask: async () => options.space?.() ?? { usedPercent: 0, freeBytes: 1, totalBytes: 1 },
    },
    authenticate: (request) => request.principal,
    site: 'local',
    clock,
    log,
    registry: registries.front,
    topicAdmin,
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
      topics: async (only) => topicStates(marks.all().filter(({ topic }) => only === undefined || topic === only)),
      groups: () =>
        groupStates({
          queue,
          positions: coordinator.positions(),
          endOffset: (at) => marks.get(at)?.endOffset,
          nowMs: clock.now(),
        }),
      addPartitions: async (partitions) => {
        await coordinator.raisePartitions({ [TOPICS.raw]: partitions, [TOPICS.events]: partitions });
        return queue.partitionCount(TOPICS.raw);
      },
      ledger: async (question) => ledger.answer(question),
      metrics: () => registries.front.metrics(),
      roles: async () => [{ role: 'store', state: 'ready', pid: process.pid, restarts: 0 }],
    },
    ...(collector.topics === undefined
      ? {}
      : { topics: userTopics({ queue, topicAdmin, writers: collector.topics.writers }) }),
    ingestPlugins: [
      collector.httpPlugin,
      ...(collector.topics === undefined ? [] : [collector.topics.input.plugin]),
      ...(options.plugins ?? []),
    ],
    ...(consoleRoot === undefined ? {} : { consoleRoot }),
    machine: () => ({
      ...(collector.space === undefined ? {} : { disk: collector.space }),
      ...(options.spool === undefined ? {} : { spool: options.spool }),
    }),
    registry: registries.front,
  });
  await front.listen({ host: HERE, port: 0 });

  return {
    ...{ folder, front, store, where, queue, registries, ledger, topicAdmin },
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
  const disk = nodeDisk;
  const file = await CatalogueFile.open(disk, directory);
  const coordinator = await LocalCoordinator.open({ directory, disk, log, floor: () => file.state.floor });
  const marks = new MarkBoard();
  const topics = {
    [TOPICS.raw]: { partitions: PARTITIONS, compression: 'none' },
    [TOPICS.events]: { partitions: PARTITIONS, compression: 'zstd' },
    // Nothing goes before somebody calls retain().
    [TOPICS.deadLetter]: { partitions: 3, compression: 'none', retention: { maxBytes: 1 } },
  } as const;
  const created = (topic: string) => createdTopicOptions(file.state, topic);
  const queue = openSegmentLog({ directory, topics, created, coordinator, marks, log });
  const topicAdmin = await LocalTopics.open({ directory, disk, file, coordinator, log });
  return { queue, marks, coordinator, topicAdmin };
}

function userTopics(parts: { queue: Queue; topicAdmin: TopicAdmin; writers: TopicWriters }): UserTopics {
  const { queue, topicAdmin: admin, writers } = parts;
  return {
    admin,
    queue,
    retention: { maxAgeMs: 7 * 86_400_000, maxBytes: 2 ** 36 },
    topic: (name) => writers.topic(name),
    open: (at) => writers.open(at),
    closed: (name) => writers.closed(name),
  };
}

function portOf(server: FastifyInstance): number {
  return (server.server.address() as AddressInfo).port;
}
