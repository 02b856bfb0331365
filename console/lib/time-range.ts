/**
 * Time ranges as people write them and as the API takes them: `now`, `now-15m`, ISO 8601 (src/api/time.ts reads them).
 * A range stays text in the address, so that a relative one stays relative; it is resolved once per run, so that the
 * list, its later pages and the chart all speak of the same instants.
 */
import { parseTime } from '../../src/api/time.ts';

export interface TimeRange {
  readonly from: string;
  readonly to: string;
}

/** Epoch milliseconds, [fromMs, toMs). */
export interface Instants {
  readonly fromMs: number;
  readonly toMs: number;
}

export const DEFAULT_RANGE: TimeRange = { from: 'now-1h', to: 'now' };

export const PRESETS: readonly { readonly from: string; readonly label: string }[] = [
  { from: 'now-5m', label: 'Last 5 minutes' },
  { from: 'now-15m', label: 'Last 15 minutes' },
  { from: 'now-1h', label: 'Last hour' },
  { from: 'now-3h', label: 'Last 3 hours' },
  { from: 'now-12h', label: 'Last 12 hours' },
  { from: 'now-24h', label: 'Last 24 hours' },
  { from: 'now-7d', label: 'Last 7 days' },
  { from: 'now-30d', label: 'Last 30 days' },
];

const UNIT_NAMES: Readonly<Record<string, string>> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  M: 'month',
  y: 'year',
};
const ONE_STEP = /^now-(\d{1,7})([smhdwMy])$/;
const DATED = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)?$/;
const SHORTHAND = /^(\d{1,6})\s*([smhdwMy])$/;
const CLOCK = /^(\d{1,2}):(\d\d)(?::(\d\d))?$/;

export function isRelative(text: string): boolean {
  return text.startsWith('now');
}

/** Epoch ms; undefined where it is no time. */
export function resolveTime(text: string, nowMs: number, edge: 'start' | 'end'): number | undefined {
  try {
    return parseTime(text, nowMs, 'time', edge);
  } catch {
    return undefined;
  }
}

/** Undefined where either end is not a time, or the range is empty. */
export function resolveRange(range: TimeRange, nowMs: number): Instants | undefined {
  const fromMs = resolveTime(range.from, nowMs, 'start');
  const toMs = resolveTime(range.to, nowMs, 'end');
  if (fromMs === undefined || toMs === undefined || fromMs >= toMs) return undefined;
  return { fromMs, toMs };
}

export function absoluteRange({ fromMs, toMs }: Instants): TimeRange {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

/**
 * What a person typed, in the form of the API: also `45m` and `14:05` (of today). Times without a zone are of the
 * zone that the console shows. Undefined where it cannot be read.
 */
export function readTypedTime(typed: string, nowMs: number, zone: 'local' | 'utc'): string | undefined {
  const text = typed.trim();
  const shorthand = SHORTHAND.exec(text);
  if (shorthand !== null) return `now-${shorthand[1]}${shorthand[2]}`;
  const clock = CLOCK.exec(text);
  const dated =
    clock === null
      ? text.replace(' ', 'T')
      : `${isoDay(nowMs, zone)}T${text.padStart(text.indexOf(':') === 1 ? text.length + 1 : 0, '0')}`;
  if (!DATED.test(dated)) return resolveTime(text, nowMs, 'start') === undefined ? undefined : text;
  // JavaScript takes a date with a time for local, and a date alone for UTC.
  const withTime = dated.length === 10 ? `${dated}T00:00` : dated;
  const ms = Date.parse(zone === 'utc' ? `${withTime}Z` : withTime);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}

function isoDay(nowMs: number, zone: 'local' | 'utc'): string {
  const date = new Date(nowMs);
  const shifted = zone === 'utc' ? nowMs : nowMs - date.getTimezoneOffset() * 60_000;
  return new Date(shifted).toISOString().slice(0, 10);
}

/** `Last 15 minutes` for a range that ends now; undefined for others, which are better shown by their ends. */
export function relativeLabel(range: TimeRange): string | undefined {
  if (range.to !== 'now') return undefined;
  const preset = PRESETS.find((candidate) => candidate.from === range.from);
  if (preset !== undefined) return preset.label;
  const [, amount, unit = ''] = ONE_STEP.exec(range.from) ?? [];
  if (amount === undefined) return undefined;
  const name = UNIT_NAMES[unit] ?? '';
  return amount === '1' ? `Last ${name}` : `Last ${amount} ${name}s`;
}

/** Twice as wide around the same middle, but not past now (it then grows into the past). */
export function zoomOut({ fromMs, toMs }: Instants, nowMs: number): Instants {
  const width = toMs - fromMs;
  const end = Math.max(toMs, Math.min(toMs + width / 2, nowMs));
  return { fromMs: Math.max(0, Math.round(end - width * 2)), toMs: Math.round(end) };
}
