/** What is visible of a partition when a store begins with it: where the processors before had come to. */
import { setTimeout as delay } from 'node:timers/promises';
import { readProgress } from '../../event/progress.ts';
import { TOPICS } from '../../event/topics.ts';
import { messageOf } from '../../lib/errors.ts';
import { QUEUE_LIMITS, STORE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { batchBefore, batchFrom } from '../../queue/batch-before.ts';
import { offset, type PartitionReader, type Queue } from '../../queue/port.ts';
import type { Completeness, Visible } from './completeness.ts';

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

export interface AskingParts extends VisibleParts {
  readonly completeness: Completeness;
  readonly log: Logger;
}

/** Asks what is visible before the offset until it is known, also where the partition cannot be read for long. */
export async function askVisible(parts: AskingParts, partition: number, from: number): Promise<void> {
  const { completeness, log, signal } = parts;
  while (!signal.aborted) {
    try {
      return completeness.set(partition, await visibleBefore(parts, partition, from));
    } catch (thrown) {
      log.warn({ partition, reason: messageOf(thrown) }, 'The last progress marker cannot be read; asking again');
    }
    await delay(STORE_LIMITS.askVisibleAgainMs, undefined, { signal }).catch(() => {});
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
