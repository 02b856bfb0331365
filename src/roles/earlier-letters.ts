/**
 * Until 2026-11-26 the processor and the store had one partition of `dead-letter` each. What is there stays: somebody has to
 * know where it ends, for readers of the embedded queue, and for the counts.
 */
import { deadLetterPartitions, EARLIER_DEAD_LETTERS } from '../event/dead-letter.ts';
import { TOPICS } from '../event/topics.ts';
import type { PartitionWriter, Queue, TopicPartition } from '../queue/port.ts';

/** Undefined where the topic began with partitions as they are now: then nothing is there. */
export function earlierLetters(queue: Queue, role: keyof typeof EARLIER_DEAD_LETTERS): TopicPartition | undefined {
  if (queue.layout(TOPICS.deadLetter).firstPartitions > deadLetterPartitions(0)) return undefined;
  return { topic: TOPICS.deadLetter, partition: EARLIER_DEAD_LETTERS[role] };
}

/** Call it before the role reads what is there. */
export async function openEarlierLetters(
  queue: Queue,
  role: keyof typeof EARLIER_DEAD_LETTERS,
): Promise<PartitionWriter | undefined> {
  const at = earlierLetters(queue, role);
  return at === undefined ? undefined : await queue.openWriter(at);
}
