/**
 * Times as they are written in queries: ISO 8601 from a year to nanoseconds (without a zone: UTC), epoch milliseconds
 * (five digits and more, so that `2026` is a year), and date arithmetic such as `now`, `now-15m`, `now-1d/d`. What is
 * written stands for a span, [startMs, endMs): `2026-11-23` is that day, a time with seconds that second.
 */
export interface WrittenTime {
  readonly startMs: number;
  readonly endMs: number;
}

const ISO =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?)?)?)?(Z|[+-]\d\d(?::?\d\d)?)?$/i;
const EPOCH_MS = /^(?:-\d{1,16}|\d{5,16})$/;
const NOW = /^now((?:[+-]\d{1,6}[smhdwMy])*)(?:\/([smhdwMy]))?$/;
const STEP = /([+-])(\d+)([smhdwMy])/g;
/** The largest time that Date holds. */
const MAX_MS = 8.64e15;

type Unit = 's' | 'm' | 'h' | 'd' | 'w' | 'M' | 'y';
const UNIT_MS: Readonly<Record<Exclude<Unit, 'M' | 'y'>, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Undefined where the text is no time. */
export function parseTime(text: string, nowMs: number): WrittenTime | undefined {
  const time = EPOCH_MS.test(text)
    ? instant(Number(text))
    : text.startsWith('now')
      ? parseNow(text, nowMs)
      : parseIso(text);
  return time !== undefined && Math.abs(time.startMs) <= MAX_MS && Math.abs(time.endMs) <= MAX_MS ? time : undefined;
}

function instant(ms: number): WrittenTime {
  return { startMs: ms, endMs: ms + 1 };
}

function parseIso(text: string): WrittenTime | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  if (zone !== undefined && hour === undefined) return undefined;
  const parts = [year, month ?? '01', day ?? '01', hour ?? '00', minute ?? '00', second ?? '00'].map(Number);
  const [y = 0, mo = 1, d = 1, h = 0, mi = 0, s = 0] = parts;
  const date = new Date(0);
  date.setUTCFullYear(y, mo - 1, d);
  date.setUTCHours(h, mi, s);
  const real = date.getUTCFullYear() === y && date.getUTCMonth() === mo - 1 && date.getUTCDate() === d;
  const zoneMs = zone === undefined ? 0 : zoneOffsetMs(zone);
  if (!real || h > 23 || mi > 59 || s > 59 || zoneMs === undefined) return undefined;
  const startMs = date.getTime() - zoneMs;
  if (fraction !== undefined) return fractionOf(startMs, fraction);
  if (second !== undefined) return { startMs, endMs: startMs + UNIT_MS.s };
  if (minute !== undefined) return { startMs, endMs: startMs + UNIT_MS.m };
  if (hour !== undefined) return { startMs, endMs: startMs + UNIT_MS.h };
  if (day !== undefined) return { startMs, endMs: startMs + UNIT_MS.d };
  return { startMs, endMs: add(startMs, 1, month === undefined ? 'y' : 'M') };
}

/** Events have milliseconds: digits past the third are cut off. */
function fractionOf(secondMs: number, fraction: string): WrittenTime {
  const ms = Number(fraction.slice(0, 3).padEnd(3, '0'));
  const width = fraction.length >= 3 ? 1 : 10 ** (3 - fraction.length);
  return { startMs: secondMs + ms, endMs: secondMs + ms + width };
}

function zoneOffsetMs(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || '0');
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * UNIT_MS.h + minutes * UNIT_MS.m);
}

function parseNow(text: string, nowMs: number): WrittenTime | undefined {
  const match = NOW.exec(text);
  if (match === null) return undefined;
  let ms = nowMs;
  for (const [, sign, count, unit] of (match[1] ?? '').matchAll(STEP)) {
    ms = add(ms, (sign === '-' ? -1 : 1) * Number(count), unit as Unit);
  }
  if (!(Math.abs(ms) <= MAX_MS)) return undefined;
  const rounding = match[2] as Unit | undefined;
  if (rounding === undefined) return instant(ms);
  const startMs = floor(ms, rounding);
  return { startMs, endMs: add(startMs, 1, rounding) };
}

/** Months and years are those of the calendar in UTC; the 31st becomes the last day of a shorter month. */
function add(ms: number, count: number, unit: Unit): number {
  if (unit !== 'M' && unit !== 'y') return ms + count * UNIT_MS[unit];
  const date = new Date(ms);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + count * (unit === 'y' ? 12 : 1));
  const lastDay = new Date(Date.UTC(2000, 0, 1));
  lastDay.setUTCFullYear(date.getUTCFullYear(), date.getUTCMonth() + 1, 0);
  date.setUTCDate(Math.min(day, lastDay.getUTCDate()));
  return date.getTime();
}

/** The start of the second, minute, hour, day, week (Monday), month or year in UTC. */
function floor(ms: number, unit: Unit): number {
  if (unit === 'w') {
    const day = floor(ms, 'd');
    return day - ((new Date(day).getUTCDay() + 6) % 7) * UNIT_MS.d;
  }
  if (unit !== 'M' && unit !== 'y') return Math.floor(ms / UNIT_MS[unit]) * UNIT_MS[unit];
  const date = new Date(floor(ms, 'd'));
  date.setUTCDate(1);
  if (unit === 'y') date.setUTCMonth(0);
  return date.getTime();
}
