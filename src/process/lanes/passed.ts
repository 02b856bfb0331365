/**
 * What was read at the main position of a partition and left to lanes, as far as there is memory for it, so that it does not
 * come over the network once more. The oldest is kept, since lanes come to it first; what there is no memory for is read again.
 */
import { LANE_LIMITS } from '../../lib/limits.ts';
import { offset, type ReadResult, type StoredBatch } from '../../queue/port.ts';

/** Shared by all partitions of a processor. */
export class LaneMemory {
  #left: number;

  constructor(bytes: number = LANE_LIMITS.memoryBytes) {
    this.#left = bytes;
  }

  get left(): number {
    return this.#left;
  }

  /** Whether there was so much. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

export class PassedBatches {
  readonly #memory: LaneMemory;
  /** By their offsets, with gaps where there was no memory. */
  #batches: StoredBatch[] = [];
  #endOffset = offset(0);

  constructor(memory: LaneMemory) {
    this.#memory = memory;
  }

  /** What follows what was given before. */
  keep({ batches, endOffset }: ReadResult): void {
    this.#endOffset = endOffset;
    for (const batch of batches) {
      if (!this.#memory.take(batch.bytes.length)) return;
      // The reader may use its memory for the next read.
      this.#batches.push({ ...batch, bytes: Buffer.from(batch.bytes) });
    }
  }

  /** As a reader gives it; undefined where the record at the offset was not kept. */
  read(from: number, maxBytes: number): ReadResult | undefined {
    const first = this.#batches.findIndex(({ nextOffset }) => nextOffset > from);
    const batches: StoredBatch[] = [];
    let next = from;
    let bytes = 0;
    for (const batch of first < 0 ? [] : this.#batches.slice(first)) {
      bytes += batch.bytes.length;
      if (batch.baseOffset > next || (batches.length > 0 && bytes > maxBytes)) break;
      batches.push(batch);
      next = batch.nextOffset;
    }
    return batches.length === 0 ? undefined : { batches, nextOffset: offset(next), endOffset: this.#endOffset };
  }

  /** Everybody is past what is before the offset. */
  forget(before: number): void {
    const first = this.#batches.findIndex(({ nextOffset }) => nextOffset > before);
    const passed = this.#batches.splice(0, first < 0 ? this.#batches.length : first);
    for (const { bytes } of passed) this.#memory.give(bytes.length);
  }
}
