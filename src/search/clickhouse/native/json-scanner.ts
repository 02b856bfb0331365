/**
 * Reads one event's JSON by its bytes, straight into columns: no objects and no strings are made where the next event
 * has the same keys as the one before, and no text is decoded unless it holds escapes. What is not the JSON that
 * event/event.ts promises is refused (EVENT_REFUSED) with the position.
 */
import { SpillwayError } from '../../../lib/errors.ts';
import { EVENT_LIMITS } from '../../../lib/limits.ts';
import type { ArrayColumn, NumberColumn, StringColumn } from './columns.ts';
import type { JsonColumn, KeyNode } from './json-column.ts';
import type { TextSink } from './path-texts.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const DOT = 0x2e;
const MINUS = 0x2d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** A loop finds a quote this near sooner than a call does. */
const NEAR_BYTES = 40;
/** Up to 15 digits a double is exact, and so is its division by a power of ten up to 10^22. */
const EXACT_DIGITS = 15;
const POWERS = Array.from({ length: EXACT_DIGITS + 1 }, (_, power) => 10 ** power);
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
/** Objects within arrays within objects: the normaliser's depth and the event's own. */
const MAX_DEPTH = EVENT_LIMITS.depth + 4;

/** A key that is expected at a place, with what to do there. */
export interface ExpectedKey {
  readonly key: Buffer;
}

export class JsonScanner {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  end = 0;
  /** Where the last text began and ended, within `bytes`: see `text()`. */
  textStart = 0;
  textEnd = 0;
  #escapes = false;
  #backslash = -1;

  /** Puts the scanner at `bytes[start, end)`. */
  begin(bytes: Buffer, start: number, end: number): void {
    if (bytes !== this.bytes || this.#backslash < start) {
      this.bytes = bytes;
      const found = bytes.indexOf(BACKSLASH, start);
      this.#backslash = found < 0 ? Number.POSITIVE_INFINITY : found;
    }
    this.#escapes = this.#backslash < end;
    this.at = start;
    this.end = end;
  }

  fail(what: string): SpillwayError {
    const near = this.bytes.toString('utf8', Math.max(0, this.at - 20), Math.min(this.end, this.at + 20));
    return new SpillwayError(
      'EVENT_REFUSED',
      `The store cannot take this event: ${what} near ${JSON.stringify(near)}.`,
    );
  }

  /** The next byte that is no space; not taken. */
  peek(): number {
    let byte = this.bytes[this.at] ?? 0;
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = this.bytes[++this.at] ?? 0;
    if (this.at >= this.end) throw this.fail('it ends early');
    return byte;
  }

  take(byte: number): void {
    if (this.peek() !== byte) throw this.fail(`'${String.fromCharCode(byte)}' is missing`);
    this.at++;
  }

  /** After a member or element: true for a comma, false for the closing byte; taken. */
  more(close: number): boolean {
    const byte = this.peek();
    this.at++;
    if (byte === COMMA) return true;
    if (byte === close) return false;
    this.at--;
    throw this.fail('a comma or a closing bracket is missing');
  }

  openObject(): boolean {
    this.take(OPEN_BRACE);
    return !this.#closes(CLOSE_BRACE);
  }

  moreMembers(): boolean {
    return this.more(CLOSE_BRACE);
  }

  openArray(): boolean {
    this.take(OPEN_BRACKET);
    return !this.#closes(CLOSE_BRACKET);
  }

  moreElements(): boolean {
    return this.more(CLOSE_BRACKET);
  }

  /** Takes the key and its colon where it is the expected one. */
  isKey(expected: ExpectedKey | undefined): boolean {
    if (expected === undefined) return false;
    this.peek();
    const { key } = expected;
    const { bytes } = this;
    const start = this.at + 1;
    const { length } = key;
    for (let i = 0; i < length; i++) if (bytes[start + i] !== key[i]) return false;
    if (bytes[start - 1] !== QUOTE || bytes[start + length] !== QUOTE) return false;
    this.at = start + length + 1;
    this.take(COLON);
    return true;
  }

  key(): string {
    const key = this.string();
    this.take(COLON);
    return key;
  }

