/** Work that is done one after another, in the order in which it was asked for; what fails holds nothing up. */
export class InTurn {
  #tail: Promise<void> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work);
    this.#tail = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  /** Resolves when all that was asked for up to now is done. */
  settled(): Promise<void> {
    return this.#tail;
  }
}
