/**
 * The coming of a queue that was away when this process started. It is waited for as long as it takes; whatever cannot
 * be gone on with, such as another queue in its place, is said and looked at again, because whoever mends it may do so
 * while this process runs. Nobody uses the queue before `there`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { LATE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';

export interface ArrivalOptions {
  /** Makes it ready, and checks that it is the one that is meant; again after it has failed. */
  readonly arrive: () => Promise<void>;
  /** Says soon where nobody answers at all, and how that is called. */
  readonly probe: () => Promise<SpillwayError | undefined>;
  /** Whether this process can go on before the queue is there, where arriving fails with this. */
  readonly mayWait: (failure: SpillwayError) => boolean;
  readonly log: Logger;
  readonly retryMs?: number;
}

export class Arrival {
  readonly #options: ArrivalOptions;
  readonly #closing = new AbortController();
  readonly #there = Promise.withResolvers<void>();
  readonly #listeners = new Set<(reason: string) => void>();
  #failure: SpillwayError | undefined;
  #isThere = false;
  #work: Promise<void> = Promise.resolve();

  private constructor(options: ArrivalOptions) {
    this.#options = options;
  }

  /** Resolves when the queue is there, or is waited for. Throws what arriving fails with, where that may not be. */
  static async begin(options: ArrivalOptions): Promise<Arrival> {
    const arrival = new Arrival(options);
    const unanswered = await options.probe();
    // Where it may not be waited for in the background, it is tried for as long as anything is at a start.
    if (unanswered !== undefined && options.mayWait(unanswered)) arrival.#failure = unanswered;
    else {
      const failure = await arrival.#tryOnce();
      if (failure !== undefined && !options.mayWait(failure)) throw failure;
    }
    if (!arrival.isThere) arrival.#work = arrival.#persist();
    return arrival;
  }

  get isThere(): boolean {
    return this.#isThere;
  }

  /** Never settles where the wait is ended before. */
  get there(): Promise<void> {
    return this.#there.promise;
  }

  /** What whoever needs the queue now is told. */
  get failure(): SpillwayError {
    const { code = 'QUEUE_UNREACHABLE', message = 'The queue is not there yet.' } = this.#failure ?? {};
    return new SpillwayError(code, message, { cause: this.#failure, retryAfterS: LATE_LIMITS.retryAfterS });
  }

  /** What is waited for, in words; undefined once it is there. */
  get waitsFor(): string | undefined {
    return this.#isThere ? undefined : `Waiting for the queue. ${this.failure.message}`;
  }

  /** Calls the listener with what is waited for, now and when that is something else. */
  onWaiting(listener: (waitsFor: string) => void): void {
    if (this.waitsFor === undefined) return;
    this.#listeners.add(listener);
    listener(this.waitsFor);
  }

  /** Throws what whoever needs the queue now is told. */
  assertThere(): void {
    if (!this.#isThere) throw this.failure;
  }

  /** Waits no longer; resolves when no attempt is under way, so close whoever is asked meanwhile. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#work;
  }

  async #tryOnce(): Promise<SpillwayError | undefined> {
    try {
      await this.#options.arrive();
      this.#isThere = true;
      this.#there.resolve();
      return undefined;
    } catch (thrown) {
      this.#failure = thrown instanceof SpillwayError ? thrown : new SpillwayError('INTERNAL', messageOf(thrown));
      return this.#failure;
    }
  }

  async #persist(): Promise<void> {
    const { log, retryMs = LATE_LIMITS.retryMs } = this.#options;
    const { signal } = this.#closing;
    let said: string | undefined;
    while (!signal.aborted) {
      const failure = await this.#tryOnce();
      if (signal.aborted) return;
      if (failure === undefined) {
        log.info('the queue is there');
        return;
      }
      if (failure.message !== said) {
        said = failure.message;
        const level = failure.code === 'QUEUE_UNREACHABLE' ? 'warn' : 'error';
        log[level]({ code: failure.code }, `the queue is waited for: ${failure.message}`);
        for (const listener of this.#listeners) listener(this.waitsFor ?? '');
      }
      await delay(retryMs, undefined, { signal }).catch(() => {});
    }
  }
}