  /** Finds the text of a string: true where `textStart, textEnd` are its bytes, false where it holds escapes. */
  text(): boolean {
    this.take(QUOTE);
    const { bytes } = this;
    let at = this.at;
    this.textStart = at;
    if (this.#escapes) return this.#textWithEscapes();
    const near = at + NEAR_BYTES;
    while (at < near && bytes[at] !== QUOTE) at++;
    if (at === near) at = bytes.indexOf(QUOTE, at);
    if (at < 0 || at >= this.end) throw this.fail('a text has no end');
    this.textEnd = at;
    this.at = at + 1;
    return true;
  }

  string(): string {
    if (this.text()) return this.bytes.toString('utf8', this.textStart, this.textEnd);
    return this.#unescape();
  }

  stringInto(column: TextSink): void {
    if (this.text()) column.pushBytes(this.bytes, this.textStart, this.textEnd);
    else column.pushText(this.#unescape());
  }

  number(): number {
    this.peek();
    const { bytes } = this;
    let at = this.at;
    const negative = bytes[at] === MINUS;
    if (negative) at++;
    const first = at;
    let mantissa = 0;
    let scale = 0;
    let byte = bytes[at] ?? 0;
    for (; byte >= 0x30 && byte <= 0x39; byte = bytes[++at] ?? 0) mantissa = mantissa * 10 + byte - 0x30;
    const whole = at - first;
    if (byte === DOT) {
      byte = bytes[++at] ?? 0;
      for (; byte >= 0x30 && byte <= 0x39; byte = bytes[++at] ?? 0) {
        mantissa = mantissa * 10 + byte - 0x30;
        scale++;
      }
    }
    const simple = whole > 0 && whole + scale <= EXACT_DIGITS && (bytes[first] !== 0x30 || whole === 1);
    if (!simple || byte === 0x65 || byte === 0x45 || (scale === 0 && bytes[at - 1] === DOT)) return this.#longNumber();
    this.at = at;
    const value = scale === 0 ? mantissa : mantissa / (POWERS[scale] ?? 1);
    return negative ? -value : value;
  }

  /** The members of an object as values of paths below `node`, for row `row` of the column. */
  object(column: JsonColumn, node: KeyNode, row: number, depth = 0): void {
    if (depth > MAX_DEPTH) throw this.fail(`more than ${MAX_DEPTH} levels`);
    if (!this.openObject()) return;
    let index = 0;
    do {
      const expected = node.sequence[index];
      let child: KeyNode;
      if (expected !== undefined && this.isKey(expected)) child = expected;
      else {
        child = node.child(this.key());
        node.sequence[index] = child;
      }
      index++;
      this.#value(column, child, row, depth);
    } while (this.moreMembers());
  }

  #value(column: JsonColumn, node: KeyNode, row: number, depth: number): void {
    switch (this.peek()) {
      case QUOTE:
        this.stringInto(node.column.at('string', row));
        return;
      case OPEN_BRACE:
        this.object(column, node, row, depth + 1);
        return;
      case OPEN_BRACKET:
        this.#array(node, row, depth);
        return;
      case 0x74:
      case 0x66:
        node.column.at('boolean', row).push(this.boolean() ? 1 : 0);
        return;
      case 0x6e:
        this.#word('null');
        return;
      default:
        node.column.at('number', row).push(this.number());
    }
  }

  #array(node: KeyNode, row: number, depth: number): void {
    if (!this.openArray()) return;
    switch (this.peek()) {
      case QUOTE:
        this.#strings(node.column.at('strings', row));
        return;
      case OPEN_BRACE:
        this.#objects(node.column.at('objects', row), depth);
        return;
      case 0x74:
      case 0x66:
        this.#booleans(node.column.at('booleans', row));
        return;
      case OPEN_BRACKET:
      case 0x6e:
        throw this.fail('an array holds neither strings, numbers, booleans nor objects');
      default:
        this.#numbers(node.column.at('numbers', row));
    }
  }

  #strings(column: ArrayColumn<StringColumn>): void {
    do this.stringInto(column.elements);
    while (this.moreElements());
    column.endArray();
  }

  #numbers(column: ArrayColumn<NumberColumn>): void {
    do column.elements.push(this.number());
    while (this.moreElements());
    column.endArray();
  }

  #booleans(column: ArrayColumn<NumberColumn>): void {
    do column.elements.push(this.boolean() ? 1 : 0);
    while (this.moreElements());
    column.endArray();
  }

  #objects(column: ArrayColumn<JsonColumn>, depth: number): void {
    const { elements } = column;
    do {
      this.object(elements, elements.root, elements.rows, depth + 1);
      elements.endRow();
    } while (this.moreElements());
    column.endArray();
  }

  boolean(): boolean {
    const yes = this.peek() === 0x74;
    this.#word(yes ? 'true' : 'false');
    return yes;
  }

  #word(word: string): void {
    if (this.bytes.toString('latin1', this.at, this.at + word.length) !== word) throw this.fail('no JSON value stands');
    this.at += word.length;
  }

  #closes(close: number): boolean {
    if (this.peek() !== close) return false;
    this.at++;
    return true;
  }

  #textWithEscapes(): boolean {
    const { bytes, end } = this;
    let at = this.at;
    let escaped = false;
    let byte = bytes[at];
    while (byte !== QUOTE) {
      if (at >= end) throw this.fail('a text has no end');
      if (byte === BACKSLASH) {
        escaped = true;
        at++;
      }
      byte = bytes[++at];
    }
    if (at >= end) throw this.fail('a text has no end');
    this.textEnd = at;
    this.at = at + 1;
    return !escaped;
  }

  #unescape(): string {
    const quoted = this.bytes.toString('utf8', this.textStart - 1, this.textEnd + 1);
    try {
      return String(JSON.parse(quoted));
    } catch {
      throw this.fail('a text has a wrong escape');
    }
  }

  #longNumber(): number {
    const { bytes } = this;
    let at = this.at;
    while (at < this.end && !isDelimiter(bytes[at] ?? 0)) at++;
    const text = bytes.toString('latin1', this.at, at);
    const value = Number(text);
    if (!NUMBER.test(text) || !Number.isFinite(value)) throw this.fail('no JSON value stands');
    this.at = at;
    return value;
  }
}

function isDelimiter(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte <= 0x20;
}
