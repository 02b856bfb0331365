/** What the benchmarks of the queue share: 300-byte records as a collector makes them, and a log of their own on this disk. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { encodeHeaders, RecordBatchBuilder } from '../../src/event/record-batch.ts';
import { nodeDisk } from '../../src/lib/disk.ts';
import type { PartitionWriter } from '../../src/queue/port.ts';
import { openTestLog, type TestLog, type TestLogOptions } from '../../src/queue/segment-log/test-log.ts';

export const RECORD_BYTES = 300;
/** A socket's read: what a collector finds at once. */
const CHUNK_BYTES = 64 * 1024;
export const chunk = Buffer.alloc(CHUNK_BYTES, 'a log line of an application that says something ');
const bounds: number[] = [];
for (let at = 0; at + RECORD_BYTES <= CHUNK_BYTES; at += RECORD_BYTES + 1) bounds.push(at, at + RECORD_BYTES);
const RUN = bounds.length / 2;
export const headers = encodeHeaders([
  ['m', Buffer.from('{"t":"default","i":"syslog-tcp","r":"127.0.0.1:40000","f":"syslog"}')],
]);

export const rawTopic = (partitions: number): NonNullable<TestLogOptions['topics']> => ({
  raw: { partitions, compression: 'none' },
});

/** Hands over full batches of records without end; `take` says whether to go on. */
export async function encode(take: (batch: Buffer) => Promise<boolean> | boolean): Promise<void> {
  const builder = new RecordBatchBuilder();
  for (;;) {
    const nowMs = Date.now();
    for (let i = 0; i < RUN; ) {
      i = builder.appendRun(chunk, bounds, i, RUN, nowMs, headers);
      if (i < RUN && !(await take(builder.finish()))) return;
    }
  }
}

/**
 * Appends full batches as fast as they become durable, while it may; resolves when all of them are. After each one the event
 * loop has its turn, as between two reads of a collector's sockets.
 */
export async function appendWhile(writer: PartitionWriter, goesOn: () => boolean): Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  await encode(async (batch) => {
    last = writer.append(batch);
    if (writer.saturated) await writer.drained();
    await setImmediate();
    return goesOn();
  });
  await last;
}

/** So many callers, each with one record at a time; how long each append took, ms. */
export async function smallAppends(writer: PartitionWriter, callers: number, appends: number): Promise<number[]> {
  const takenMs: number[] = [];
  let begun = 0;
  const caller = async () => {
    const builder = new RecordBatchBuilder();
    while (begun++ < appends) {
      builder.append(chunk, 0, RECORD_BYTES, Date.now(), headers);
      const startedMs = performance.now();
      await writer.append(builder.finish());
      takenMs.push(performance.now() - startedMs);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return takenMs;
}

export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-bench-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function withLog<T>(partitions: number, use: (log: TestLog, directory: string) => Promise<T>): Promise<T> {
  return withFolder(async (directory) => {
    const log = await openTestLog({ directory, disk: nodeDisk, topics: rawTopic(partitions) });
    try {
      return await use(log, directory);
    } finally {
      await log.close();
    }
  });
}
