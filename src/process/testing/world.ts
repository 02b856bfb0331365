/** A processor on a real segmented log, for tests: records go into `raw`, what comes out is read back. */
import { Registry } from 'prom-client';
import {
  DEAD_LETTER_KEY,
  deadLetterPartition,
  deadLetterPartitions,
  decodeDeadLetterReason,
} from '../../event/dead-letter.ts';
import type { StoredEvent } from '../../event/event.ts';
import { decodeProgress, isProgress, type LedgerEntry, type Progress } from '../../event/progress.ts';
import { encodeRawMeta, RAW_META_KEY, type RawMeta } from '../../event/raw-meta.ts';
import { encodeHeaders, RecordBatchBuilder, RecordCursor } from '../../event/record-batch.ts';
import { TOPICS } from '../../event/topics.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Disk } from '../../lib/disk.ts';
import { offset, type Queue, type TopicPartition } from '../../queue/port.ts';
import { openTestLog, recordingLog, type TestLog } from '../../queue/segment-log/test-log.ts';
import { type LaneOptions, type RunningProcessor, runProcessor } from '../processor.ts';
import { createTopology, type Topology } from '../topology.ts';

export const SYSLOG: RawMeta = { tenant: 'default', input: 'syslog-tcp', remote: '192.0.2.7:5140', format: 'syslog' };
export const RECEIVED = Date.UTC(2026, 10, 23, 19, 45, 0);

export interface SentRecord {
  readonly value: string | Buffer;
  readonly meta?: RawMeta;
  readonly receivedMs?: number;
}

export function openWorld(disk: Disk, partitions = 1, directory?: string): Promise<TestLog> {
  // Nothing goes before somebody calls retain().
  const retention = { maxBytes: 1 };
  const topics = {
    [TOPICS.raw]: { partitions, compression: 'none', retention },
    [TOPICS.events]: { partitions, compression: 'zstd', retention },
    [TOPICS.deadLetter]: { partitions: deadLetterPartitions(partitions), compression: 'none' },
  } as const;
  return openTestLog({ disk, topics, segmentBytes: 64 * 1024, ...(directory !== undefined && { directory }) });
}

/** Appends the records to a partition of `raw`, `perBatch` at a time. */
export async function send(queue: Queue, records: readonly SentRecord[], perBatch = 5, partition = 0): Promise<void> {
  const writer = await queue.openWriter({ topic: TOPICS.raw, partition });
  for (let from = 0; from < records.length; from += perBatch) {
    const builder = new RecordBatchBuilder();
    for (const { value, meta = SYSLOG, receivedMs = RECEIVED } of records.slice(from, from + perBatch)) {
      const bytes = Buffer.from(value);
      builder.append(bytes, 0, bytes.length, receivedMs, encodeHeaders([[RAW_META_KEY, encodeRawMeta(meta)]]));
    }
    await writer.append(builder.finish());
  }
  await writer.close();
}

/** A topology that fails on records with `poison` and drops those with `noise`. */
export function pickyTopology(): Topology {
  const topology = createTopology([{ stage: 'filter', when: 'noise', drop: true, name: 'noise' }]);
  return {
    run(record) {
      if (record.bytes.toString('latin1', record.start, record.end).includes('poison'))
        throw new Error('a bitter taste');
      return topology.run(record);
    },
  };
}

export interface WatchedProcessor extends RunningProcessor {
  readonly ledger: LedgerEntry[];
  /** Resolves once so many records were taken since the start. */
  taken(count: number): Promise<void>;
}

export function startProcessor(
  queue: Queue,
  topology = pickyTopology(),
  registry = new Registry(),
  severalCollectors = false,
  lanes?: LaneOptions,
): WatchedProcessor {
  const ledger: LedgerEntry[] = [];
  const waiting: { readonly count: number; readonly wake: () => void }[] = [];
  const total = (): number => ledger.reduce((sum, { taken }) => sum + taken, 0);
  const processor = runProcessor({
    queue,
    site: 'local',
    severalCollectors,
    topology,
    clock: systemClock,
    log: recordingLog([]),
    registry,
    ...(lanes === undefined ? {} : { lanes }),
    onLedger: (_partition, entries) => {
      ledger.push(...entries);
      for (const { count, wake } of waiting) if (total() >= count) wake();
    },
  });
  return {
    ...processor,
    ledger,
    taken: (count) => (total() >= count ? Promise.resolve() : new Promise((wake) => waiting.push({ count, wake }))),
  };
}

export interface ReadBack {
  readonly events: readonly StoredEvent[];
  readonly markers: readonly Progress[];
  readonly letters: readonly { readonly origin: string; readonly code: string; readonly value: string }[];
}

/** Everything in `events` and the processor's dead letters. */
export async function readBack(queue: Queue, partition = 0): Promise<ReadBack> {
  const events: StoredEvent[] = [];
  const markers: Progress[] = [];
  const letters: { origin: string; code: string; value: string }[] = [];
  await eachRecord(queue, { topic: TOPICS.events, partition }, (record) => {
    if (isProgress(record)) markers.push(decodeProgress(record.value()));
    else events.push(JSON.parse(record.value().toString()));
  });
  await eachRecord(
    queue,
    { topic: TOPICS.deadLetter, partition: deadLetterPartition.processing(partition) },
    (record) => {
      const { origin, code } = decodeDeadLetterReason(record.headerValue(DEAD_LETTER_KEY) ?? Buffer.alloc(0));
      letters.push({ origin, code, value: record.value().toString() });
    },
  );
  return { events, markers, letters };
}

async function eachRecord(queue: Queue, at: TopicPartition, visit: (record: RecordCursor) => void): Promise<void> {
  const reader = queue.openReader(at);
  let next = await reader.earliestOffset();
  for (;;) {
    const { batches, nextOffset } = await reader.read(next);
    for (const { bytes } of batches) {
      const record = new RecordCursor(bytes);
      while (record.next()) if (record.offset >= next) visit(record);
    }
    if (nextOffset === next) break;
    next = offset(nextOffset);
  }
  await reader.close();
}

/** The sum of some ledger entries. */
export function addUp(entries: readonly LedgerEntry[]): { taken: number; out: number; dropped: number; dead: number } {
  const sum = { taken: 0, out: 0, dropped: 0, dead: 0 };
  for (const { taken, out, dropped, deadLettered } of entries) {
    sum.taken += taken;
    sum.out += out;
    sum.dropped += Object.values(dropped).reduce((a, b) => a + b, 0);
    sum.dead += deadLettered;
  }
  return sum;
}
