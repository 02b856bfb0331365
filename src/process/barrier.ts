/**
 * The barrier of partitions added to `events`. A partition of `raw` that was added is assigned to a processor when all of
 * what its sources wrote before is in the earlier partitions of `events`: where these end then is the barrier there.
 */
import { TOPICS } from '../event/topics.ts';
import { type Offset, offset, type Queue } from '../queue/port.ts';

/** Whether this partition of `events` is of an addition that has no barrier yet. */
export function mustBarEvents(queue: Queue, partition: number): boolean {
  return queue.layout(TOPICS.events).unbarred.some((first) => first <= partition);
}

/** Call it when the partition of `raw` was assigned, before anything is written to that of `events`. */
export async function barEvents(queue: Queue, partition: number, signal: AbortSignal): Promise<void> {
  const ends: Offset[] = [];
  for (let earlier = 0; earlier < partition; earlier++) {
    const reader = queue.openReader({ topic: TOPICS.events, partition: earlier });
    try {
      ends.push(await reader.endOffset(signal));
    } finally {
      await reader.close();
    }
  }
  ends.push(offset(0));
  if (!signal.aborted) await queue.registerBarrier(TOPICS.events, ends);
}
