/**
 * Appends in order with a bounded number under way, so that the next batch is made while the previous ones become
 * durable. The first failure breaks it for good: what follows a batch that is not durable must not be appended.
 */
import { PROCESS_LIMITS } from '../lib/limits.ts';

export class Pipeline {
  readonly #underWay: Promise<void>[] = [];
  readonly #broken = new AbortController();

  /** Fires with the failure as its reason. */
  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  break(failure: unknown): void {
    this.#broken.abort(failure);
  }

  /** Resolves when there is room for another one. Throws the failure. */
  async room(): Promise<void> {
    while (this.#underWay.length >= PROCESS_LIMITS.batchesInFlight) await this.#underWay.shift();
    this.#broken.signal.throwIfAborted();
  }

  /** Begins the append, unless an earlier one has failed since there was room: then it throws that failure. */
  push(append: () => Promise<void>): void {
    this.#broken.signal.throwIfAborted();
    this.#underWay.push(append().catch((failure) => this.break(failure)));
  }

  /** Resolves when nothing is under way, failed or not. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay.splice(0));
  }
}
