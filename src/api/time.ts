/**
 * Times as people ask for them: ISO 8601 (UTC where no zone is named: the zone of the server means nothing to whoever
 * asks), epoch milliseconds, or `now` with steps (`now-1d-2h`) and a rounding at the end (`now-1d/d`), as in Kibana: a
 * rounded `from` is the unit's first millisecond and a rounded `to` its end, so `from=now/d&to=now/d` is today.
 */
import { SpillwayError } from '../lib/errors.ts';

/** Years 1 to 9999: what four digits can write. */
export const EARLIEST_MS = Date.parse('0001-01-01T00:00:00Z');
export const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z') + 1;

const RELATIVE = /^now((?:[+-]\d{1,7}[smhdwMy])*)(?:\/([smhdwMy]))?$/;
const STEP = /([+-])(\d+)([smhdwMy])/g;
const ISO = /^(\d{4})-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?)?$/i;
const EPOCH = /^-?\d{1,15}$/;

type Unit = 's' | 'm' | 'h' | 'd' | 'w' | 'M' | 'y';
type Edge = 'start' | 'end';

const UNIT_MS: Readonly<Record<'s' | 'm' | 'h' | 'd' | 'w', number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Epoch ms. `name` is the parameter, for the error. Throws BAD_REQUEST. */
export function parseTime(value: string | number, nowMs: number, name: string, edge: Edge = 'start'): number {
  const timeMs = typeof value === 'number' ? value : ofText(value.trim(), nowMs, edge);
  if (timeMs === undefined || !(timeMs >= EARLIEST_MS && timeMs <= LATEST_MS)) {
    throw new SpillwayError(
      'BAD_REQUEST',
      `The parameter ${name} is not a time. Write 2025-11-23T10:00:00Z, epoch milliseconds, now or now-15m (s m h d w M y).`,
      { details: { parameter: name } },
    );
  }
  return timeMs;
}

export const isoTime = (timeMs: number): string =>
  new Date(Math.min(Math.max(timeMs, EARLIEST_MS), LATEST_MS - 1)).toISOString();

function ofText(text: string, nowMs: number, edge: Edge): number | undefined {
  const relative = RELATIVE.exec(text);
  if (relative !== null) return ofRelative(relative[1] ?? '', relative[2], nowMs, edge);
  // Four digits are more likely a year than the first seconds of 1970: refused rather than misread.
  if (EPOCH.test(text) && !/^\d{4}$/.test(text)) return Number(text);
  return ofIso(text);
}

function ofRelative(steps: string, rounding: string | undefined, nowMs: number, edge: Edge): number | undefined {
  let timeMs = nowMs;
  for (const [, sign, count, unit] of steps.matchAll(STEP)) {
    if (!isUnit(unit)) return undefined;
    timeMs = add(timeMs, sign === '-' ? -Number(count) : Number(count), unit);
  }
  if (!isUnit(rounding)) return timeMs;
  const startMs = startOf(timeMs, rounding);
  return edge === 'start' ? startMs : add(startMs, 1, rounding);
}

function isUnit(text: string | undefined): text is Unit {
  return text !== undefined && /^[smhdwMy]$/.test(text);
}

function add(timeMs: number, count: number, unit: Unit): number {
  if (unit !== 'M' && unit !== 'y') return timeMs + count * UNIT_MS[unit];
  const date = new Date(timeMs);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + (unit === 'y' ? 12 * count : count));
  // 31 March less a month is the last day of February.
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  return date.setUTCDate(Math.min(day, lastDay));
}

/** Weeks begin on Monday (ISO 8601). */
function startOf(timeMs: number, unit: Unit): number {
  const date = new Date(timeMs);
  if (unit === 'y') return Date.UTC(date.getUTCFullYear(), 0, 1);
  if (unit === 'M') return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
  const shiftMs = unit === 'w' ? 4 * UNIT_MS.d : 0;
  return Math.floor((timeMs - shiftMs) / UNIT_MS[unit]) * UNIT_MS[unit] + shiftMs;
}

function ofIso(text: string): number | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year, month, day = '01', hour = '00', minute = '00', second = '00', fraction = '0', zone = 'Z'] = match;
  const date = `${year}-${month}-${day}`;
  const offset = /^z$/i.test(zone) ? 'Z' : zone.replace(/^([+-]\d\d):?(\d\d)?$/, (_, h, m = '00') => `${h}:${m}`);
  const timeMs = Date.parse(`${date}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}${offset}`);
  // JavaScript reads 30 February as 1 March.
  const isRealDay = !Number.isNaN(Date.parse(date)) && new Date(Date.parse(date)).toISOString().startsWith(date);
  return Number.isNaN(timeMs) || !isRealDay ? undefined : timeMs;
}
