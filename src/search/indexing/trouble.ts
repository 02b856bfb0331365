/** Whether the store is held up, and since when: its start, or an insert, takes too long. */
import type { Clock } from '../../lib/clock.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';

export class StoreTrouble {
  readonly #clock: Clock;
  /** Works under way, one within another. */
  #depth = 0;
  #sinceMs = 0;
  #isStarting = false;
  /** Why, as far as it was said. */
  reason: string | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The work must end soon. */
  async watch<T>(work: () => Promise<T>): Promise<T> {
    if (this.#depth++ === 0) this.#sinceMs = this.#clock.now();
    try {
      return await work();
    } finally {
      if (--this.#depth === 0) this.reason = undefined;
    }
  }

  /** The same, of a start: it may take longer as long as nothing fails. */
  async watchStart<T>(work: () => Promise<T>): Promise<T> {
    this.#isStarting = true;
    try {
      return await this.watch(work);
    } finally {
      this.#isStarting = false;
    }
  }

  /** Epoch ms; undefined where nothing takes longer than it may. */
  get sinceMs(): number | undefined {
    const { startTroubleAfterMs, troubleAfterMs } = STORE_LIMITS;
    const afterMs = this.#isStarting && this.reason === undefined ? startTroubleAfterMs : troubleAfterMs;
    return this.#depth === 0 || this.#clock.now() - this.#sinceMs < afterMs ? undefined : this.#sinceMs;
  }

  get seconds(): number {
    const { sinceMs } = this;
    return sinceMs === undefined ? 0 : Math.max(0, this.#clock.now() - sinceMs) / 1_000;
  }
}
