/** For tests: a collector on a real segmented log in a temporary folder, behind a real HTTP server. */
import { EventEmitter } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify from 'fastify';
import { Registry } from 'prom-client';
import { DEAD_LETTER_KEY, type DeadLetterReason, decodeDeadLetterReason } from '../event/dead-letter.ts';
import { decodeRawMeta, RAW_META_KEY, type RawMeta } from '../event/raw-meta.ts';
import { RecordCursor } from '../event/record-batch.ts';
import { TOPICS } from '../event/topics.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Disk } from '../lib/disk.ts';
import { nodeDisk } from '../lib/disk.ts';
import type { DiskSpace } from '../lib/disk-space.ts';
import { SpillwayError } from '../lib/errors.ts';
import { COLLECT_LIMITS, type CollectLimits } from '../lib/limits.ts';
import { createLog } from '../lib/log.ts';
import type { Principal } from '../lib/principal.ts';
import { offset, type PartitionWriter, type Queue } from '../queue/port.ts';
import { LocalCoordinator } from '../queue/segment-log/coordinator.ts';
import { MarkBoard } from '../queue/segment-log/marks.ts';
import { openSegmentLog } from '../queue/segment-log/queue.ts';
import { type Collector, createCollector, type SyslogInputConfig } from './collector.ts';
import type { DurableBatch } from './tally.ts';

export interface StoredRecord {
  readonly partition: number;
  readonly text: string;
  readonly bytes: Buffer;
  readonly meta: RawMeta;
  readonly timestampMs: number;
}

export interface StoredLetter {
  readonly bytes: Buffer;
  readonly chunks: number;
  readonly reason: DeadLetterReason;
  readonly meta: RawMeta;
}

export interface FixtureOptions {
  readonly folder?: string;
  /** Another collector whose queue this one shares, as collectors on Kafka do; it is to end after this one. */
  readonly beside?: {
    readonly folder: string;
    readonly queue: ReturnType<typeof openSegmentLog>;
    readonly coordinator: LocalCoordinator;
  };
  readonly partitions?: number;
  readonly syslog?: readonly Partial<SyslogInputConfig>[];
  readonly clock?: Clock;
  readonly disk?: Disk;
  readonly limits?: Partial<CollectLimits>;
  /** How full the disk is said to be. */
  readonly space?: () => DiskSpace;
  /** Keep one, in FOLDER/collector/keys.json. */
  readonly keysFile?: boolean;
  readonly authenticate?: (headers: Record<string, unknown>) => Principal;
}

export type Fixture = Awaited<ReturnType<typeof startCollector>>;

export class MemoryClock implements Clock {
  #nowMs: number;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  jump(ms: number): void {
    this.#nowMs += ms;
  }
}

const EVERYBODY: Principal = { tenant: 'default', scopes: new Set(['ingest']) };

export async function startCollector(options: FixtureOptions = {}) {
  const { beside, disk = nodeDisk, clock = systemClock, partitions = 2 } = options;
  const folder = beside?.folder ?? options.folder ?? (await mkdtemp(join(tmpdir(), 'spillway-collect-')));
  const log = createLog('test', 'silent');
  const coordinator = beside?.coordinator ?? (await LocalCoordinator.open({ directory: folder, disk: nodeDisk, log }));
  const queue =
    beside?.queue ??
    withSharedWriters(
      openSegmentLog({
        directory: folder,
        topics: {
          [TOPICS.raw]: { partitions, compression: 'none' },
          [TOPICS.deadLetter]: { partitions: 3, compression: 'none' },
        },
        coordinator,
        marks: new MarkBoard(),
        log,
        disk,
        clock,
      }),
    );
  const accepted: DurableBatch[] = [];
  const deadLettered: DurableBatch[] = [];
  const events = new EventEmitter();
  const registry = new Registry();
  const collector = await createCollector({
    inputs: {
      syslog: (options.syslog ?? []).map((input) => {
        return { host: '127.0.0.1', port: 0, tenant: 'default', udp: false, tcp: false, ...input };
      }),
    },
    queue,
    authenticate: ({ headers }) => options.authenticate?.(headers) ?? EVERYBODY,
    site: 'test',
    clock,
    log,
    registry,
    ...(options.keysFile === true ? { keysFile: join(folder, 'collector', 'keys.json') } : {}),
    disk: {
      folder,
      highWaterPercent: 90,
      minFreeBytes: 1_000,
      ask: async () => options.space?.() ?? { usedPercent: 1, freeBytes: 1e9 },
    },
    limits: { ...COLLECT_LIMITS, ...options.limits },
    onAccepted: (batch) => {
      accepted.push(batch);
      events.emit('accepted');
    },
    onDeadLettered: (batch) => deadLettered.push(batch),
  });
  const listening = await collector.listen();
  const http = await serve(collector);
  return {
    folder,
    collector,
    coordinator,
    queue,
    registry,
    accepted,
    deadLettered,
    /** Emits `accepted` at once when a batch of raw is durable. */
    events,
    url: http.url,
    /** Port of the first listener of that kind. */
    port: (what: 'syslog TCP' | 'syslog UDP'): number => listening.find((one) => one.what === what)?.port ?? 0,
    records: () => readRecords(queue),
    letters: () => readLetters(queue),
    metric: async (name: string, labels: Record<string, string> = {}): Promise<number> => {
      const metric = (await registry.getMetricsAsJSON()).find((one) => one.name === name);
      const matching = metric?.values.filter((value) =>
        Object.entries(labels).every(([label, wanted]) => value.labels[label] === wanted),
      );
      return matching?.reduce((sum, { value }) => sum + value, 0) ?? 0;
    },
    stop: async (): Promise<void> => {
      await http.close();
      await collector.close();
      if (beside === undefined) await queue.close();
    },
    remove: (): Promise<void> => rm(folder, { recursive: true, force: true }),
  };
}

