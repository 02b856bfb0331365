/** What happened, in order: a digest of all of it, the last of it for people, and all of it where it is shown. */

const KEPT = 80;
const FNV_PRIME = 0x0100_0193;

export class Trace {
  readonly #show: ((line: string) => void) | undefined;
  readonly #last: string[] = [];
  #lines = 0;
  #low = 0x811c_9dc5;
  #high = 0x1234_5678;

  constructor(show?: (line: string) => void) {
    this.#show = show;
  }

  /** For people only: it is made only where it is shown. */
  note(line: string): void {
    this.#last[this.#lines++ % KEPT] = line;
    this.#show?.(line);
  }

  add(line: string): void {
    this.note(line);
    let low = this.#low;
    let high = this.#high;
    for (let i = 0; i < line.length; i++) {
      const code = line.charCodeAt(i);
      low = Math.imul(low ^ code, FNV_PRIME);
      high = Math.imul(high ^ (code + i), FNV_PRIME);
    }
    this.#low = low ^ (low >>> 15);
    this.#high = high ^ (high >>> 13);
  }

  get digest(): string {
    const hex = (part: number) => (part >>> 0).toString(16).padStart(8, '0');
    return hex(this.#low) + hex(this.#high);
  }

  /** The last lines, oldest first. */
  last(): string[] {
    const from = this.#lines % KEPT;
    return this.#lines <= KEPT ? [...this.#last] : [...this.#last.slice(from), ...this.#last.slice(0, from)];
  }
}
