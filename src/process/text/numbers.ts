/**
 * Numbers in text. A canonical one is what JavaScript prints for it (RFC 8785, 3.2.2.3), so that text can be stored as
 * a number and be rebuilt from it.
 */
import { quote } from './json-text.ts';

const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
/** Decimal digits that a double always keeps. */
const SAFE_DIGITS = 15;
const MOST_INTEGER = 2 ** 53;
/** The longest text that can be canonical: -1.7976931348623157e+308. */
const LONGEST = 24;

/** Whether `text[start, end)` is a canonical number that an event may hold as one. */
export function isCanonicalNumber(text: string, start: number, end: number): boolean {
  if (end - start > LONGEST || start >= end) return false;
  let at = start;
  if (text.charCodeAt(at) === MINUS) at++;
  const integerStart = at;
  let code = text.charCodeAt(at);
  if (!(code >= ZERO && code <= NINE)) return false;
  while (at < end && code >= ZERO && code <= NINE) code = text.charCodeAt(++at);
  const integerDigits = at - integerStart;
  const startsWithZero = text.charCodeAt(integerStart) === ZERO;
  if (startsWithZero && integerDigits > 1) return false;
  if (at === end) {
    if (startsWithZero) return integerStart === start;
    return integerDigits <= SAFE_DIGITS || isCanonicalSlowly(text.substring(start, end));
  }
  if (code !== DOT) return (code === 0x65 || code === 0x45) && isCanonicalSlowly(text.substring(start, end));
  const fractionStart = ++at;
  for (; at < end; at++) {
    code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) return isCanonicalSlowly(text.substring(start, end));
  }
  if (fractionStart === end || code === ZERO) return false;
  const small = startsWithZero && text.charCodeAt(fractionStart) === ZERO;
  if (!small && end - start <= SAFE_DIGITS) return true;
  return isCanonicalSlowly(text.substring(start, end));
}

function isCanonicalSlowly(text: string): boolean {
  const value = Number(text);
  return String(value) === text && (!Number.isInteger(value) || Math.abs(value) <= MOST_INTEGER);
}

export interface StoredNumber {
  /** Its JSON text in the event: a number, or a string where a double does not hold it. */
  readonly json: string;
  readonly value: number | string;
  /** Whether the value (and not only its form) is another one than was sent. */
  readonly changed: boolean;
  /** How the sent text is rebuilt: '' as JavaScript prints it, `#d` with d decimals, `r` the string bare; or not. */
  readonly form: string | undefined;
}

/** How a number of JSON is kept. `text` is valid JSON grammar. */
export function storeNumber(text: string): StoredNumber {
  if (isCanonicalNumber(text, 0, text.length)) {
    return { json: text, value: Number(text), changed: false, form: '' };
  }
  const value = Number(text);
  const integer = Number.isInteger(value);
  if (!Number.isFinite(value) || (integer && Math.abs(value) >= MOST_INTEGER)) {
    return { json: quote(text), value: text, changed: true, form: 'r' };
  }
  const decimals = /^-?\d+\.(\d{1,15})$/.exec(text)?.[1]?.length;
  const form = decimals !== undefined && value.toFixed(decimals) === text ? `#${decimals}` : undefined;
  return { json: String(value), value: value === 0 ? 0 : value, changed: losesDigits(text, value), form };
}

/** Whether a double holds less than was written. */
function losesDigits(text: string, value: number): boolean {
  const digits = significantDigits(text);
  return digits.length > SAFE_DIGITS ? digits !== significantDigits(String(value)) : value === 0 && digits !== '';
}

function significantDigits(text: string): string {
  const mantissa = text.replace(/[eE].*$/, '').replace(/[-.]/g, '');
  return mantissa.replace(/^0+/, '').replace(/0+$/, '');
}
