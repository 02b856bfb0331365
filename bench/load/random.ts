/** A small seeded generator (sfc32): the same seed gives the same events on every machine. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / 2 ** 32) >>> 0;
    this.#c = 0x9e3779b9;
    for (let i = 0; i < 12; i++) this.uint32();
  }

  uint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** [0, 1) */
  unit(): number {
    return this.uint32() / 2 ** 32;
  }

  /** An integer of [0, below). */
  below(below: number): number {
    return Math.floor(this.unit() * below);
  }

  /** Eight hexadecimal digits. */
  hex8(): string {
    return this.uint32().toString(16).padStart(8, '0');
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('there is nothing to pick from');
    return item;
  }

  shuffle<T>(items: readonly T[]): T[] {
    const shuffled: T[] = [];
    for (const item of items) shuffled.splice(this.below(shuffled.length + 1), 0, item);
    return shuffled;
  }
}
