/**
 * For how many bytes a reader asks at once. A broker gives as many, cuts off the batch that they end in, and gives that one
 * again, whole, to the next request: what was cut off has been sent for nothing. It always gives the first batch whole, though,
 * whatever was asked for. So a reader asks for one batch at a time where batches are large beside the request.
 */
import { KAFKA_LIMITS, QUEUE_LIMITS } from '../../lib/limits.ts';

export class RequestSize {
  /** What comes whole, and what does not, makes it larger and smaller. */
  #bytes: number = KAFKA_LIMITS.firstReadBytes;
  /** Of batches lately: their sizes, and the squares of these. */
  #sizes = 0;
  #squares = 0;

  /** `mostBytes` at the most, but for a batch that is larger. */
  within(mostBytes: number): number {
    const bytes = Math.min(this.#bytes, mostBytes);
    return this.#cutBytes > bytes * KAFKA_LIMITS.cutShare ? 1 : bytes;
  }

  /** A batch of this size was given. */
  saw(sizeBytes: number): void {
    this.#sizes = this.#sizes * KAFKA_LIMITS.sizeMemory + sizeBytes;
    this.#squares = this.#squares * KAFKA_LIMITS.sizeMemory + sizeBytes * sizeBytes;
  }

  /** There was more than was asked for. */
  wasFull(): void {
    this.#bytes = Math.min(this.#bytes * 2, QUEUE_LIMITS.readBytes);
  }

  /** As much as was asked for has come: what failures have made smaller grows again. */
  cameWhole(): void {
    if (this.#bytes < KAFKA_LIMITS.firstReadBytes) this.#bytes *= 2;
  }

  /** The answer did not come, or not whole. */
  failed(): void {
    this.#bytes = Math.max(this.#bytes >> 1, KAFKA_LIMITS.readLeastBytes);
  }

  /** What is to be expected: half of the batch in which some byte is, and most bytes are in large ones. */
  get #cutBytes(): number {
    return this.#sizes === 0 ? 0 : this.#squares / this.#sizes / 2;
  }
}
