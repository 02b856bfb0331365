import { expect, it } from 'vitest';
import { deadLetterPartition, deadLetterPartitions } from '../event/dead-letter.ts';
import { TOPICS } from '../event/topics.ts';
import { MemoryDisk } from '../lib/memory-disk.ts';
import { openTestLog } from '../queue/segment-log/test-log.ts';
import { TestMember } from '../queue/test-records.ts';
import { earlierLetters } from './earlier-letters.ts';
import { raiseTogether } from './topics.ts';

it('a queue of an earlier version gets the partitions of dead letters that it lacks, and keeps those that it had', async () => {
  const topics = {
    [TOPICS.raw]: { partitions: 2, compression: 'none' },
    [TOPICS.events]: { partitions: 2, compression: 'zstd' },
    [TOPICS.deadLetter]: { partitions: 3, compression: 'none' },
  } as const;
  const { queue, coordinator, close } = await openTestLog({ disk: new MemoryDisk(), topics });
  await queue.prepare();
  await raiseTogether(coordinator, 2);
  expect(queue.partitionCount(TOPICS.deadLetter)).toBe(deadLetterPartitions(2));
  expect(earlierLetters(queue, 'store')).toEqual({ topic: TOPICS.deadLetter, partition: 2 });
  // Whoever reads dead letters in a group waits for nothing.
  const member = await TestMember.join(queue, 'mine', [TOPICS.deadLetter]);
  expect(member.keys).toHaveLength(7);
  await raiseTogether(coordinator, 3);
  expect(queue.layout(TOPICS.deadLetter)).toEqual({ partitions: 9, firstPartitions: 3, unbarred: [] });
  expect(queue.layout(TOPICS.raw).unbarred).toEqual([2]);
  await close();
});

it('each partition of raw and of events has one of dead letters, which nothing else has', () => {
  const raw = Array.from({ length: 50 }, (_, partition) => partition);
  const all = [
    deadLetterPartition.collectors,
    ...raw.flatMap((at) => [deadLetterPartition.processing(at), deadLetterPartition.storing(at)]),
  ];
  expect(new Set(all).size).toBe(101);
  expect(Math.max(...all)).toBe(deadLetterPartitions(50) - 1);
});
