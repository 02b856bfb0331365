/**
 * Finds the records in a body: lines of text, NDJSON, one JSON value or several, or the elements of an array. It makes
 * no copies: records are ranges of the body. What is no record is a range too, and becomes a dead letter.
 *
 * It is a generator that yields after each stretch of work, so that a body of many megabytes holds up nobody else.
 */
import { isUtf8 } from 'node:buffer';
import { type ErrorCode, SpillwayError } from '../../../lib/errors.ts';
import { COLLECT_LIMITS } from '../../../lib/limits.ts';
import { BROKEN, JsonScanner, skipSpace } from './json-scanner.ts';
import { Ranges } from './ranges.ts';

const LF = 0x0a;
const CR = 0x0d;
const COMMA = 0x2c;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
/** Bytes between two yields: about a millisecond. */
const STRETCH_BYTES = 512 * 1_024;

export type BodyFormat = 'json' | 'ndjson' | 'text';

export interface RecordProblem {
  /** Number of the line (from 1), or of the element of an array (from 0). */
  readonly line?: number;
  readonly element?: number;
  readonly code: ErrorCode;
  readonly reason: string;
}

export interface Split {
  readonly records: Ranges;
  readonly refused: Ranges;
  /** The first COLLECT_LIMITS.errorsPerAnswer of the refused. */
  readonly errors: readonly RecordProblem[];
}

export function* split(body: Buffer, format: BodyFormat): Generator<undefined, Split> {
  const splitter = new Splitter(body);
  if (format === 'text') yield* splitter.lines(0, () => undefined);
  else yield* splitter.json(format);
  return splitter;
}

/** Why this range of a refused body is no record, for its dead letter. */
export function causeOfRefusal(body: Buffer, start: number, end: number, format: BodyFormat): Cause {
  if (end - start > COLLECT_LIMITS.messageBytes || format === 'text') return tooLarge(end - start);
  return problemOfJson(body, start, end, new JsonScanner(), false) ?? invalid('it stands outside of the array', 0);
}

function problemOfJson(body: Buffer, start: number, end: number, scanner: JsonScanner, isValidUtf8: boolean) {
  if (end - start > COLLECT_LIMITS.messageBytes) return tooLarge(end - start);
  const after = scanner.scan(body, start, end);
  if (after === BROKEN) return invalid(scanner.problem, scanner.position - start);
  const rest = skipSpace(body, after, end);
  if (rest < end) return invalid('something follows the value', rest - start);
  return isValidUtf8 ? undefined : problemOfText(body, start, end);
}

function problemOfText(body: Buffer, start: number, end: number): Cause | undefined {
  return isUtf8(body.subarray(start, end)) ? undefined : invalid('it is not UTF-8', 0);
}

export interface Cause {
  readonly code: ErrorCode;
  readonly reason: string;
}

const tooLarge = (bytes: number): Cause => ({
  code: 'MESSAGE_TOO_LARGE',
  reason: `It has ${bytes} bytes, and a message may have ${COLLECT_LIMITS.messageBytes}.`,
});

const invalid = (problem: string, position: number): Cause => ({
  code: 'JSON_INVALID',
  reason: `It is not JSON: ${problem}, at byte ${position}.`,
});

class Splitter implements Split {
  readonly records = new Ranges();
  readonly refused = new Ranges();
  readonly errors: RecordProblem[] = [];
  readonly #body: Buffer;
  readonly #scanner = new JsonScanner();
  readonly #isUtf8: boolean;
  #yieldAt = STRETCH_BYTES;

  constructor(body: Buffer) {
    this.#body = body;
    this.#isUtf8 = isUtf8(body);
  }

