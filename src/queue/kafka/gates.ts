/** What appends to some partitions wait for (moves.ts): a gate each, which opens once, or for nobody any more. */
interface Gate extends PromiseWithResolvers<void> {
  isOpen: boolean;
}

export class Gates {
  readonly #gates = new Map<number, Gate>();

  /** In place of an earlier one. */
  shut(partition: number): void {
    const gate: Gate = { ...Promise.withResolvers<void>(), isOpen: false };
    // Whoever waits hears of it all the same.
    gate.promise.catch(() => {});
    this.#gates.set(partition, gate);
  }

  /** Resolves when it opens; undefined where it is open, or there is none. */
  waitFor(partition: number): Promise<void> | undefined {
    const gate = this.#gates.get(partition);
    return gate === undefined || gate.isOpen ? undefined : gate.promise;
  }

  /** Whether there is one, and it has opened. */
  hasOpened(partition: number): boolean {
    return this.#gates.get(partition)?.isOpen === true;
  }

  openWhere(mayOpen: (partition: number) => boolean): void {
    for (const [partition, gate] of this.#gates) {
      if (gate.isOpen || !mayOpen(partition)) continue;
      gate.isOpen = true;
      gate.resolve();
    }
  }

  /** Whoever waits gives up. */
  refuse(reason: Error): void {
    for (const gate of this.#gates.values()) gate.reject(reason);
  }
}
