/** Work that is done once for all who ask for it before it begins; who asks later gets the next one. One after another. */
import { InTurn } from './in-turn.ts';

export class SharedTurn<T> {
  readonly #work: () => Promise<T>;
  readonly #turns: InTurn;
  /** Asked for, and not begun. */
  #next: Promise<T> | undefined;

  /** `turns`: with other work that must not be done at the same time. */
  constructor(work: () => Promise<T>, turns = new InTurn()) {
    this.#work = work;
    this.#turns = turns;
  }

  run(): Promise<T> {
    this.#next ??= this.#turns.run(() => {
      this.#next = undefined;
      return this.#work();
    });
    return this.#next;
  }
}
