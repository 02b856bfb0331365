/**
 * What each record of a request with an Idempotency-Key says of it (`RawMeta.idempotency`), so that whoever reads the log
 * knows how much of the request is there. A request may be there in several attempts: one that a crash cut off, and one
 * to another collector, which knew nothing of the first. Each attempt is in order, so what is there of all of them is the
 * beginning of the request up to where the longest one came.
 */
export interface AttemptOfRequest {
  /** Digest of tenant and key. */
  readonly key: string;
  /** Digest of the body and of what says how to read it. */
  readonly body: string;
  /** All records and dead letters of the request. */
  readonly records: number;
  readonly deadLetters: number;
  /** Nobody else's; empty in what earlier versions wrote. */
  readonly attempt: string;
  /** Where in the request the first record with this text stands: each batch has a text of its own. */
  readonly fromRecord: number;
  /** Where in the dead letters of the request the attempt began. */
  readonly fromDeadLetter: number;
}

const PRINTED = /^([\w-]{22})\.([\w-]{22})\.(\d{1,9})\.(\d{1,9})(?:\.([\w-]{1,16})\.(\d{1,9})\.(\d{1,9}))?$/;

export function printAttempt(of: AttemptOfRequest): string {
  const { key, body, records, deadLetters, attempt, fromRecord, fromDeadLetter } = of;
  return [key, body, records, deadLetters, attempt, fromRecord, fromDeadLetter].join('.');
}

/** Undefined where it is none. */
export function parseAttempt(printed: string): AttemptOfRequest | undefined {
  const [, key, body, records, deadLetters, attempt = '', fromRecord = 0, fromDeadLetter = 0] =
    PRINTED.exec(printed) ?? [];
  if (key === undefined || body === undefined) return undefined;
  return {
    key,
    body,
    records: Number(records),
    deadLetters: Number(deadLetters),
    attempt,
    fromRecord: Number(fromRecord),
    fromDeadLetter: Number(fromDeadLetter),
  };
}

/** Counts what is there of one request, from its attempts as they stand in the log. */
export class RequestBeginning {
  readonly #next = new Map<string, number>();
  #length = 0;

  /** How much of it is there, from its beginning on. */
  get length(): number {
    return this.#length;
  }

  /** The next piece of an attempt that began at `from`; false where an earlier attempt brought the same piece. */
  add(attempt: string, from: number): boolean {
    const index = this.#next.get(attempt) ?? from;
    this.#next.set(attempt, index + 1);
    if (index < this.#length) return false;
    this.#length = index + 1;
    return true;
  }
}
