/**
 * Who may ask now: so many questions at a time in all and per tenant, so many waiting per tenant, and the tenants that
 * wait are served in turn, so that one tenant's dashboards do not stand before another's.
 */
import { SpillwayError } from '../lib/errors.ts';

export interface AdmissionLimits {
  readonly concurrent: number;
  readonly concurrentPerTenant: number;
  readonly waitingPerTenant: number;
}

interface Waiting {
  readonly admit: () => void;
}

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #running = new Map<string, number>();
  /** In the order in which the tenants are served next. */
  readonly #waiting = new Map<string, Waiting[]>();
  #total = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#total;
  }

  get waiting(): number {
    let sum = 0;
    for (const queue of this.#waiting.values()) sum += queue.length;
    return sum;
  }

  /** Runs `work` when it is the tenant's turn. Throws TOO_MANY_REQUESTS, or QUERY_CANCELLED while it waits. */
  async run<T>(tenant: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (signal.aborted) throw cancelled();
    if (this.#fits(tenant)) this.#enter(tenant);
    else await this.#wait(tenant, signal);
    try {
      return await work();
    } finally {
      this.#leave(tenant);
    }
  }

  #fits(tenant: string): boolean {
    const { concurrent, concurrentPerTenant } = this.#limits;
    return this.#total < concurrent && (this.#running.get(tenant) ?? 0) < concurrentPerTenant;
  }

  #enter(tenant: string): void {
    this.#total++;
    this.#running.set(tenant, (this.#running.get(tenant) ?? 0) + 1);
  }

  #leave(tenant: string): void {
    this.#total--;
    const left = (this.#running.get(tenant) ?? 1) - 1;
    if (left === 0) this.#running.delete(tenant);
    else this.#running.set(tenant, left);
    this.#admitNext();
  }

  #admitNext(): void {
    for (const [tenant, queue] of this.#waiting) {
      if (!this.#fits(tenant)) continue;
      const next = queue.shift();
      this.#waiting.delete(tenant);
      if (queue.length > 0) this.#waiting.set(tenant, queue);
      if (next === undefined) continue;
      this.#enter(tenant);
      next.admit();
      return;
    }
  }

  #wait(tenant: string, signal: AbortSignal): Promise<void> {
    const queue = this.#waiting.get(tenant) ?? [];
    if (queue.length >= this.#limits.waitingPerTenant) {
      const message = `${queue.length} questions of this tenant wait already. Ask again when some have been answered.`;
      return Promise.reject(new SpillwayError('TOO_MANY_REQUESTS', message, { retryAfterS: 1 }));
    }
    this.#waiting.set(tenant, queue);
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        const at = queue.indexOf(waiting);
        if (at >= 0) queue.splice(at, 1);
        if (queue.length === 0) this.#waiting.delete(tenant);
        reject(cancelled());
      };
      const waiting: Waiting = {
        admit: () => {
          signal.removeEventListener('abort', giveUp);
          resolve();
        },
      };
      signal.addEventListener('abort', giveUp, { once: true });
      queue.push(waiting);
    });
  }
}

function cancelled(): SpillwayError {
  return new SpillwayError('QUERY_CANCELLED', 'The query was cancelled before it began.');
}
