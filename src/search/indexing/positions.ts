/**
 * How far the store has come in each partition of `events`. Its head is where everything before was passed: stored, made a
 * dead letter, or waiting with its slice. What is committed is where everything before is stored: never more, whatever waits,
 * since the queue keeps what is not committed and a store that begins goes on there.
 */
import type { Progress } from '../../event/progress.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import { type Appended, offset } from '../../queue/port.ts';
import type { Range } from '../journal.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Membership } from './membership.ts';
import type { WaitingEvents } from './waiting.ts';

/** Told after the offsets are committed, in the order of the partition. */
export interface Committed {
  readonly partition: number;
  /** What is committed now, and was not before. */
  readonly range: Appended;
  /** The progress markers of the range, folded; undefined where it holds none. */
  readonly progress: Progress | undefined;
}

export interface PositionsParts {
  readonly membership: Pick<Membership, 'commit'>;
  readonly waiting: WaitingEvents;
  readonly letters: Pick<DeadLetters, 'forget'>;
  /** Tries again while it fails for now. */
  readonly persist: <T>(work: () => Promise<T>) => Promise<T>;
  /** The progress markers of a range, folded. */
  readonly markers: (range: Range) => Promise<Progress | undefined>;
  readonly onCommitted: (committed: Committed) => void;
}

export class Positions {
  readonly #parts: PositionsParts;
  readonly #heads = new Map<number, number>();
  readonly #committed = new Map<number, number>();
  /** Partitions of which less is committed than was passed. */
  readonly #behind = new Set<number>();

  constructor(parts: PositionsParts) {
    this.#parts = parts;
  }

  /** Everything before it was passed. */
  headOf(partition: number): number {
    return this.#heads.get(partition) ?? 0;
  }

  /** The partition is this store's, which goes on at `head`. */
  begin(partition: number, committed: number, head: number): void {
    this.#committed.set(partition, committed);
    this.#pass(partition, head);
  }

  release(partition: number): void {
    this.#heads.delete(partition);
    this.#committed.delete(partition);
    this.#behind.delete(partition);
  }

  /** The range was passed; its progress markers. */
  async stored(range: Range, progress: Progress | undefined): Promise<void> {
    const { partition, from, to } = range;
    const wasBehind = this.#behind.has(partition);
    if (!wasBehind) this.#committed.set(partition, from);
    this.#pass(partition, Math.max(to, this.headOf(partition)));
    if (wasBehind) return;
    if (this.#mark(partition) === to) await this.#commit(range, progress);
    else await this.#parts.persist(() => this.advance(partition));
  }

  /** Nothing before the offset is to be inserted: there is nothing, or it could not be read. */
  async passed(partition: number, next: number): Promise<void> {
    const head = this.headOf(partition);
    if (next <= head) return;
    if (!this.#behind.has(partition)) {
      await this.#parts.membership.commit(partition, next);
      this.#committed.set(partition, next);
    }
    this.#pass(partition, next);
  }

  /** A partition of which more is stored than is committed. */
  get late(): number | undefined {
    for (const partition of this.#behind) {
      if (this.#mark(partition) > (this.#committed.get(partition) ?? 0)) return partition;
    }
    return undefined;
  }

  /** Commits what is stored by now, or a piece of it: its markers have to be read, and it rejects where the queue does not answer. */
  async advance(partition: number): Promise<void> {
    const from = this.#committed.get(partition) ?? 0;
    const to = Math.min(this.#mark(partition), from + STORE_LIMITS.commitOffsets);
    if (to <= from) return;
    const range = { partition, from, to };
    await this.#commit(range, await this.#parts.markers(range));
  }

  async #commit(range: Range, progress: Progress | undefined): Promise<void> {
    const { membership, letters, persist, onCommitted } = this.#parts;
    const { partition, from, to } = range;
    await persist(() => membership.commit(partition, to));
    this.#committed.set(partition, to);
    this.#pass(partition, this.headOf(partition));
    letters.forget([range]);
    onCommitted({ partition, range: { baseOffset: offset(from), nextOffset: offset(to) }, progress });
  }

  #pass(partition: number, head: number): void {
    this.#heads.set(partition, head);
    if ((this.#committed.get(partition) ?? head) < head) this.#behind.add(partition);
    else this.#behind.delete(partition);
  }

  #mark(partition: number): number {
    return this.#parts.waiting.mark(partition, this.headOf(partition));
  }
}