/** The first collector closes them. */
function withSharedWriters<Whole extends Queue>(queue: Whole): Whole {
  const writers = new Map<string, PartitionWriter>();
  const openWriter: Queue['openWriter'] = async (at) => {
    const name = `${at.topic}/${at.partition}`;
    const known = writers.get(name);
    if (known === undefined) {
      const writer = await queue.openWriter(at);
      writers.set(name, writer);
      return writer;
    }
    return {
      ...at,
      get nextOffset() {
        return known.nextOffset;
      },
      get saturated() {
        return known.saturated;
      },
      append: (batch) => known.append(batch),
      drained: () => known.drained(),
      close: async () => undefined,
    };
  };
  return new Proxy(queue, {
    get: (of, name) => {
      if (name === 'openWriter') return openWriter;
      const value: unknown = Reflect.get(of, name, of);
      return typeof value === 'function' ? value.bind(of) : value;
    },
  });
}

/** As the front door does it: errors of the registry are answered with their status. */
async function serve(collector: Collector): Promise<{ url: string; close: () => Promise<void> }> {
  const app = Fastify({ forceCloseConnections: true });
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof SpillwayError)) return reply.status(500).send({ code: 'INTERNAL', detail: String(error) });
    if (error.retryAfterS !== undefined) reply.header('retry-after', error.retryAfterS);
    return reply.status(error.kind.status).send({ code: error.code, detail: error.message });
  });
  await app.register(collector.httpPlugin);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { url, close: () => app.close() };
}

export async function connectTo(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

async function* readBatches(queue: Queue, topic: string, partition: number): AsyncGenerator<RecordCursor> {
  const reader = queue.openReader({ topic, partition });
  try {
    for (let position = offset(0); ; ) {
      const { batches, nextOffset } = await reader.read(position);
      if (batches.length === 0) return;
      for (const batch of batches) yield new RecordCursor(Buffer.from(batch.bytes));
      position = nextOffset;
    }
  } finally {
    await reader.close();
  }
}

async function readRecords(queue: Queue): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  for (let partition = 0; partition < queue.partitionCount(TOPICS.raw); partition++) {
    for await (const cursor of readBatches(queue, TOPICS.raw, partition)) {
      while (cursor.next()) {
        const bytes = Buffer.from(cursor.value());
        const meta = decodeRawMeta(cursor.headerValue(RAW_META_KEY) ?? Buffer.from('{}'));
        records.push({ partition, text: bytes.toString(), bytes, meta, timestampMs: cursor.timestampMs });
      }
    }
  }
  return records;
}

/** The chunks of each letter put together; the last one must be there. */
async function readLetters(queue: Queue): Promise<StoredLetter[]> {
  const chunks = new Map<string, Buffer[]>();
  const letters: StoredLetter[] = [];
  for await (const cursor of readBatches(queue, TOPICS.deadLetter, 0)) {
    while (cursor.next()) {
      const reason = decodeDeadLetterReason(cursor.headerValue(DEAD_LETTER_KEY) ?? Buffer.from('{}'));
      const parts = chunks.get(reason.origin) ?? [];
      if (reason.chunk !== parts.length) throw new Error(`chunk ${reason.chunk} stands at ${parts.length}`);
      parts.push(Buffer.from(cursor.value()));
      chunks.set(reason.origin, parts);
      if (!reason.last) continue;
      const meta = decodeRawMeta(cursor.headerValue(RAW_META_KEY) ?? Buffer.from('{}'));
      letters.push({ bytes: Buffer.concat(parts), chunks: parts.length, reason, meta });
    }
  }
  return letters;
}
