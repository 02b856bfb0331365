/** Records of one lane that become durable together. */
import type { Tally } from './tally.ts';

export class Batch {
  readonly tallies: Tally[] = [];
  /** Encoded, once it was handed over. */
  bytes: Buffer | undefined;
  inFlight = false;
  #outcome: PromiseWithResolvers<void> | undefined;

  /** Records and dead letters, without pieces. */
  get count(): number {
    return this.tallies.reduce((sum, { count }) => sum + count, 0);
  }

  /** Resolves when it is durable; rejects with the queue's error when it was refused. */
  durable(): Promise<void> {
    if (this.#outcome === undefined) {
      this.#outcome = Promise.withResolvers();
      // Whoever asked may look at it later: until then a refusal is not an unhandled one.
      this.#outcome.promise.catch(() => undefined);
    }
    return this.#outcome.promise;
  }

  accepted(): void {
    this.#outcome?.resolve();
  }

  refused(reason: unknown): void {
    this.#outcome?.reject(reason);
  }
}
