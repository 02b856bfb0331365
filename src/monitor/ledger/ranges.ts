/** Offsets of a log as ranges [from, to) that do not touch, in order: what of it has been counted. */
export type Range = readonly [from: number, to: number];

/** How many offsets ranges that do not overlap have together. */
export const offsetsIn = (ranges: readonly Range[]): number => ranges.reduce((sum, [from, to]) => sum + to - from, 0);

export class Ranges {
  /** Where a range begins and ends, in turns, ascending. */
  readonly #bounds: number[];

  /** `bounds`: as `bounds` gives it. Throws RangeError where these are no such ranges. */
  constructor(bounds: readonly number[] = []) {
    if (bounds.length % 2 !== 0 || bounds.some((bound, i) => i > 0 && bound <= (bounds[i - 1] ?? 0))) {
      throw new RangeError('these are no ranges that lie apart');
    }
    this.#bounds = [...bounds];
  }

  get bounds(): readonly number[] {
    return this.#bounds;
  }

  /** How many ranges there are. */
  get size(): number {
    return this.#bounds.length / 2;
  }

  get all(): Range[] {
    return Array.from(
      { length: this.size },
      (_, i) => [this.#bounds[2 * i] ?? 0, this.#bounds[2 * i + 1] ?? 0] as const,
    );
  }

  /** Whether anything of [from, to) is in it. */
  overlaps(from: number, to: number): boolean {
    const at = this.#boundsUpTo(from);
    return at % 2 === 1 || (this.#bounds[at] ?? Number.POSITIVE_INFINITY) < to;
  }

  /** Whether the range begins where another one ends, or ends where another one begins. */
  touches(from: number, to: number): boolean {
    const at = this.#boundsUpTo(from);
    return this.#bounds[at - 1] === from || this.#bounds[at] === to;
  }

  /** Adds a range that overlaps none. */
  add(from: number, to: number): void {
    if (to <= from) return;
    if (this.overlaps(from, to)) throw new RangeError(`something of [${from}, ${to}) is there already`);
    let at = this.#boundsUpTo(from);
    let remove = 0;
    const bounds: number[] = [];
    if (at > 0 && this.#bounds[at - 1] === from) {
      at--;
      remove++;
    } else bounds.push(from);
    if (this.#bounds[at + remove] === to) remove++;
    else bounds.push(to);
    this.#bounds.splice(at, remove, ...bounds);
  }

  /** What of [from, to) is not in it, from the lowest on, at most so many ranges. */
  missing(from: number, to: number, most = Number.POSITIVE_INFINITY): Range[] {
    const found: Range[] = [];
    let position = from;
    for (let at = this.#boundsUpTo(from); position < to && found.length < most; at++) {
      const bound = this.#bounds[at] ?? Number.POSITIVE_INFINITY;
      if (at % 2 === 0 && bound > position) found.push([position, Math.min(bound, to)]);
      position = bound;
    }
    return found;
  }

  /** How many offsets of [from, to) are not in it. */
  missingCount(from: number, to: number): number {
    return offsetsIn(this.missing(from, to));
  }

  /** Keeps only so many, the highest. */
  forgetLowest(most: number): void {
    if (this.size > most) this.#bounds.splice(0, this.#bounds.length - 2 * most);
  }

  /** How many bounds are at or below the offset: odd where it lies in a range. */
  #boundsUpTo(offset: number): number {
    let [low, high] = [0, this.#bounds.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#bounds[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
