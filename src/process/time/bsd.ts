/**
 * Reads `Nov  3 19:42:54` (RFC 3164, 4.1.2), which lacks year and zone: the year is the one that brings it nearest to
 * its receipt, but not more than a week past it (an old line is likelier than such a clock); the zone as in zone.ts. Devices add the
 * year or digits of a second, and pad days with a zero or not at all.
 */
import { civilMs, DAY_MS, isStorable, MINUTE_MS, monthOf } from './calendar.ts';
import type { ReadTime } from './iso.ts';
import { assumedZone, printZone } from './zone.ts';

const SHAPE = /([A-Z][a-z]{2})( +)(\d{1,2}) (?:(\d{4}) )?(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?/y;
/** A minute of one sender is looked up as long as records are received within the same hour. */
const SAME_RECEIPT_MS = 3_600_000;
const MINUTE_CHARS = 13;
const MOST_AHEAD_MS = 7 * DAY_MS;

export class BsdReader implements ReadTime {
  ms = 0;
  subMs = '';
  end = 0;
  form: string | undefined;
  #minute = '\0';
  #minuteMs = 0;
  #minuteForm = '';
  #receipt = Number.NaN;

  /** Whether there is such a time at `at`; then the fields have it. */
  read(text: string, at: number, receivedMs: number): boolean {
    return this.#readAgain(text, at, receivedMs) || this.#read(text, at, receivedMs);
  }

  /** Another second of the minute that was read last. */
  #readAgain(text: string, at: number, receivedMs: number): boolean {
    if (!text.startsWith(this.#minute, at) || Math.floor(receivedMs / SAME_RECEIPT_MS) !== this.#receipt) return false;
    const tens = text.charCodeAt(at + MINUTE_CHARS) - 48;
    const ones = text.charCodeAt(at + MINUTE_CHARS + 1) - 48;
    if (!(tens >= 0 && tens <= 5 && ones >= 0 && ones <= 9) || text.charCodeAt(at + MINUTE_CHARS + 2) !== 0x20) {
      return false;
    }
    this.ms = this.#minuteMs + (tens * 10 + ones) * 1_000;
    this.subMs = '';
    this.end = at + MINUTE_CHARS + 2;
    this.form = this.#minuteForm;
    return true;
  }

  #read(text: string, at: number, receivedMs: number): boolean {
    SHAPE.lastIndex = at;
    const match = SHAPE.exec(text);
    if (match === null) return false;
    const [whole, name = '', gap = '', day = '', year, hour, minute, second, fraction = ''] = match;
    const month = monthOf(name);
    const ms = Number(fraction.slice(0, 3).padEnd(3, '0'));
    const at0 = [month, Number(day), Number(hour), Number(minute), Number(second), ms] as const;
    const civil = year === undefined ? nearestYear(at0, receivedMs) : civilMs(Number(year), ...at0);
    if (Number.isNaN(civil)) return false;
    const zone = assumedZone(civil, receivedMs);
    this.ms = civil - zone * MINUTE_MS;
    this.subMs = fraction.slice(3);
    this.end = at + whole.length;
    const dayForm = formOfDay(gap, day);
    const rebuilds = dayForm !== undefined && Number(second) < 60;
    this.form = rebuilds
      ? `${year === undefined ? 'B' : 'b'}${dayForm}${fraction.length}${printZone(zone)}`
      : undefined;
    if (rebuilds && year === undefined && fraction === '' && gap.length + day.length === 3)
      this.#remember(text, at, second, receivedMs);
    return isStorable(this.ms);
  }

  #remember(text: string, at: number, second: string | undefined, receivedMs: number): void {
    this.#minute = text.substring(at, at + MINUTE_CHARS);
    this.#minuteMs = this.ms - Number(second) * 1_000;
    this.#minuteForm = this.form ?? '';
    this.#receipt = Math.floor(receivedMs / SAME_RECEIPT_MS);
  }
}

/** `_` padded with a space, `0` with a zero, `1` not at all. */
function formOfDay(gap: string, day: string): string | undefined {
  if (day.length === 2 && gap === ' ') return day.startsWith('0') ? '0' : '_';
  if (day.length === 1) return gap === '  ' ? '_' : gap === ' ' ? '1' : undefined;
  return undefined;
}

type YearlessTime = readonly [month: number, day: number, hour: number, minute: number, second: number, ms: number];

/** Epoch ms, read as UTC, in the year that its receipt makes likeliest; NaN where no year near has such a day. */
export function nearestYear(time: YearlessTime, receivedMs: number): number {
  const year = new Date(receivedMs).getUTCFullYear();
  let best = Number.NaN;
  for (let candidate = year - 4; candidate <= year + 1; candidate++) {
    const ms = civilMs(candidate, ...time);
    if (Number.isNaN(ms) || ms - receivedMs > MOST_AHEAD_MS) continue;
    if (Number.isNaN(best) || Math.abs(ms - receivedMs) < Math.abs(best - receivedMs)) best = ms;
  }
  return best;
}
