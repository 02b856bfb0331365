/**
 * Runs questions within their limits: places per tenant, and time. A question that is cancelled or late closes its
 * connection, on which the cluster ends its work.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { Admission, type AdmissionLimits } from '../admission.ts';
import { type Answer, type Client, Unreachable } from './client.ts';
import { isStarting, questionError } from './errors.ts';
import { at, numberAt } from './json.ts';

export interface QueryLimits extends AdmissionLimits {
  readonly timeMs: number;
}

/** Asks all slices one thing within a question; undefined where there is no slice. */
export type Ask = (body: Readonly<Record<string, unknown>>) => Promise<unknown>;

/** No answer of a part of the slices passes for one of all. */
const PARAMETERS = 'allow_partial_search_results=false&ignore_unavailable=true&allow_no_indices=true';

export class QueryRunner {
  readonly #client: Client;
  readonly #path: string;
  readonly #limits: QueryLimits;
  readonly #admission: Admission;

  constructor(client: Client, alias: string, limits: QueryLimits) {
    this.#client = client;
    this.#path = `${alias}/_search?${PARAMETERS}`;
    this.#limits = limits;
    this.#admission = new Admission(limits);
  }

  get running(): number {
    return this.#admission.running;
  }

  get waiting(): number {
    return this.#admission.waiting;
  }

  /** One question, of one or more requests, for a tenant. Its time counts from its first request. */
  run<T>(tenant: string, signal: AbortSignal, work: (ask: Ask) => Promise<T>): Promise<T> {
    return this.#admission.run(tenant, signal, () => {
      const deadline = performance.now() + this.#limits.timeMs;
      return work((body) => this.#ask(body, signal, deadline));
    });
  }

  async #ask(body: Readonly<Record<string, unknown>>, signal: AbortSignal, deadline: number): Promise<unknown> {
    if (signal.aborted) throw cancelled();
    const leftMs = Math.floor(deadline - performance.now());
    if (leftMs <= 0) throw late();
    const either = AbortSignal.any([signal, AbortSignal.timeout(leftMs)]);
    try {
      const call = {
        method: 'POST',
        path: this.#path,
        body: { timeout: `${leftMs}ms`, ...body },
        signal: either,
        timeoutMs: leftMs + 1_000,
      } as const;
      const answer = await whenStarted(() => this.#client.call(call), either);
      if (answer.status !== 200) throw questionError(answer);
      if (at(answer.body, 'timed_out') === true) throw late();
      return numberAt(answer.body, '_shards', 'total') === 0 ? undefined : answer.body;
    } catch (thrown) {
      if (signal.aborted) throw cancelled();
      if (either.aborted) throw late();
      if (thrown instanceof Unreachable) throw new SpillwayError('UNAVAILABLE', messageOf(thrown), { cause: thrown });
      throw thrown;
    }
  }
}

/** A slice that is just being made is there before it answers. */
async function whenStarted(ask: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  const untilMs = performance.now() + OPENSEARCH_LIMITS.shardStartMs;
  for (;;) {
    const answer = await ask();
    if (!isStarting(answer) || performance.now() > untilMs) return answer;
    await delay(OPENSEARCH_LIMITS.retryDelayMs, undefined, { signal });
  }
}

function cancelled(): SpillwayError {
  return new SpillwayError('QUERY_CANCELLED', 'The query was cancelled.');
}

function late(): SpillwayError {
  return new SpillwayError('QUERY_TIMEOUT', 'The query was stopped at its limit of time. Narrow its range.');
}
