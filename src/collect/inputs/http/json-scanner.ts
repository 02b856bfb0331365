/**
 * A strict JSON scanner (RFC 8259) over bytes: it finds where a value ends without making anything of it, so records
 * stay the sender's bytes. It accepts what JSON.parse accepts of valid UTF-8 (which the caller checks), within a depth.
 */
import { COLLECT_LIMITS } from '../../../lib/limits.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const MINUS = 0x2d;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const IS_ESCAPABLE = new Uint8Array(256);
for (const char of '"\\/bfnrt') IS_ESCAPABLE[char.charCodeAt(0)] = 1;
const IS_HEX = new Uint8Array(256);
for (const char of '0123456789abcdefABCDEF') IS_HEX[char.charCodeAt(0)] = 1;
const LITERALS = ['true', 'false', 'null'].map((text) => Buffer.from(text));

export const BROKEN = -1;

export class JsonScanner {
  /** After BROKEN: what was wrong, and where. */
  problem = '';
  position = 0;
  readonly #isObject = new Uint8Array(COLLECT_LIMITS.jsonDepth);

  /** The position after the value that begins at `start` (after white space), or BROKEN. */
  scan(bytes: Uint8Array, start: number, end: number): number {
    let depth = 0;
    let at = skipSpace(bytes, start, end);
    for (;;) {
      // A value begins at `at`.
      const first = at < end ? bytes[at] : -1;
      if (first === OBJECT_OPEN || first === ARRAY_OPEN) {
        if (depth === COLLECT_LIMITS.jsonDepth) return this.#broken(`nested deeper than ${depth}`, at);
        const isObject = first === OBJECT_OPEN;
        this.#isObject[depth++] = isObject ? 1 : 0;
        at = skipSpace(bytes, at + 1, end);
        if (at >= end || bytes[at] !== (isObject ? OBJECT_CLOSE : ARRAY_CLOSE)) {
          if (isObject) at = this.#name(bytes, at, end);
          if (at === BROKEN) return BROKEN;
          continue;
        }
        depth--;
        at++;
      } else {
        at = this.#scalar(bytes, at, end);
        if (at === BROKEN) return BROKEN;
      }
      // A value has ended at `at`.
      for (;;) {
        if (depth === 0) return at;
        at = skipSpace(bytes, at, end);
        const next = at < end ? bytes[at] : -1;
        const isObject = this.#isObject[depth - 1] === 1;
        if (next === COMMA) {
          at = skipSpace(bytes, at + 1, end);
          if (isObject) at = this.#name(bytes, at, end);
          if (at === BROKEN) return BROKEN;
          break;
        }
        if (next !== (isObject ? OBJECT_CLOSE : ARRAY_CLOSE)) {
          return this.#broken(`expected , or ${isObject ? '}' : ']'}`, at);
        }
        depth--;
        at++;
      }
    }
  }

  /** A member's name and its colon; the position of its value. */
  #name(bytes: Uint8Array, start: number, end: number): number {
    if (start >= end || bytes[start] !== QUOTE) return this.#broken('expected the name of a member in quotes', start);
    let at = this.#string(bytes, start, end);
    if (at === BROKEN) return BROKEN;
    at = skipSpace(bytes, at, end);
    if (at >= end || bytes[at] !== COLON) return this.#broken('expected :', at);
    return skipSpace(bytes, at + 1, end);
  }

  #scalar(bytes: Uint8Array, at: number, end: number): number {
    const first = at < end ? (bytes[at] ?? -1) : -1;
    if (first === QUOTE) return this.#string(bytes, at, end);
    if (first === MINUS || (first >= DIGIT_0 && first <= DIGIT_9)) return this.#number(bytes, at, end);
    for (const literal of LITERALS) {
      if (first === literal[0] && matches(bytes, at, end, literal)) return at + literal.length;
    }
    return this.#broken(first < 0 ? 'it ends too early' : 'expected a value', at);
  }

  #string(bytes: Uint8Array, start: number, end: number): number {
    let at = start + 1;
    while (at < end) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) return at + 1;
      if (byte === BACKSLASH) {
        const escaped = at + 1 < end ? (bytes[at + 1] ?? 0) : 0;
        if (IS_ESCAPABLE[escaped] === 1) at += 2;
        else if (escaped === 0x75 && isHex4(bytes, at + 2, end)) at += 6;
        else return this.#broken('a string has an escape that JSON does not know', at);
      } else if (byte < 0x20) {
        return this.#broken('a string has a control character', at);
      } else {
        at++;
      }
    }
    return this.#broken('a string does not end', start);
  }

  #number(bytes: Uint8Array, start: number, end: number): number {
    let at = bytes[start] === MINUS ? start + 1 : start;
    const integerEnd = skipDigits(bytes, at, end);
    if (integerEnd === at || (bytes[at] === DIGIT_0 && integerEnd > at + 1)) {
      return this.#broken('a number is malformed', start);
    }
    at = integerEnd;
    if (at < end && bytes[at] === 0x2e) {
      const fractionEnd = skipDigits(bytes, at + 1, end);
      if (fractionEnd === at + 1) return this.#broken('a number is malformed', start);
      at = fractionEnd;
    }
    if (at < end && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
      const isSigned = at + 1 < end && (bytes[at + 1] === 0x2b || bytes[at + 1] === MINUS);
      const exponent = at + (isSigned ? 2 : 1);
      const exponentEnd = skipDigits(bytes, exponent, end);
      if (exponentEnd === exponent) return this.#broken('a number is malformed', start);
      at = exponentEnd;
    }
    return at;
  }

  #broken(problem: string, position: number): number {
    this.problem = problem;
    this.position = position;
    return BROKEN;
  }
}

export function skipSpace(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    at++;
  }
  return at;
}

function skipDigits(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at] ?? 0;
    if (byte < DIGIT_0 || byte > DIGIT_9) break;
    at++;
  }
  return at;
}

function isHex4(bytes: Uint8Array, start: number, end: number): boolean {
  if (start + 4 > end) return false;
  for (let at = start; at < start + 4; at++) if (IS_HEX[bytes[at] ?? 0] !== 1) return false;
  return true;
}

function matches(bytes: Uint8Array, at: number, end: number, literal: Uint8Array): boolean {
  if (at + literal.length > end) return false;
  for (let i = 1; i < literal.length; i++) if (bytes[at + i] !== literal[i]) return false;
  return true;
}
