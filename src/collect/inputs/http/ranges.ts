/** A list of [start, end) positions that stays small: eight bytes each. */
const FIRST_RANGES = 64;

export class Ranges {
  #positions = new Uint32Array(2 * FIRST_RANGES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(start: number, end: number): void {
    const at = 2 * this.#length;
    if (at === this.#positions.length) {
      const grown = new Uint32Array(2 * at);
      grown.set(this.#positions);
      this.#positions = grown;
    }
    this.#positions[at] = start;
    this.#positions[at + 1] = end;
    this.#length++;
  }

  start(index: number): number {
    return this.#positions[2 * index] ?? 0;
  }

  end(index: number): number {
    return this.#positions[2 * index + 1] ?? 0;
  }
}
