/**
 * Which Idempotency-Keys were used, and how much of their requests is durable. A key's digest and the number of
 * records of its request travel in the header of each of them, so the keys can be rebuilt from the log after a crash,
 * and a request that a crash cut in two is finished by its retry: the rest is appended, nothing twice.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type AttemptOfRequest, parseAttempt, RequestBeginning } from '../../../event/idempotency.ts';
import type { Clock } from '../../../lib/clock.ts';
import { SpillwayError } from '../../../lib/errors.ts';
import { COLLECT_LIMITS, type CollectLimits } from '../../../lib/limits.ts';

const DIGEST_BYTES = 16;
const ATTEMPT_BYTES = 6;

export interface KeyedRequest {
  /** Digest of tenant and key. */
  readonly key: string;
  /** Digest of the body and of what says how to read it. */
  readonly body: string;
}

/** The durable end of each log, by its name, at one time. */
export type LogEnds = Readonly<Record<string, number>>;

/** What is durable of a keyed request. */
export interface KeyState {
  readonly body: string;
  readonly receivedMs: number;
  /** Its records and dead letters; undefined until they were counted. */
  total: { readonly records: number; readonly deadLetters: number } | undefined;
  durableRecords: number;
  durableDeadLetters: number;
  /** While the log is read back. */
  recalled?: { readonly records: RequestBeginning; readonly deadLetters: RequestBeginning };
  /** Nothing of it is before these; forgotten when all of it is durable. */
  since: LogEnds | undefined;
  /** Settles when the request that is being stored now has ended, well or not. */
  underWay: Promise<void> | undefined;
}

/** A request that is whole in the log. */
export interface FinishedKey extends KeyedRequest {
  readonly receivedMs: number;
  readonly records: number;
  readonly deadLetters: number;
}

/** All that was finished, and from where on the log has to be read for the rest. */
export interface KeyBook {
  readonly ends: LogEnds;
  readonly finished: readonly FinishedKey[];
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

/** What the headers say (RawMeta.idempotency) of an attempt to store what is not durable yet. */
export function beginAttempt({ key, body }: KeyedRequest, state: KeyState): AttemptOfRequest {
  const { records = 0, deadLetters = 0 } = state.total ?? {};
  const { durableRecords: fromRecord, durableDeadLetters: fromDeadLetter } = state;
  const attempt = randomBytes(ATTEMPT_BYTES).toString('base64url');
  return { key, body, records, deadLetters, attempt, fromRecord, fromDeadLetter };
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
  readonly #ends: () => LogEnds;
  /** Oldest first. */
  #states = new Map<string, KeyState>();

  /** `ends`: a copy of where each log durably ends now. */
  constructor(clock: Clock, limits: CollectLimits, ends: () => LogEnds) {
    this.#clock = clock;
    this.#limits = limits;
    this.#ends = ends;
  }

  get size(): number {
    return this.#states.size;
  }

  /** What was written down before, of an earlier process. */
  restore({ finished }: KeyBook): void {
    for (const { key, body, receivedMs, records, deadLetters } of finished) {
      const state = newState(body, receivedMs, undefined);
      state.total = { records, deadLetters };
      state.durableRecords = records;
      state.durableDeadLetters = deadLetters;
      this.#states.set(key, state);
    }
  }

  /** From the header of a record (or of the last chunk of a dead letter) in the log, which is read from `since` on. */
  recall(printed: string, receivedMs: number, kind: 'record' | 'dead letter', since: LogEnds): void {
    const found = parseAttempt(printed);
    if (found === undefined) return;
    const { key, body, records, deadLetters, attempt, fromRecord, fromDeadLetter } = found;
    let state = this.#states.get(key);
    if (state === undefined || state.body !== body) {
      state = newState(body, receivedMs, since);
      state.total = { records, deadLetters };
      this.#states.set(key, state);
      if (this.#states.size >= 2 * this.#limits.idempotencyKeys) this.sort();
    }
    // Another collector may have taken it as well: what both have counts once.
    state.recalled ??= { records: new RequestBeginning(), deadLetters: new RequestBeginning() };
    if (kind === 'record') {
      state.recalled.records.add(`${attempt}.${fromRecord}`, fromRecord);
      state.durableRecords = Math.max(state.durableRecords, state.recalled.records.length);
    } else {
      state.recalled.deadLetters.add(attempt, fromDeadLetter);
      state.durableDeadLetters = Math.max(state.durableDeadLetters, state.recalled.deadLetters.length);
    }
    if (isFinished(state)) state.since = undefined;
  }

  /** The log is read back. */
  endRecall(): void {
    for (const state of this.#states.values()) delete state.recalled;
    this.sort();
  }

  /** Puts what was recalled in order, and forgets the oldest beyond the limit. */
  sort(): void {
    const byAge = [...this.#states].sort(([, a], [, b]) => a.receivedMs - b.receivedMs);
    this.#states = new Map(byAge.slice(-this.#limits.idempotencyKeys));
  }

  /** To be written down: consistent at the end of a turn of the event loop. */
  book(): KeyBook {
    const ends: Record<string, number> = { ...this.#ends() };
    const finished: FinishedKey[] = [];
    for (const [key, { body, receivedMs, total, since }] of this.#states) {
      if (since === undefined && total !== undefined) finished.push({ key, body, receivedMs, ...total });
      // A log that was not there when the key was claimed may have records of it from its beginning on.
      else if (since !== undefined)
        for (const [log, end] of Object.entries(ends)) ends[log] = Math.min(end, since[log] ?? 0);
    }
    return { ends, finished };
  }

  /** Waits while another request with this key is under way. Throws IDEMPOTENCY_MISMATCH. */
  async claim(request: KeyedRequest): Promise<Claim> {
    this.#forgetOld();
    for (;;) {
      const known = this.#states.get(request.key);
      const state = known ?? newState(request.body, this.#clock.now(), this.#ends());
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
        if (isFinished(state)) state.since = undefined;
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

const newState = (body: string, receivedMs: number, since: LogEnds | undefined): KeyState => ({
  body,
  receivedMs,
  total: undefined,
  durableRecords: 0,
  durableDeadLetters: 0,
  since,
  underWay: undefined,
});

function isFinished({ total, durableRecords, durableDeadLetters }: KeyState): boolean {
  return total !== undefined && durableRecords >= total.records && durableDeadLetters >= total.deadLetters;
}
