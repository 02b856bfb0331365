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
import { namesForPaths } from './index-names.ts';
import { at, listAt, numberAt } from './json.ts';
import {
  ANY_FIELDS,
  type CallLimits,
  type FieldsOf,
  haveSameFields,
  MappedFields,
  type SliceFields,
} from './mapped-fields.ts';

export interface QueryLimits extends AdmissionLimits {
  readonly timeMs: number;
}

export interface Ask {
  /** Asks the slices of a question one thing, or all of the tenant; undefined where there is no slice. */
  (body: Readonly<Record<string, unknown>>, where?: 'everywhere'): Promise<unknown>;
  /** What typed fields the slices of the question have, so that it asks for no others. */
  fields(): Promise<SliceFields>;
}

/** The slices that a question goes to. */
export interface Targets {
  touched(where?: 'everywhere'): Promise<readonly FieldsOf[]>;
  /** The same, as far as it is known without asking. */
  known(): readonly FieldsOf[];
}

/** No answer of a part of the slices passes for one of all. */
const PARAMETERS = { allow_partial_search_results: false, ignore_unavailable: true, allow_no_indices: true };
const IN_PATH = Object.entries(PARAMETERS)
  .map(([name, value]) => `${name}=${value}`)
  .join('&');

export class QueryRunner {
  readonly #client: Client;
  readonly #limits: QueryLimits;
  readonly #admission: Admission;
  readonly #mapped: MappedFields;

  constructor(client: Client, limits: QueryLimits) {
    this.#client = client;
    this.#limits = limits;
    this.#admission = new Admission(limits);
    this.#mapped = new MappedFields(client);
  }

  get running(): number {
    return this.#admission.running;
  }

  get waiting(): number {
    return this.#admission.waiting;
  }

  /** One question, of one or more requests, for a tenant. Its time counts from its first request. */
  run<T>(tenant: string, signal: AbortSignal, targets: Targets, work: (ask: Ask) => Promise<T>): Promise<T> {
    return this.#admission.run(tenant, signal, async () => {
      const deadline = performance.now() + this.#limits.timeMs;
      const asking = (fields: Ask['fields']): Ask =>
        Object.assign(
          (body: Readonly<Record<string, unknown>>, where?: 'everywhere') =>
            this.#ask(body, () => targets.touched(where), signal, deadline),
          { fields },
        );
      let slices: readonly FieldsOf[] | undefined;
      let known: Promise<SliceFields> | undefined;
      const look = () =>
        this.#within(signal, deadline, async (limits) => {
          slices = await targets.touched();
          return this.#mapped.of(slices, limits);
        });
      const answer = await work(asking(() => (known ??= look())));
      if (slices === undefined || haveSameFields(slices, targets.known())) return answer;
      // They have got other fields meanwhile, which the answer may lack: now all that may be there are asked for.
      return work(asking(async () => ANY_FIELDS));
    });
  }

  #ask(
    body: Readonly<Record<string, unknown>>,
    targets: () => Promise<readonly FieldsOf[]>,
    signal: AbortSignal,
    deadline: number,
  ): Promise<unknown> {
    return this.#within(signal, deadline, async (limits, leftMs) => {
      const indices = (await targets()).map(({ index }) => index);
      if (indices.length === 0) return undefined;
      const question = { timeout: `${leftMs}ms`, ...body };
      const answer = await whenStarted(() => this.#search(indices, question, limits), limits.signal);
      if (answer.status !== 200) throw questionError(answer);
      if (at(answer.body, 'timed_out') === true) throw late();
      return numberAt(answer.body, '_shards', 'total') === 0 ? undefined : answer.body;
    });
  }

  /** Work that ends with the question's time, and when its asker is gone. */
  async #within<T>(
    signal: AbortSignal,
    deadline: number,
    work: (limits: CallLimits, leftMs: number) => Promise<T>,
  ): Promise<T> {
    if (signal.aborted) throw cancelled();
    const leftMs = Math.floor(deadline - performance.now());
    if (leftMs <= 0) throw late();
    const either = AbortSignal.any([signal, AbortSignal.timeout(leftMs)]);
    try {
      return await work({ signal: either, timeoutMs: leftMs + 1_000 }, leftMs);
    } catch (thrown) {
      if (signal.aborted) throw cancelled();
      if (either.aborted) throw late();
      if (thrown instanceof Unreachable) throw new SpillwayError('UNAVAILABLE', messageOf(thrown), { cause: thrown });
      throw thrown;
    }
  }

  /** The path names the indices while it is short; a header of the body does for many. */
  async #search(
    indices: readonly string[],
    question: Readonly<Record<string, unknown>>,
    limits: CallLimits,
  ): Promise<Answer> {
    const [names, ...others] = namesForPaths(indices);
    if (others.length === 0) {
      return this.#client.call({ method: 'POST', path: `${names}/_search?${IN_PATH}`, body: question, ...limits });
    }
    const lines = [{ index: indices, ...PARAMETERS }, question].map((line) => Buffer.from(`${JSON.stringify(line)}\n`));
    const answer = await this.#client.call({ method: 'POST', path: '_msearch', body: lines, ...limits });
    if (answer.status !== 200) return answer;
    const [body] = listAt(answer.body, 'responses');
    return { status: numberAt(body, 'status'), body };
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
