/**
 * Runs questions within their limits: places per tenant, and time. A question that is cancelled or late closes its
 * connection, on which the cluster ends its work. Of one that is late it is found out whose fault that is: its own, or
 * that of a cluster that answers nothing.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { orAborted } from '../../lib/or-aborted.ts';
import { Admission, type AdmissionLimits } from '../admission.ts';
import { type Answer, type Client, Unreachable } from './client.ts';
import { NOTHING } from './conditions.ts';
import { isGone, isStarting, questionError, tooLate } from './errors.ts';
import { NO_HITS } from './hits.ts';
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

interface QuestionTime {
  /** Fires when its asker is gone. */
  readonly signal: AbortSignal;
  /** Of performance.now(). */
  readonly endMs: number;
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
      const time = this.#timeOf(signal);
      const asking = (fields: Ask['fields']): Ask =>
        Object.assign(
          (...[body, where]: Parameters<Ask>) => this.#ask(body, () => targets.touched(where), targets, time),
          {
            fields,
          },
        );
      let slices: readonly FieldsOf[] | undefined;
      let known: Promise<SliceFields> | undefined;
      const look = () =>
        this.#within(time, async (limits) => {
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
    return this.#within(this.#timeOf(new AbortController().signal), work);
  }

  #timeOf(signal: AbortSignal): QuestionTime {
    return { signal, endMs: performance.now() + this.#limits.timeMs };
  }

  #ask(
    body: Readonly<Record<string, unknown>>,
    touched: () => Promise<readonly FieldsOf[]>,
    targets: Targets,
    time: QuestionTime,
  ): Promise<unknown> {
    let indices: readonly string[] = [];
    return this.#within(
      time,
      async (limits, leftMs) => {
        indices = (await touched()).map(({ index }) => index);
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
          if (at(answer.body, 'timed_out') === true) throw tooLate();
          return answer.body;
        }
        return undefined;
      },
      () => indices,
    );
  }

  /** Work that ends with the question's time, and when its asker is gone; `asked` are the indices that it waits for. */
  async #within<T>(
    { signal, endMs }: QuestionTime,
    work: (limits: CallLimits, leftMs: number) => Promise<T>,
    asked: () => readonly string[] = () => [],
  ): Promise<T> {
    if (signal.aborted) throw cancelled();
    const leftMs = Math.floor(endMs - performance.now());
    if (leftMs <= 0) throw tooLate();
    const ended = AbortSignal.any([signal, AbortSignal.timeout(leftMs)]);
    try {
      // What looks which slices there are is shared with others, and may wait for longer.
      const working = work({ signal: ended, timeoutMs: leftMs + 1_000 }, leftMs).then((answer) => ({ answer }));
      const done = await orAborted(working, ended);
      if (done !== undefined) return done.answer;
    } catch (thrown) {
      if (!ended.aborted) throw thrown instanceof Unreachable ? unavailable(thrown) : thrown;
    }
    if (signal.aborted) throw cancelled();
    throw (await this.#answers(asked(), signal)) ? tooLate() : standsStill(this.#limits.timeMs);
  }

  /** Whether these indices answer a question that costs them nothing: then it was the one before that took too long. */
  async #answers(indices: readonly string[], signal: AbortSignal): Promise<boolean> {
    if (indices.length === 0) return false;
    const timeoutMs = OPENSEARCH_LIMITS.probeMs;
    const limits = { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]), timeoutMs };
    const nothing = { ...NO_HITS, query: NOTHING };
    const answer = await this.#search(indices, nothing, limits).catch(() => undefined);
    if (signal.aborted) throw cancelled();
    return answer?.status === 200;
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

/** Addresses of the cluster are nothing for those who may only ask. */
function unavailable(cause: Unreachable): SpillwayError {
  const message = 'OpenSearch does not answer now. `spillway doctor` says why; ask again in a moment.';
  return new SpillwayError('UNAVAILABLE', message, { cause });
}

/** The cluster is to be looked at, and not the query. */
function standsStill(timeMs: number): SpillwayError {
  const message = `OpenSearch did not answer within ${timeMs / 1_000} s, and not because of this query: look at the cluster (\`spillway doctor\` does), and ask again when it works.`;
  return new SpillwayError('UNAVAILABLE', message);
}
