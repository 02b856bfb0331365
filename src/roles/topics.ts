import type { Config } from '../config/schema.ts';
import { deadLetterPartitions } from '../event/dead-letter.ts';
import { GROUPS, TOPICS } from '../event/topics.ts';
import { type Offset, offset } from '../queue/port.ts';
import type { TopicOptions } from '../queue/segment-log/queue.ts';

/** What `raw`, `events` and the dead letters of both have where `raw` has so many partitions. */
export function partitionsOf(raw: number): Record<string, number> {
  return { [TOPICS.raw]: raw, [TOPICS.events]: raw, [TOPICS.deadLetter]: deadLetterPartitions(raw) };
}

/**
 * Adds what is missing to all of them. Dead letters of a partition stay where they are when others are added: there is no
 * order to keep over it, and nobody has to wait.
 */
export async function raiseTogether(queue: RaisedQueue, raw: number): Promise<void> {
  await queue.raisePartitions(partitionsOf(raw));
  const letters = Array.from({ length: deadLetterPartitions(raw) }, () => offset(0));
  await queue.registerBarrier(TOPICS.deadLetter, letters);
}

export interface RaisedQueue {
  raisePartitions(counts: Readonly<Record<string, number>>): Promise<void>;
  registerBarrier(topic: string, ends: readonly Offset[]): Promise<void>;
}

/** The embedded queue's topics: `raw` as it came, `events` compressed, dead letters with a partition for each writer. */
export function topicsOf(config: Config): Record<string, TopicOptions> {
  const { partitions, retentionMs, maxSizeBytes } = config.queue;
  const retention = { maxAgeMs: retentionMs, maxBytes: maxSizeBytes };
  return {
    [TOPICS.raw]: { partitions, compression: 'none', retention, requiredGroups: [GROUPS.processor] },
    [TOPICS.events]: { partitions, compression: 'zstd', retention, requiredGroups: [GROUPS.store] },
    [TOPICS.deadLetter]: { partitions: deadLetterPartitions(partitions), compression: 'none', retention },
  };
}
