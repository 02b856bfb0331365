/** What is visible of a partition when a store begins with it: where the processors before had come to. */
import { readProgress } from '../../event/progress.ts';
import { TOPICS } from '../../event/topics.ts';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import { batchBefore, batchFrom } from '../../queue/batch-before.ts';
import { offset, type PartitionReader, type Queue } from '../../queue/port.ts';
import type { Visible } from './completeness.ts';

export interface VisibleParts {
  readonly queue: Queue;
  /** What the processors have committed of a partition of `raw`. */
  readonly processed: (partition: number) => Promise<number | undefined>;
  readonly signal: AbortSignal;
}

/**
 * Of the records of `events` before the offset, all of which are visible. The last marker among them says it. Where there
 * is none any more (retention has removed it, or there are only markers of takeovers), what the processors have committed
 * says it, if nothing waits behind the offset: they commit only what is durable in `events`.
 */
export async function visibleBefore(
  { queue, processed, signal }: VisibleParts,
  partition: number,
  from: number,
): Promise<Visible | undefined> {
  const reader = queue.openReader({ topic: TOPICS.events, partition });
  try {
    if (from > 0) await reader.waitFor(offset(from - 1), signal);
    if (signal.aborted) return undefined;
    const marked = await lastMarker(reader, from);
    if (marked !== undefined) return marked;
    // Asked first: what comes to `events` later is not of these.
    const rawOffset = await processed(partition);
    const isAll = (await batchFrom(reader, Math.max(from, await reader.earliestOffset()))) === undefined;
    return rawOffset !== undefined && isAll ? { rawOffset, receivedTo: 0 } : undefined;
  } finally {
    await reader.close();
  }
}

async function lastMarker(reader: PartitionReader, from: number): Promise<Visible | undefined> {
  for (let before = from; before > from - QUEUE_LIMITS.lookBackOffsets; ) {
    const batch = await batchBefore(reader, before);
    if (batch === undefined) return undefined;
    // A batch of which a part is committed has its marker behind that.
    const progress = readProgress(batch.bytes, from);
    if (progress !== undefined) return progress;
    before = batch.baseOffset;
  }
  return undefined;
}
