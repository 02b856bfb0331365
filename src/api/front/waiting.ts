/** Requests that wait for records: bounded in all and for each tenant, and ended with the client or the server. */
import type { FastifyRequest } from 'fastify';
import { SpillwayError } from '../../lib/errors.ts';
import { TOPIC_LIMITS } from '../../lib/limits.ts';
import { parseDuration } from '../../lib/units.ts';

const RETRY_S = 1;

export class Waiting {
  readonly #closing: AbortSignal;
  readonly #byTenant = new Map<string, number>();
  #all = 0;

  /** `closing` fires when the server is going to close. */
  constructor(closing: AbortSignal) {
    this.#closing = closing;
  }

  /** Throws BAD_REQUEST. */
  static parse(wait: string | undefined): number {
    const ms = wait === undefined ? 0 : parseDuration(wait);
    if (ms !== undefined && ms <= TOPIC_LIMITS.waitMs) return ms;
    throw new SpillwayError('BAD_REQUEST', `The parameter wait is at most ${TOPIC_LIMITS.waitMs / 1_000}s.`, {
      details: { parameter: 'wait', limit: TOPIC_LIMITS.waitMs },
    });
  }

  /** Does the work with a signal that fires when the time is over or nobody waits any more. Throws TOO_MANY_REQUESTS. */
  async during<T>(request: FastifyRequest, waitMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (waitMs === 0) return work(AbortSignal.abort());
    const { tenant } = request.principal;
    const own = this.#byTenant.get(tenant) ?? 0;
    if (this.#all >= TOPIC_LIMITS.waiting || own >= TOPIC_LIMITS.waitingPerTenant) {
      throw new SpillwayError('TOO_MANY_REQUESTS', `${own} requests of this tenant wait for records already.`, {
        retryAfterS: RETRY_S,
      });
    }
    this.#count(tenant, 1);
    const gone = new AbortController();
    const end = (): void => gone.abort();
    const timer = setTimeout(end, waitMs);
    request.raw.socket.once('close', end);
    this.#closing.addEventListener('abort', end, { once: true });
    if (this.#closing.aborted) end();
    try {
      return await work(gone.signal);
    } finally {
      clearTimeout(timer);
      request.raw.socket.off('close', end);
      this.#closing.removeEventListener('abort', end);
      this.#count(tenant, -1);
    }
  }

  #count(tenant: string, change: number): void {
    this.#all += change;
    const own = (this.#byTenant.get(tenant) ?? 0) + change;
    if (own === 0) this.#byTenant.delete(tenant);
    else this.#byTenant.set(tenant, own);
  }
}
