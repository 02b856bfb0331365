/**
 * Looks for records around an offset in a partition whose offsets have gaps: engines leave some between two writers (the
 * marker of a takeover in Kafka, which readers are not shown; a torn tail in the embedded log), and several in turn where a
 * quiet partition was taken over again and again.
 */
import { QUEUE_LIMITS } from '../lib/limits.ts';
import { offset, type PartitionReader, type StoredBatch } from './port.ts';
import { retainedFrom } from './retained-from.ts';

/**
 * The last batch that begins before the offset, which has to be durable (it may end after it); undefined where there is
 * none, or none in QUEUE_LIMITS.lookBackOffsets. Valid until the next read of the reader.
 */
export async function batchBefore(reader: PartitionReader, before: number): Promise<StoredBatch | undefined> {
  let least = Math.max(await reader.earliestOffset(), before - QUEUE_LIMITS.lookBackOffsets);
  for (let span = 1; least < before; span *= 2) {
    const from = Math.max(least, before - span);
    try {
      const found = await lastBetween(reader, from, before);
      if (found !== undefined || from === least) return found;
    } catch (thrown) {
      // Just now.
      least = retainedFrom(thrown, from);
    }
  }
  return undefined;
}

/** The batch that holds the offset, or the first one after it that is there. Valid until the next read of the reader. */
export async function batchFrom(reader: PartitionReader, from: number): Promise<StoredBatch | undefined> {
  for (let next = from; ; ) {
    const { batches, nextOffset } = await reader.read(offset(next), { maxBytes: 1 });
    if (batches[0] !== undefined) return batches[0];
    if (nextOffset <= next) return undefined;
    next = nextOffset;
  }
}

async function lastBetween(reader: PartitionReader, from: number, before: number): Promise<StoredBatch | undefined> {
  let lastAt: number | undefined;
  for (let next = from; ; ) {
    const batch = await batchFrom(reader, next);
    if (batch === undefined || batch.baseOffset >= before) break;
    if (batch.nextOffset >= before) return batch;
    lastAt = batch.baseOffset;
    next = batch.nextOffset;
  }
  return lastAt === undefined ? undefined : batchFrom(reader, Math.max(lastAt, from));
}
