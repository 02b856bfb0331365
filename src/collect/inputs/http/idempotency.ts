/**
 * Which Idempotency-Keys were used, and how much of their requests is durable. A key's digest and the number of
 * records of its request travel in the header of each of them, so the keys can be rebuilt from the log after a crash,
 * and a request that a crash cut in two is finished by its retry: the rest is appended, nothing twice.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../../lib/clock.ts';
import { SpillwayError } from '../../../lib/errors.ts';
import { COLLECT_LIMITS, type CollectLimits } from '../../../lib/limits.ts';

const DIGEST_BYTES = 16;
const PRINTED = /^([\w-]{22})\.([\w-]{22})\.(\d{1,9})\.(\d{1,9})$/;

export interface KeyedRequest {
  /** Digest of tenant and key. */
  readonly key: string;
  /** Digest of the body and of what says how to read it. */
  readonly body: string;
}

/** What is durable of a keyed request. */
export interface KeyState {
  readonly body: string;
  readonly receivedMs: number;
  /** Its records and dead letters; undefined until they were counted. */
  total: { readonly records: number; readonly deadLetters: number } | undefined;
  durableRecords: number;
  durableDeadLetters: number;
  /** Settles when the request that is being stored now has ended, well or not. */
  underWay: Promise<void> | undefined;
}

/** Throws BAD_REQUEST. */
export function keyedRequest(tenant: string, key: string, body: Buffer, reading: readonly string[]): KeyedRequest {
  const bytes = Buffer.byteLength(key);
  if (bytes === 0 || bytes > COLLECT_LIMITS.idempotencyKeyBytes) {
    throw new SpillwayError(
      'BAD_REQUEST',
      `An Idempotency-Key has 1 to ${COLLECT_LIMITS.idempotencyKeyBytes} bytes; this one has ${bytes}.`,
    );
  }
  return { key: digest([tenant, key]), body: digest(reading, body) };
}

function digest(texts: readonly string[], bytes?: Buffer): string {
  const hash = createHash('sha256').update(JSON.stringify(texts));
  if (bytes !== undefined) hash.update(bytes);
  return hash.digest().subarray(0, DIGEST_BYTES).toString('base64url');
}

/** What the header of each record of the request says (RawMeta.idempotency). */
export function printKey(request: KeyedRequest, records: number, deadLetters: number): string {
  return `${request.key}.${request.body}.${records}.${deadLetters}`;
}

/** The right to store a keyed request, which one request has at a time. */
export interface Claim {
  readonly state: KeyState;
  /** Lets the next one with the same key go on; `keep` false forgets the key. */
  end(keep: boolean): void;
}

export class IdempotencyKeys {
  readonly #clock: Clock;
  readonly #limits: CollectLimits;
  /** Oldest first. */
  #states = new Map<string, KeyState>();

  constructor(clock: Clock, limits: CollectLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#states.size;
  }

  /** From the header of a record (or of the last chunk of a dead letter) that is in the log. */
  recall(printed: string, receivedMs: number, kind: 'record' | 'dead letter'): void {
    const [, key, body, records, deadLetters] = PRINTED.exec(printed) ?? [];
    if (key === undefined || body === undefined) return;
    let state = this.#states.get(key);
    if (state === undefined || state.body !== body) {
      state = newState(body, receivedMs);
      state.total = { records: Number(records), deadLetters: Number(deadLetters) };
      this.#states.set(key, state);
      if (this.#states.size >= 2 * this.#limits.idempotencyKeys) this.sort();
    }
    if (kind === 'record') state.durableRecords++;
    else state.durableDeadLetters++;
  }

  /** Puts what was recalled in order, and forgets the oldest beyond the limit. */
  sort(): void {
    const byAge = [...this.#states].sort(([, a], [, b]) => a.receivedMs - b.receivedMs);
    this.#states = new Map(byAge.slice(-this.#limits.idempotencyKeys));
  }

  /** Waits while another request with this key is under way. Throws IDEMPOTENCY_MISMATCH. */
  async claim(request: KeyedRequest): Promise<Claim> {
    this.#forgetOld();
    for (;;) {
      const state = this.#states.get(request.key) ?? newState(request.body, this.#clock.now());
      if (state.body !== request.body) {
        throw new SpillwayError(
          'IDEMPOTENCY_MISMATCH',
          'This Idempotency-Key was used with another body within 24 hours; use a new key for a new body.',
        );
      }
      if (state.underWay === undefined) return this.#take(request.key, state);
      await state.underWay;
    }
  }

  #take(key: string, state: KeyState): Claim {
    const { promise, resolve } = Promise.withResolvers<void>();
    state.underWay = promise;
    this.#states.set(key, state);
    this.#forgetBeyondLimit();
    return {
      state,
      end: (keep) => {
        state.underWay = undefined;
        if (!keep) this.#states.delete(key);
        resolve();
      },
    };
  }

  #forgetOld(): void {
    const oldestMs = this.#clock.now() - this.#limits.idempotencyTtlMs;
    for (const [key, state] of this.#states) {
      if (state.receivedMs >= oldestMs || state.underWay !== undefined) return;
      this.#states.delete(key);
    }
  }

  #forgetBeyondLimit(): void {
    for (const [key, state] of this.#states) {
      if (this.#states.size <= this.#limits.idempotencyKeys) return;
      if (state.underWay === undefined) this.#states.delete(key);
    }
  }
}

const newState = (body: string, receivedMs: number): KeyState => ({
  body,
  receivedMs,
  total: undefined,
  durableRecords: 0,
  durableDeadLetters: 0,
  underWay: undefined,
});
