/**
 * Encoding and appending 300-byte records to one partition, synced group by group, beside what the same disk gives to
 * bare writes of 1 MiB with fdatasync; and its parts alone: encoding, reading, the latency of small appends.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { batchMemory, encodeHeaders, RecordBatchBuilder, RecordCursor } from '../src/event/record-batch.ts';
import { nodeDisk } from '../src/lib/disk.ts';
import { offset, type PartitionReader } from '../src/queue/port.ts';
import { openTestLog, type TestLog } from '../src/queue/segment-log/test-log.ts';
import { type Bench, inTurns, median, percentile } from './harness.ts';
import { bareDisk } from './load/bare-disk.ts';

const RECORD_BYTES = 300;
const AT = { topic: 'raw', partition: 0 };
/** A socket's read: what a collector finds at once. */
const CHUNK_BYTES = 64 * 1024;
const chunk = Buffer.alloc(CHUNK_BYTES, 'a log line of an application that says something ');
const bounds: number[] = [];
for (let at = 0; at + RECORD_BYTES <= CHUNK_BYTES; at += RECORD_BYTES + 1) bounds.push(at, at + RECORD_BYTES);
const RUN = bounds.length / 2;
const headers = encodeHeaders([
  ['m', Buffer.from('{"t":"default","i":"syslog-tcp","r":"127.0.0.1:40000","f":"syslog"}')],
]);

/** Hands over full batches of records without end; `take` says whether to go on. */
async function encode(take: (batch: Buffer) => Promise<boolean> | boolean): Promise<void> {
  const builder = new RecordBatchBuilder();
  for (;;) {
    const nowMs = Date.now();
    for (let i = 0; i < RUN; ) {
      i = builder.appendRun(chunk, bounds, i, RUN, nowMs, headers);
      if (i < RUN && !(await take(builder.finish()))) return;
    }
  }
}

async function withLog<T>(use: (log: TestLog) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'spillway-bench-'));
  const log = await openTestLog({ directory, disk: nodeDisk });
  try {
    return await use(log);
  } finally {
    await log.close();
    await rm(directory, { recursive: true });
  }
}

interface Appended {
  readonly recordsPerS: number;
  readonly bytesPerS: number;
  readonly readPerS: number;
  readonly walkedPerS: number;
}

const appendAndRead = (records: number): Promise<Appended> =>
  withLog(async (log) => {
    const writer = await log.queue.openWriter(AT);
    const startedMs = performance.now();
    let last: Promise<unknown> = Promise.resolve();
    await encode(async (batch) => {
      last = writer.append(batch);
      if (writer.saturated) await writer.drained();
      return writer.nextOffset < records;
    });
    await last;
    const seconds = (performance.now() - startedMs) / 1_000;
    const bytes = log.marks.get(AT)?.bytes ?? 0;
    const reader = log.queue.openReader(AT);
    return {
      recordsPerS: writer.nextOffset / seconds,
      bytesPerS: bytes / seconds,
      readPerS: await readPerS(reader, false),
      walkedPerS: await readPerS(reader, true),
    };
  });

/** Reads everything, checksums included; `walk` looks at each record too. */
async function readPerS(reader: PartitionReader, walk: boolean): Promise<number> {
  const startedMs = performance.now();
  let records = 0;
  for (let next = offset(0); ; ) {
    const read = await reader.read(next);
    if (read.batches.length === 0) break;
    for (const batch of read.batches) {
      records += batch.recordCount;
      if (!walk) continue;
      const record = new RecordCursor(batch.bytes);
      while (record.next());
    }
    next = read.nextOffset;
  }
  return (records * 1_000) / (performance.now() - startedMs);
}

async function encodedPerS(batches: number): Promise<number> {
  const startedMs = performance.now();
  let records = 0;
  let left = batches;
  await encode((batch) => {
    records += batch.readInt32BE(57);
    batchMemory.giveBack(batch);
    return --left > 0;
  });
  return (records * 1_000) / (performance.now() - startedMs);
}

/** 64 callers, each with one record at a time. */
const latenciesMs = (appends: number): Promise<number[]> =>
  withLog(async (log) => {
    const writer = await log.queue.openWriter(AT);
    const taken: number[] = [];
    const caller = async () => {
      const builder = new RecordBatchBuilder();
      while (taken.length < appends) {
        builder.append(chunk, 0, RECORD_BYTES, Date.now(), headers);
        const startedMs = performance.now();
        await writer.append(builder.finish());
        taken.push(performance.now() - startedMs);
      }
    };
    await Promise.all(Array.from({ length: 64 }, caller));
    return taken;
  });

/** The disk's own: a write of 4 KiB and its sync, one after another. */
async function bareSyncsMs(count: number): Promise<number[]> {
  const directory = await mkdtemp(join(tmpdir(), 'spillway-bench-'));
  const file = await nodeDisk.open(join(directory, 'bare'), 'create');
  const block = Buffer.alloc(4_096, 1);
  const taken: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedMs = performance.now();
    await file.write([block], i * block.length);
    await file.dataSync();
    taken.push(performance.now() - startedMs);
  }
  await file.close();
  await rm(directory, { recursive: true });
  return taken;
}

const tenth = (value: number): number => Math.round(value * 10) / 10;
const hundredth = (value: number): number => Math.round(value * 100) / 100;

export const run: Bench = async ({ quick }) => {
  const rounds = quick ? 1 : 5;
  const results = await inTurns<Appended | number>(
    rounds,
    () => appendAndRead(quick ? 60_000 : 4_000_000),
    () => bareDisk(quick ? 32 : 1_024),
    () => encodedPerS(quick ? 30 : 2_000),
  );
  const own = (results[0] ?? []).filter((result) => typeof result !== 'number');
  const figures = (index: number) => (results[index] ?? []).filter((result) => typeof result === 'number');
  const middle = (pick: (result: Appended) => number) => median(own.map(pick));
  const bareBytesPerS = median(figures(1));
  const value = Math.round(middle(({ recordsPerS }) => recordsPerS));
  const share = hundredth(middle(({ bytesPerS }) => bytesPerS) / bareBytesPerS);
  const small = await latenciesMs(quick ? 640 : 64_000);
  const bare = await bareSyncsMs(quick ? 50 : 2_000);
  const p99Ms = hundredth(percentile(small, 0.99));
  const bareP99Ms = hundredth(percentile(bare, 0.99));
  const bareRecords = Math.round(value / share);
  const perS = (records: number) => ({ value: Math.round(records), unit: 'records/s' });
  return {
    value,
    unit: 'records/s',
    target: Math.round(bareRecords * 0.6),
    peer: { name: 'bare writes of 1 MiB + fdatasync, in records', value: bareRecords },
    ratio: share,
    rows: {
      'encoding alone': perS(median(figures(2))),
      'reading, page cache warm': perS(middle(({ readPerS: read }) => read)),
      'reading and walking the records': perS(middle(({ walkedPerS }) => walkedPerS)),
      '64 callers, one record each, p99': {
        value: p99Ms,
        unit: 'ms',
        p99Ms,
        peer: { name: 'bare 4 KiB write + fdatasync, p99', value: bareP99Ms },
        ratio: hundredth(bareP99Ms / p99Ms),
      },
    },
    notes: [
      `The disk took ${tenth(bareBytesPerS / 1e6)} MB/s of bare 1 MiB writes with fdatasync in the same run.`,
      'One partition, one thread that encodes, checks and answers; a group is at most 1 MiB.',
    ],
  };
};
