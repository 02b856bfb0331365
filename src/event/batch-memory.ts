/**
 * Memory of batches, used again: a fresh megabyte costs the kernel 256 page faults, which is as much time as encoding
 * a third of the records in it. A builder takes from here; whoever has made a batch durable gives it back. Only memory
 * that came from here is taken back, and only once, so bytes from elsewhere may be handed in too.
 */
import { QUEUE_LIMITS } from '../lib/limits.ts';

const SMALLEST_BITS = 12;

export class BatchMemory {
  readonly #maxBytes: number;
  /** Free buffers of 2^n bytes. */
  readonly #free: Buffer[][] = [];
  readonly #lent = new WeakSet<ArrayBufferLike>();
  #freeBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Free and kept for the next takers. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** At least so many bytes, of any content. */
  take(sizeBytes: number): Buffer {
    const bits = bitsFor(sizeBytes);
    const known = this.#free[bits]?.pop();
    if (known !== undefined) this.#freeBytes -= known.length;
    const bytes = known ?? Buffer.allocUnsafeSlow(2 ** bits);
    this.#lent.add(bytes.buffer);
    return bytes;
  }

  /** `bytes`, or what it is a part of, may be overwritten from now on. */
  giveBack(bytes: Buffer): void {
    const { buffer } = bytes;
    if (!this.#lent.delete(buffer) || this.#freeBytes + buffer.byteLength > this.#maxBytes) return;
    const bits = bitsFor(buffer.byteLength);
    this.#free[bits] ??= [];
    this.#free[bits].push(Buffer.from(buffer));
    this.#freeBytes += buffer.byteLength;
  }
}

function bitsFor(sizeBytes: number): number {
  return Math.max(SMALLEST_BITS, 32 - Math.clz32(sizeBytes - 1));
}

/** The process's own. */
export const batchMemory = new BatchMemory(QUEUE_LIMITS.batchMemoryBytes);