  /** An array, or values one after the other, or lines: by what stands there. */
  *json(format: 'json' | 'ndjson'): Generator<undefined, void> {
    const body = this.#body;
    const from = body.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
    const start = skipSpace(body, from, body.length);
    const first = body[start];
    if (first === ARRAY_OPEN && !(format === 'ndjson' && this.#firstLineIsWhole(start))) {
      yield* this.#elements(start);
    } else if (first === OBJECT_OPEN && format === 'json' && !this.#firstLineIsWhole(start)) {
      yield* this.#values(start);
    } else {
      yield* this.lines(from, (lineStart, lineEnd) => this.#problem(lineStart, lineEnd));
    }
  }

  /** Each line that is not empty; `problem` says why one is no record. */
  *lines(from: number, problem: (start: number, end: number) => Cause | undefined): Generator<undefined, void> {
    const body = this.#body;
    let at = from;
    for (let line = 1 + lineFeedsBefore(body, from); at < body.length; line++) {
      const lineFeed = body.indexOf(LF, at);
      const next = lineFeed < 0 ? body.length : lineFeed + 1;
      let end = lineFeed < 0 ? body.length : lineFeed;
      if (end > at && body[end - 1] === CR) end--;
      if (end - at > COLLECT_LIMITS.messageBytes) this.#refuse(at, end, tooLarge(end - at), { line });
      else this.#line(at, end, line, problem);
      at = next;
      if (this.#isTimeToYield(at)) yield;
    }
  }

  #line(start: number, end: number, line: number, problem: (start: number, end: number) => Cause | undefined): void {
    if (start === end) return;
    const cause = problem(start, end);
    if (cause === undefined) this.#accept(start, end);
    else if (skipSpace(this.#body, start, end) < end) this.#refuse(start, end, cause, { line });
  }

  /** Pretty-printed values, one after the other; where one is broken, the rest is taken by lines. */
  *#values(from: number): Generator<undefined, void> {
    const body = this.#body;
    let at = from;
    while (at < body.length) {
      const end = this.#scanner.scan(body, at, body.length);
      if (end === BROKEN) {
        yield* this.lines(at, (start, lineEnd) => this.#problem(start, lineEnd));
        return;
      }
      const cause = this.#problemOfValue(at, end);
      if (cause === undefined) this.#accept(at, end);
      else this.#refuse(at, end, cause, { element: this.records.length + this.refused.length });
      at = skipSpace(body, end, body.length);
      if (this.#isTimeToYield(at)) yield;
    }
  }

  /** The elements of an array: one that is broken is refused, and the next begins after its comma. */
  *#elements(open: number): Generator<undefined, void> {
    const body = this.#body;
    let at = skipSpace(body, open + 1, body.length);
    for (let element = 0; at < body.length; element++) {
      if (element === 0 && body[at] === ARRAY_CLOSE) break;
      const whole = this.#wholeElementEnd(at);
      const end = whole === BROKEN ? yield* looseEnd(body, at) : whole;
      const cause = whole === BROKEN ? this.#problem(at, end) : this.#problemOfValue(at, end);
      if (cause === undefined) this.#accept(at, end);
      else this.#refuse(at, end, cause, { element });
      at = skipSpace(body, end, body.length);
      if (at >= body.length || body[at] === ARRAY_CLOSE) break;
      // A comma: an element ends before nothing else.
      at = skipSpace(body, at + 1, body.length);
      if (this.#isTimeToYield(at)) yield;
    }
    this.#afterArray(at);
  }

  #afterArray(close: number): void {
    const body = this.#body;
    const isClosed = close < body.length;
    const rest = isClosed ? skipSpace(body, close + 1, body.length) : close;
    if (!isClosed) this.#note(invalid('the array does not end', body.length), {});
    else if (rest < body.length) this.#refuse(rest, body.length, invalid('something follows the array', rest), {});
  }

  /** Where an element ends, or BROKEN: also where it is longer than a message may be, so that no scan takes long. */
  #wholeElementEnd(start: number): number {
    const body = this.#body;
    const end = this.#scanner.scan(body, start, Math.min(body.length, start + COLLECT_LIMITS.messageBytes + 1));
    if (end === BROKEN) return BROKEN;
    const next = skipSpace(body, end, body.length);
    return next >= body.length || body[next] === COMMA || body[next] === ARRAY_CLOSE ? end : BROKEN;
  }

  #firstLineIsWhole(start: number): boolean {
    const lineFeed = this.#body.indexOf(LF, start);
    return this.#problem(start, lineFeed < 0 ? this.#body.length : lineFeed) === undefined;
  }

  #problem(start: number, end: number): Cause | undefined {
    return problemOfJson(this.#body, start, end, this.#scanner, this.#isUtf8);
  }

  /** Of a range that the scanner has found to be a value. */
  #problemOfValue(start: number, end: number): Cause | undefined {
    if (end - start > COLLECT_LIMITS.messageBytes) return tooLarge(end - start);
    return this.#isUtf8 ? undefined : problemOfText(this.#body, start, end);
  }

  #accept(start: number, end: number): void {
    this.records.add(start, end);
    this.#checkCount();
  }

  #refuse(start: number, end: number, cause: Cause, place: { line?: number; element?: number }): void {
    if (end > start) this.refused.add(start, end);
    this.#note(cause, place);
    this.#checkCount();
  }

  #note(cause: Cause, place: { line?: number; element?: number }): void {
    if (this.errors.length < COLLECT_LIMITS.errorsPerAnswer) this.errors.push({ ...place, ...cause });
  }

  #checkCount(): void {
    if (this.records.length + this.refused.length > COLLECT_LIMITS.httpRecords) {
      throw new SpillwayError(
        'BODY_TOO_LARGE',
        `A request may have ${COLLECT_LIMITS.httpRecords} records; send several.`,
      );
    }
  }

  #isTimeToYield(at: number): boolean {
    if (at < this.#yieldAt) return false;
    this.#yieldAt = at + STRETCH_BYTES;
    return true;
  }
}

/** The first comma or closing bracket outside of strings and nested brackets, or the end: without trailing space. */
function* looseEnd(body: Buffer, start: number): Generator<undefined, number> {
  let depth = 0;
  let inString = false;
  let at = start;
  let yieldAt = start + STRETCH_BYTES;
  for (; at < body.length; at++) {
    if (at >= yieldAt) {
      yieldAt = at + STRETCH_BYTES;
      yield;
    }
    const byte = body[at];
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OBJECT_OPEN || byte === ARRAY_OPEN) depth++;
    else if (byte === 0x7d || byte === ARRAY_CLOSE) {
      if (depth === 0 && byte === ARRAY_CLOSE) break;
      if (depth > 0) depth--;
    } else if (byte === COMMA && depth === 0) break;
  }
  let end = Math.min(at, body.length);
  while (end > start && (body[end - 1] === 0x20 || body[end - 1] === LF || body[end - 1] === CR)) end--;
  return end;
}

function lineFeedsBefore(body: Buffer, end: number): number {
  let count = 0;
  for (let at = body.indexOf(LF); at >= 0 && at < end; at = body.indexOf(LF, at + 1)) count++;
  return count;
}
