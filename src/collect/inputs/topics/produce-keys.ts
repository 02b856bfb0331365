/**
 * Idempotency-Keys of requests that produce: which parts of a request are durable, and at which offsets. The first
 * record of each batch of a keyed request says whose it is and which part, so the keys can be read back from the log
 * after a crash, and a request that a crash cut in two is finished by its retry: the rest is appended, nothing twice.
 */
import type { Clock } from '../../../lib/clock.ts';
import { SpillwayError } from '../../../lib/errors.ts';
import type { CollectLimits } from '../../../lib/limits.ts';
import type { KeyedRequest } from '../http/idempotency.ts';
import { OWN_HEADERS_PREFIX } from './records.ts';

export const KEY_HEADER = `${OWN_HEADERS_PREFIX}idempotency`;
const PRINTED = /^([\w-]{22})\.([\w-]{22})\.(\d{1,9})(?:\.(\d{1,4}))?$/;

/** Records of one partition of a request, in order: `index` of the first among the request's records there. */
export interface DurablePart {
  readonly partition: number;
  readonly index: number;
  readonly baseOffset: number;
  readonly count: number;
}

export interface ProduceState {
  readonly body: string;
  readonly receivedMs: number;
  /** How many the topic had at the first attempt; undefined before that, and where an earlier version did not say it. */
  partitions: number | undefined;
  readonly parts: DurablePart[];
  /** Settles when the request that is being stored now has ended, well or not. */
  underWay: Promise<void> | undefined;
}

export const newProduceState = (of: {
  readonly body: string;
  readonly receivedMs: number;
  readonly partitions?: number | undefined;
  readonly parts?: readonly DurablePart[];
}): ProduceState => ({
  body: of.body,
  receivedMs: of.receivedMs,
  partitions: of.partitions,
  parts: [...(of.parts ?? [])],
  underWay: undefined,
});

export interface WrittenKey extends KeyedRequest {
  readonly receivedMs: number;
  readonly partitions?: number | undefined;
  readonly parts: readonly DurablePart[];
}

export interface ProduceClaim {
  readonly state: ProduceState;
  /** Lets the next request with the same key go on. */
  end(): void;
}

/** What the first record of a batch says. */
export function printPart({ key, body }: KeyedRequest, index: number, partitions: number): Buffer {
  return Buffer.from(`${key}.${body}.${index}.${partitions}`);
}

export class ProduceKeys {
  readonly #clock: Clock;
  readonly #limits: CollectLimits;
  /** Oldest first, but for those that were read back. */
  readonly #states = new Map<string, ProduceState>();

  constructor(clock: Clock, limits: CollectLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#states.size;
  }

  /** From the header of a batch in the log. */
  recall(header: string, receivedMs: number, at: Omit<DurablePart, 'index'>): void {
    const [, key, body, index, count] = PRINTED.exec(header) ?? [];
    if (key === undefined || body === undefined || index === undefined) return;
    const partitions = count === undefined ? undefined : Number(count);
    const state = this.#states.get(key) ?? newProduceState({ body, receivedMs, partitions });
    if (state.body !== body) return;
    this.#states.set(key, state);
    add(state, { ...at, index: Number(index) });
  }

  restore(written: readonly WrittenKey[]): void {
    for (const key of written) this.#states.set(key.key, newProduceState(key));
  }

  written(): WrittenKey[] {
    return [...this.#states].flatMap(([key, { body, receivedMs, partitions, parts }]) =>
      parts.length === 0 ? [] : [{ key, body, receivedMs, partitions, parts }],
    );
  }

  /** Waits while another request with this key is under way. Throws IDEMPOTENCY_MISMATCH. */
  async claim({ key, body }: KeyedRequest): Promise<ProduceClaim> {
    this.#forget();
    for (;;) {
      const state = this.#states.get(key) ?? newProduceState({ body, receivedMs: this.#clock.now() });
      if (state.body !== body) {
        throw new SpillwayError(
          'IDEMPOTENCY_MISMATCH',
          'This Idempotency-Key was used with another body within 24 hours; use a new key for a new body.',
        );
      }
      if (state.underWay === undefined) return this.#take(key, state);
      await state.underWay;
    }
  }

  #take(key: string, state: ProduceState): ProduceClaim {
    const { promise, resolve } = Promise.withResolvers<void>();
    state.underWay = promise;
    this.#states.set(key, state);
    return {
      state,
      end: () => {
        state.underWay = undefined;
        if (state.parts.length === 0) this.#states.delete(key);
        resolve();
      },
    };
  }

  #forget(): void {
    const oldestMs = this.#clock.now() - this.#limits.idempotencyTtlMs;
    for (const [key, state] of this.#states) {
      const isTooMany = this.#states.size > this.#limits.idempotencyKeys;
      if (state.receivedMs >= oldestMs && !isTooMany) return;
      if (state.underWay === undefined) this.#states.delete(key);
    }
  }
}

/** Once: what was read back may have been noted down as well. */
export function add({ parts }: ProduceState, part: DurablePart): void {
  if (!parts.some(({ partition, baseOffset }) => partition === part.partition && baseOffset === part.baseOffset)) {
    parts.push(part);
  }
}

/** How many of the request's records of a partition are durable: always the first ones. */
export function durableCount({ parts }: ProduceState, partition: number): number {
  return parts.reduce(
    (most, part) => (part.partition === partition ? Math.max(most, part.index + part.count) : most),
    0,
  );
}

/** Offset of the request's record `index` of a partition. */
export function offsetOf({ parts }: ProduceState, partition: number, index: number): number {
  const part = parts.find((one) => {
    return one.partition === partition && one.index <= index && index < one.index + one.count;
  });
  if (part === undefined) throw new RangeError(`record ${index} of partition ${partition} is not durable`);
  return part.baseOffset + index - part.index;
}
