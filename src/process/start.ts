/** Finds where a processor goes on after its predecessor: in the progress marker at the tail of `events`. */
import { type Ahead, type Progress, readProgress } from '../event/progress.ts';
import { TOPICS } from '../event/topics.ts';
import {
  type AssignedPartition,
  offset,
  type PartitionReader,
  type PartitionWriter,
  type Queue,
} from '../queue/port.ts';

/** Offsets of `dead-letter`. */
export interface LetterStart {
  /** In the partition that belongs to this one of `raw`. */
  readonly offset: number;
  /** In the one that all partitions of `raw` once shared; undefined where none can be there. */
  readonly earlierOffset?: number;
}

export interface Start {
  readonly rawOffset: number;
  readonly receivedTo: number;
  /** Where the dead letters of records from rawOffset on begin, if there are any. */
  readonly letters: LetterStart;
  /** What of the records from rawOffset on is done as well. */
  readonly ahead?: Ahead;
}

export interface Places {
  readonly queue: Queue;
  /** The partition of `raw`. */
  readonly assigned: AssignedPartition;
  readonly signal: AbortSignal;
}

/**
 * The last marker counts. Where retention has taken it away, the committed position does: it was committed after the
 * marker was durable, and again at every takeover and stop.
 */
export async function findStart(places: Places, writer: PartitionWriter, raw: PartitionReader): Promise<Start> {
  const progress = await lastProgress(places, writer.nextOffset);
  const earliest = await raw.earliestOffset();
  if (progress === undefined) {
    // Where records after it are not retained any more, reading from there says how many are lost.
    const committed = await places.assigned.committed();
    const letters = committed === undefined ? { offset: 0 } : { offset: 0, earlierOffset: 0 };
    return { rawOffset: committed ?? earliest, receivedTo: 0, letters };
  }
  const { rawOffset, receivedTo, letterOffset, deadLetterOffset = 0, ahead } = progress;
  const letters =
    letterOffset === undefined ? { offset: 0, earlierOffset: deadLetterOffset } : { offset: letterOffset };
  return { rawOffset, receivedTo, letters, ...(ahead === undefined ? {} : { ahead }) };
}

async function lastProgress(places: Places, end: number): Promise<Progress | undefined> {
  const reader = places.queue.openReader({ topic: TOPICS.events, partition: places.assigned.partition });
  try {
    const earliest = await reader.earliestOffset();
    let next = end;
    while (next > earliest) {
      await reader.waitFor(offset(next - 1), places.signal);
      const { batches, corrupt } = await reader.read(offset(next - 1), { maxBytes: 1 });
      const last = batches.at(-1);
      const progress = last === undefined ? undefined : readProgress(last.bytes);
      if (progress !== undefined) return progress;
      next = Math.min(last?.baseOffset ?? next - 1, corrupt?.[0]?.fromOffset ?? next - 1);
    }
    return undefined;
  } finally {
    await reader.close();
  }
}
