/**
 * A store for tests and benchmarks: a real segmented log and the real engine in one folder, events appended as the
 * processor does.
 */

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { deadLetterPartitions } from '../../event/dead-letter.ts';
import type { StoredEvent } from '../../event/event.ts';
import { encodeProgress, PROGRESS_KEY } from '../../event/progress.ts';
import { NO_HEADERS, RecordBatchBuilder } from '../../event/record-batch.ts';
import { TOPICS } from '../../event/topics.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { nodeDisk } from '../../lib/disk.ts';
import type { PartitionWriter } from '../../queue/port.ts';
import { LocalCoordinator } from '../../queue/segment-log/coordinator.ts';
import { MarkBoard } from '../../queue/segment-log/marks.ts';
import { openSegmentLog, type SegmentLogQueue } from '../../queue/segment-log/queue.ts';
import { type ClickHouseEngine, type ClickHouseOptions, openClickHouse } from '../clickhouse/engine.ts';
import { type IndexerOptions, type RunningIndexer, runIndexer } from '../indexer.ts';
import type { SearchEngine } from '../port.ts';

export interface StoreKitOptions {
  readonly directory: string;
  readonly partitions?: number;
  readonly clock?: Clock;
  readonly engine?: Partial<ClickHouseOptions>;
  readonly indexer?: Partial<IndexerOptions>;
}

export interface StoreKit<Engine extends SearchEngine = ClickHouseEngine> {
  readonly queue: SegmentLogQueue;
  readonly engine: Engine;
  readonly registry: Registry;
  /** Appends events (as objects, or as the text of records) with a progress marker; durable when it resolves. */
  append(partition: number, events: readonly (StoredEvent | string)[]): Promise<number>;
  startIndexer(): RunningIndexer;
  /** Resolves when everything appended has been committed by the store. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** What every engine is opened with. */
export type EngineParts = Pick<ClickHouseOptions, 'directory' | 'log' | 'registry'>;

export function openStoreKit(options: StoreKitOptions): Promise<StoreKit> {
  return openStoreKitOn(options, (parts) =>
    openClickHouse({ ...parts, ...(options.clock && { clock: options.clock }), ...options.engine }),
  );
}

export async function openStoreKitOn<Engine extends SearchEngine>(
  options: StoreKitOptions,
  openEngine: (parts: EngineParts) => Promise<Engine>,
): Promise<StoreKit<Engine>> {
  const { directory, partitions = 1, clock = systemClock } = options;
  const log = pino({ level: process.env.SPILLWAY_LOG_LEVEL ?? 'silent' });
  const registry = new Registry();
  const coordinator = await LocalCoordinator.open({ directory: join(directory, 'queue'), disk: nodeDisk, log });
  const queue = openSegmentLog({
    directory: join(directory, 'queue'),
    topics: {
      [TOPICS.events]: { partitions, compression: 'zstd' },
      [TOPICS.deadLetter]: { partitions: deadLetterPartitions(partitions), compression: 'none' },
    },
    coordinator,
    marks: new MarkBoard(),
    log,
  });
  const writers: PartitionWriter[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    writers.push(await queue.openWriter({ topic: TOPICS.events, partition }));
  }
  const engine = await openEngine({ directory: join(directory, 'search'), log, registry });
  const indexers: RunningIndexer[] = [];
  return {
    queue,
    engine,
    registry,
    append: async (partition, events) => {
      const writer = writers[partition];
      if (writer === undefined) throw new RangeError(`no partition ${partition}`);
      return appendEvents(writer, events);
    },
    startIndexer: () => {
      const indexer = runIndexer({
        queue,
        engine,
        site: 'local',
        rawEnd: () => undefined,
        processed: () => Promise.resolve(undefined),
        clock,
        log,
        registry,
        ...options.indexer,
      });
      indexers.push(indexer);
      return indexer;
    },
    settled: async () => {
      for (const { topic, partition, nextOffset } of writers) {
        while (((await coordinator.committed('store', { topic, partition })) ?? 0) < nextOffset) await delay(5);
      }
    },
    close: async () => {
      for (const indexer of indexers) await indexer.stop();
      await engine.close();
      await queue.close();
    },
  };
}

/** One batch with its marker, as the processor writes it. The offset after it. */
async function appendEvents(writer: PartitionWriter, events: readonly (StoredEvent | string)[]): Promise<number> {
  const builder = new RecordBatchBuilder({ compression: 'zstd' });
  let receivedTo = 0;
  let nextOffset: number = writer.nextOffset;
  const finish = async (count: number) => {
    const marker = encodeProgress({ version: 1, rawOffset: nextOffset + count, receivedTo, ledger: [] });
    builder.append(marker, 0, marker.length, Math.max(receivedTo, 1), NO_HEADERS, Buffer.from(PROGRESS_KEY));
    nextOffset = (await writer.append(builder.finish())).nextOffset;
  };
  for (const event of events) {
    const value = Buffer.from(typeof event === 'string' ? event : JSON.stringify(event));
    if (typeof event !== 'string') receivedTo = Math.max(receivedTo, event.received);
    if (builder.sizeBytes + value.length > 1_000_000) await finish(builder.recordCount);
    builder.append(value, 0, value.length, Math.max(receivedTo, 1), NO_HEADERS);
  }
  await finish(builder.recordCount);
  return nextOffset;
}
