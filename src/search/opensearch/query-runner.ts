/**
 * Runs questions within their limits: places per tenant, and time. A question that is cancelled or late closes its
 * connection, on which the cluster ends its work.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { Admission, type AdmissionLimits } from '../admission.ts';
import { type Answer, type Client, Unreachable } from './client.ts';
import { isGone, isStarting, questionError } from './errors.ts';
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
  /** All indices of slices that there are now. */
  existing(): Promise<ReadonlySet<string>>;
}

/** No answer of a part of the slices passes for one of all; nor where one of them is closed. */
const PARAMETERS = { allow_partial_search_results: false, ignore_unavailable: false };
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
            this.#ask(body, targets, where, signal, deadline),
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

  /** What is asked about slices themselves, as long as a question may take. */
  look<T>(work: () => Promise<T>): Promise<T> {
    return this.#within(new AbortController().signal, performance.now() + this.#limits.timeMs, work);
  }

  #ask(
    body: Readonly<Record<string, unknown>>,
    targets: Targets,
    where: 'everywhere' | undefined,
    signal: AbortSignal,
    deadline: number,
  ): Promise<unknown> {
    return this.#within(signal, deadline, async (limits, leftMs) => {
      let indices = (await targets.touched(where)).map(({ index }) => index);
      const question = { timeout: `${leftMs}ms`, ...body };
      for (let attempt = 1; indices.length > 0; attempt++) {
        const answer = await whenStarted(() => this.#search(indices, question, limits), limits.signal);
        if (isGone(answer) && attempt < OPENSEARCH_LIMITS.attempts) {
          // One that is noted and not made yet, or that its retention or somebody has just removed.
          const there = await targets.existing();
          indices = indices.filter((index) => there.has(index));
          continue;
        }
        if (answer.status !== 200) throw questionError(answer);
        if (at(answer.body, 'timed_out') === true) throw late();
        return answer.body;
      }
      return undefined;
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
      // What looks which slices there are is shared with others, and may wait for longer.
      return await Promise.race([work({ signal: either, timeoutMs: leftMs + 1_000 }, leftMs), untilAborted(either)]);
    } catch (thrown) {
      if (signal.aborted) throw cancelled();
      if (either.aborted) throw late();
      if (thrown instanceof Unreachable) throw unavailable(thrown);
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

function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
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

/** Addresses of the cluster are nothing for those who may only ask. */
function unavailable(cause: Unreachable): SpillwayError {
  const message = 'OpenSearch does not answer now. `spillway doctor` says why; ask again in a moment.';
  return new SpillwayError('UNAVAILABLE', message, { cause });
}

function late(): SpillwayError {
  return new SpillwayError('QUERY_TIMEOUT', 'The query was stopped at its limit of time. Narrow its range.');
}
