import { expect, test } from 'vitest';
import { deadLetterPartition } from '../../event/dead-letter.ts';
import { TOPICS } from '../../event/topics.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { openTestLog } from '../../queue/segment-log/test-log.ts';
import { DeadLetters } from './dead-letters.ts';
import { recallLetters } from './recall-letters.ts';

const { insertSpan, letterSpan } = STORE_LIMITS;

test('where what was committed is forgotten, letters are read back piece by piece, and each is written once', async () => {
  const topics = { [TOPICS.deadLetter]: { partitions: 5, compression: 'none' } } as const;
  const { queue, close } = await openTestLog({ disk: new MemoryDisk(), topics });
  const at = { topic: TOPICS.deadLetter, partition: deadLetterPartition.storing(0) };
  const refused = (offset: number) => ({ partition: 0, offset, timestampMs: 1, value: Buffer.from('x'), reason: '' });
  // Of inserts one after the other, of which each refuses the last but one record before its first.
  const inserts = Array.from({ length: 6 }, (_, i) => [(i + 1) * insertSpan - 1, i * insertSpan + 7]);
  const before = new DeadLetters(queue, 'local');
  await before.open(0, 0);
  for (const records of inserts) for (const record of records) await before.write([refused(record)]);
  await before.close();

  const reader = queue.openReader(at);
  const end = await reader.endOffset();
  expect(end).toBe(12);
  const first = await recallLetters(reader, end, 0);
  expect([...first.written.values()].sort((a, b) => a - b)).toEqual(inserts.slice(0, 2).flatMap(([a, b]) => [b, a]));
  expect(first.until).toBe(letterSpan);
  const last = await recallLetters(reader, end, 4 * insertSpan);
  expect(last.written.size).toBe(4);
  expect(last.until).toBe(Number.POSITIVE_INFINITY);

  const letters = new DeadLetters(queue, 'local');
  await letters.open(0, 0);
  for (const [i, records] of inserts.entries()) {
    for (const record of records) await letters.write([refused(record)]);
    letters.forget([{ partition: 0, from: i * insertSpan, to: (i + 1) * insertSpan }]);
  }
  expect(await reader.endOffset()).toBe(12);
  await letters.write([refused(5 * insertSpan + 8)]);
  expect(await reader.endOffset()).toBe(13);
  await letters.close();
  await reader.close();
  await close();
});
