/** Now and then something goes wrong, for a while: that is what logs are searched for. */
import type { Random } from './random.ts';

export const INCIDENTS = {
  'payment-provider': 'the payment provider times out: checkouts fail with 502',
  'slow-catalog': 'the catalog database is slow: searches take seconds',
  'bad-deployment': 'a deployment of accounts throws exceptions',
} as const;

export type Incident = keyof typeof INCIDENTS;

const NAMES: readonly [Incident, ...Incident[]] = ['payment-provider', 'slow-catalog', 'bad-deployment'];
const FIRST_AFTER_MS = 15_000;

export class Incidents {
  readonly #random: Random;
  #current: Incident | undefined;
  #nextChangeMs: number;

  constructor(random: Random, nowMs: number) {
    this.#random = random;
    this.#nextChangeMs = nowMs + FIRST_AFTER_MS;
  }

  /** What is wrong at that time, if anything. Ask with times that do not go back. */
  at(nowMs: number): Incident | undefined {
    if (nowMs >= this.#nextChangeMs) {
      const calm = this.#current !== undefined;
      this.#current = calm ? undefined : this.#random.pick(NAMES);
      this.#nextChangeMs = nowMs + this.#random.integer(calm ? 40_000 : 15_000, calm ? 90_000 : 30_000);
    }
    return this.#current;
  }
}
