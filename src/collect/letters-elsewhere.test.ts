import { beforeEach, expect, it } from 'vitest';
import { DEAD_LETTER_KEY, encodeDeadLetterReason } from '../event/dead-letter.ts';
import { printAttempt } from '../event/idempotency.ts';
import { encodeRawMeta, RAW_META_KEY } from '../event/raw-meta.ts';
import { encodeHeaders, RecordBatchBuilder } from '../event/record-batch.ts';
import { createLog } from '../lib/log.ts';
import { offset, type PartitionReader, type PartitionWriter, type Queue, type StoredBatch } from '../queue/port.ts';
import { LettersElsewhere } from './letters-elsewhere.ts';

const KEYED = { key: 'k'.repeat(22), body: 'b'.repeat(22) };
const TTL_MS = 1_000;
let nowMs = 0;
const writer = { topic: 'dead-letter', partition: 0, nextOffset: offset(0) } as unknown as PartitionWriter;

beforeEach(() => {
  nowMs = 0;
});

/** A letter of the request for each entry, in one batch: whether all its chunks are there. */
function batchOf(
  baseOffset: number,
  attempt: string,
  fromDeadLetter: number,
  isLast: readonly boolean[],
  timestampMs = 0,
): StoredBatch {
  const builder = new RecordBatchBuilder();
  const of = { ...KEYED, records: 1, deadLetters: 3, attempt, fromRecord: 0, fromDeadLetter };
  const meta = encodeRawMeta({
    tenant: 'shop',
    input: 'http',
    remote: '',
    format: 'json',
    idempotency: printAttempt(of),
  });
  for (const last of isLast) {
    const reason = encodeDeadLetterReason({ code: 'BAD_REQUEST', reason: '', origin: '', chunk: 0, last });
    builder.append(
      Buffer.from('x'),
      0,
      1,
      timestampMs,
      encodeHeaders([
        [RAW_META_KEY, meta],
        [DEAD_LETTER_KEY, reason],
      ]),
    );
  }
  const nextOffset = offset(baseOffset + isLast.length);
  const about = { baseOffset: offset(baseOffset), nextOffset, recordCount: isLast.length, maxTimestampMs: 0 };
  return { ...about, bytes: builder.finish() };
}

function looking(log: StoredBatch[], endOffset: () => Promise<number>) {
  const read: number[] = [];
  const reader = {
    endOffset,
    read: async (from: number) => {
      read.push(from);
      const batches = log.filter(({ nextOffset }) => nextOffset > from).slice(0, 1);
      return { batches, nextOffset: batches[0]?.nextOffset ?? from };
    },
    close: async () => {},
  } as unknown as PartitionReader;
  const queue: Pick<Queue, 'openReader'> = { openReader: () => reader };
  const about = { queue, writer, clock: { now: () => nowMs }, ttlMs: TTL_MS, log: createLog('test', 'silent') };
  return { read, elsewhere: new LettersElsewhere(about) };
}

it('counts the letters that are whole, of all attempts together, each batch once', async () => {
  const log = [batchOf(0, 'a', 0, [true, false]), batchOf(2, 'b', 1, [false, true]), batchOf(4, 'c', 0, [true])];
  let end = 2;
  const { read, elsewhere } = looking(log, async () => end);
  expect(await elsewhere.count(KEYED)).toBe(1);
  expect(await elsewhere.count({ ...KEYED, key: 'o'.repeat(22) })).toBe(0);
  end = 5;
  expect(await elsewhere.count(KEYED)).toBe(2);
  expect(read).toEqual([0, 2, 4]);
});

it('reads nothing of its own, as long as nothing else has come', async () => {
  let end = 2;
  const { read, elsewhere } = looking([batchOf(2, 'b', 0, [true])], async () => end);
  elsewhere.appended({ baseOffset: offset(0), nextOffset: offset(2) });
  expect(await elsewhere.count(KEYED)).toBe(0);
  expect(read).toEqual([]);
  end = 4;
  elsewhere.appended({ baseOffset: offset(3), nextOffset: offset(4) });
  expect(await elsewhere.count(KEYED)).toBe(1);
  expect(read[0]).toBe(2);
});

it('holds nobody up while the queue does not answer, and looks again when it does', async () => {
  const answer = Promise.withResolvers<number>();
  const { elsewhere } = looking([batchOf(0, 'a', 0, [true])], () => answer.promise);
  expect(await elsewhere.count(KEYED)).toBe(0);
  const began = performance.now();
  for (let i = 0; i < 100; i++) expect(await elsewhere.count(KEYED)).toBe(0);
  expect(performance.now() - began).toBeLessThan(1_000);
  answer.resolve(1);
  await expect.poll(() => elsewhere.count(KEYED)).toBe(1);
});

it('goes on without what cannot be read', async () => {
  const { elsewhere } = looking([], () => Promise.reject(new Error('away')));
  expect(await elsewhere.count(KEYED)).toBe(0);
});

it('does not count letters of a request that had the same key and body before the time of the key was over', async () => {
  const log = [batchOf(0, 'a', 0, [true, true])];
  let end = 2;
  nowMs = TTL_MS + 1;
  const late = looking(log, async () => end).elsewhere;
  expect(await late.count(KEYED)).toBe(0);
  nowMs = TTL_MS;
  const { elsewhere } = looking(log, async () => end);
  expect(await elsewhere.count(KEYED)).toBe(2);
  log.push(batchOf(2, 'b', 0, [true], TTL_MS + 1));
  end = 3;
  nowMs = TTL_MS + 1;
  expect(await elsewhere.count(KEYED)).toBe(1);
  nowMs = 2 * TTL_MS + 2;
  expect(await elsewhere.count(KEYED)).toBe(0);
});
