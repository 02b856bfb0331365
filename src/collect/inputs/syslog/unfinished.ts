/** The buffer of a message that goes on in the next chunk, taken from a budget that all connections share. */
import { COLLECT_LIMITS } from '../../../lib/limits.ts';

const FIRST_BYTES = 512;
const NOTHING = Buffer.alloc(0);

/** Memory of the unfinished messages of all connections. */
export class UnfinishedBudget {
  readonly limitBytes: number;
  usedBytes = 0;

  constructor(limitBytes: number = COLLECT_LIMITS.unfinishedBytes) {
    this.limitBytes = limitBytes;
  }

  take(bytes: number): boolean {
    if (this.usedBytes + bytes > this.limitBytes) return false;
    this.usedBytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.usedBytes -= bytes;
  }
}

export class UnfinishedMessage {
  readonly #budget: UnfinishedBudget;
  #bytes = NOTHING;
  #length = 0;

  constructor(budget: UnfinishedBudget) {
    this.#budget = budget;
  }

  get length(): number {
    return this.#length;
  }

  /** False, and nothing added, where the budget is used up. */
  add(source: Buffer, start: number, end: number): boolean {
    const length = this.#length + end - start;
    if (length > this.#bytes.length && !this.#growTo(length)) return false;
    source.copy(this.#bytes, this.#length, start, end);
    this.#length = length;
    return true;
  }

  /** Valid until the next `add()`; after `clear()` as long as it is held. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    if (this.#bytes.length > FIRST_BYTES) {
      this.#budget.giveBack(this.#bytes.length);
      this.#bytes = NOTHING;
    }
    this.#length = 0;
  }

  #growTo(length: number): boolean {
    const capacity = Math.max(FIRST_BYTES, 2 ** Math.ceil(Math.log2(length)));
    const more = capacity - (this.#bytes.length > FIRST_BYTES ? this.#bytes.length : 0);
    if (capacity > FIRST_BYTES && !this.#budget.take(more)) return false;
    const bytes = Buffer.allocUnsafeSlow(capacity);
    this.#bytes.copy(bytes, 0, 0, this.#length);
    this.#bytes = bytes;
    return true;
  }
}
