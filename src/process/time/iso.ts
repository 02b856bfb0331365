/**
 * Reads `2026-11-23T19:42:54.123Z` and its kin (RFC 3339, ISO 8601): `T` or a space, `.` or `,`, 0 to 9 digits of a
 * second, `Z`, an offset or no zone at all. Lines of one sender mostly share their minute, so that part is looked up.
 */
import { civilMs, isStorable, MINUTE_MS } from './calendar.ts';
import { assumedZone, parseZone, printZone } from './zone.ts';

/** A time that was read; the reader is used again for the next one. */
export interface ReadTime {
  /** Epoch ms. */
  readonly ms: number;
  /** Digits of the second beyond the third, as written. */
  readonly subMs: string;
  /** Position after it. */
  readonly end: number;
  /** How it was written (layout/time-form.ts); undefined where that cannot be rebuilt. */
  readonly form: string | undefined;
}

const MINUTE_CHARS = 17;
const MOST_DIGITS = 9;
const Z = 0x5a;
const CANONICAL_FORMS = Array.from({ length: MOST_DIGITS + 1 }, (_, digits) => `I${digits}Z`);

function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - 48;
  return digit >= 0 && digit <= 9 ? digit : Number.NaN;
}

function digitsAt(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) value = value * 10 + digitAt(text, at + i);
  return value;
}

export class IsoReader implements ReadTime {
  ms = 0;
  subMs = '';
  end = 0;
  form: string | undefined;
  #minute = '\0';
  #minuteMs = 0;
  #zone = '\0';
  #zoneMinutes = 0;

  /** Whether there is such a time at `at`, and an event can have it; then the fields have it. `end` is -1 where there is none. */
  read(text: string, at: number, receivedMs: number): boolean {
    this.end = -1;
    if (!text.startsWith(this.#minute, at) && !this.#readMinute(text, at)) return false;
    const second = digitsAt(text, at + MINUTE_CHARS, 2);
    if (!(second <= 60)) return false;
    let next = at + MINUTE_CHARS + 2;
    const mark = text.charCodeAt(next);
    const digits = mark === 0x2e || mark === 0x2c ? this.#readFraction(text, next + 1) : this.#noFraction();
    if (digits > 0) next += 1 + digits;
    this.ms += this.#minuteMs + second * 1_000;
    if (text.charCodeAt(next) === Z) {
      this.end = next + 1;
      const canonical = mark !== 0x2c && text.charCodeAt(at + 10) === 0x54;
      this.form = canonical ? CANONICAL_FORMS[digits] : `${formHead(text, at, mark)}${digits}Z`;
    } else {
      const zone = this.#readZone(text, next, receivedMs);
      this.form = `${formHead(text, at, mark)}${digits}${zone}`;
    }
    if (second === 60 || digits > MOST_DIGITS) this.form = undefined;
    return isStorable(this.ms);
  }

  #readMinute(text: string, at: number): boolean {
    const separator = text.charCodeAt(at + 10);
    if (text.charCodeAt(at + 4) !== 0x2d || text.charCodeAt(at + 7) !== 0x2d) return false;
    if (separator !== 0x54 && separator !== 0x20) return false;
    if (text.charCodeAt(at + 13) !== 0x3a || text.charCodeAt(at + 16) !== 0x3a) return false;
    const [year, month, day] = [digitsAt(text, at, 4), digitsAt(text, at + 5, 2), digitsAt(text, at + 8, 2)];
    const ms = civilMs(year, month, day, digitsAt(text, at + 11, 2), digitsAt(text, at + 14, 2), 0);
    if (Number.isNaN(ms)) return false;
    this.#minute = text.substring(at, at + MINUTE_CHARS);
    this.#minuteMs = ms;
    return true;
  }

  #noFraction(): number {
    this.ms = 0;
    this.subMs = '';
    return 0;
  }

  /** The number of digits; `ms` and `subMs` get them. */
  #readFraction(text: string, at: number): number {
    let count = 0;
    let ms = 0;
    for (let digit = digitAt(text, at); digit >= 0; digit = digitAt(text, at + count)) {
      if (count < 3) ms = ms * 10 + digit;
      count++;
    }
    this.ms = count === 1 ? ms * 100 : count === 2 ? ms * 10 : ms;
    this.subMs = count > 3 ? text.substring(at + 3, at + count) : '';
    return count;
  }

  /** Applies the zone at `at` to `ms`, sets `end`; the answer is the zone's part of the form. */
  #readZone(text: string, at: number, receivedMs: number): string {
    const sign = text.charCodeAt(at);
    if (sign === 0x2b || sign === 0x2d) {
      const length = text.charCodeAt(at + 3) === 0x3a ? 6 : 5;
      if (text.startsWith(this.#zone, at) && this.#zone.length === length) return this.#applyZone(this.#zone, at);
      const zone = text.substring(at, at + length);
      const minutes = parseZone(zone);
      if (!Number.isNaN(minutes)) {
        this.#zone = zone;
        this.#zoneMinutes = minutes;
        return this.#applyZone(zone, at);
      }
    }
    const assumed = assumedZone(this.ms, receivedMs);
    this.ms -= assumed * MINUTE_MS;
    this.end = at;
    return `n${printZone(assumed)}`;
  }

  #applyZone(zone: string, at: number): string {
    this.ms -= this.#zoneMinutes * MINUTE_MS;
    this.end = at + zone.length;
    return zone;
  }
}

/** `I` with a T, `i` with a space; a comma follows where the fraction has one. */
function formHead(text: string, at: number, mark: number): string {
  const head = text.charCodeAt(at + 10) === 0x54 ? 'I' : 'i';
  return mark === 0x2c ? `${head},` : head;
}
