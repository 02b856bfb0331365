/** Widths of histogram buckets. */
import { SpillwayError } from '../lib/errors.ts';
import { QUERY_LIMITS } from '../lib/limits.ts';

const UNITS = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;
const UNIT_MS: Readonly<Record<string, number>> = Object.fromEntries(UNITS);

/** What a person would choose: each is at most twice and a half the one before. */
const NICE = [
  ...['1ms', '2ms', '5ms', '10ms', '20ms', '50ms', '100ms', '200ms', '500ms'],
  ...['1s', '2s', '5s', '10s', '15s', '30s', '1m', '2m', '5m', '10m', '15m', '30m'],
  ...['1h', '2h', '3h', '6h', '12h', '1d', '2d', '3d', '1w', '2w', '30d', '60d', '90d', '180d', '365d'],
].map(intervalOf);
const YEAR_MS = intervalOf('365d');
const MOST_AUTO_BUCKETS = 120;

/** The width in ms of an `interval` that its schema let pass; `auto` gives at most 120 buckets. Throws BAD_REQUEST. */
export function chooseInterval(text: string, fromMs: number, toMs: number): number {
  if (text === 'auto') return automatic(fromMs, toMs);
  const intervalMs = intervalOf(text);
  const buckets = bucketCount(fromMs, toMs, intervalMs);
  if (!(intervalMs <= Number.MAX_SAFE_INTEGER) || buckets > QUERY_LIMITS.buckets) {
    throw new SpillwayError(
      'BAD_REQUEST',
      `An interval of ${text} makes ${buckets} buckets of this range, and ${QUERY_LIMITS.buckets} is the limit. Choose a wider interval or auto.`,
      { details: { parameter: 'interval', buckets, limit: QUERY_LIMITS.buckets } },
    );
  }
  return intervalMs;
}

/** Buckets begin at multiples of the interval since 1970. */
export const bucketStart = (timeMs: number, intervalMs: number): number => Math.floor(timeMs / intervalMs) * intervalMs;

export function bucketCount(fromMs: number, toMs: number, intervalMs: number): number {
  return Math.ceil(toMs / intervalMs) - Math.floor(fromMs / intervalMs);
}

export function printInterval(intervalMs: number): string {
  const [unit, unitMs] = UNITS.find(([, ms]) => intervalMs % ms === 0) ?? ['ms', 1];
  return `${intervalMs / unitMs}${unit}`;
}

function intervalOf(text: string): number {
  const [, count, unit = ''] = /^(\d+)(ms|[smhdw])$/.exec(text) ?? [];
  return Number(count) * (UNIT_MS[unit] ?? Number.NaN);
}

function automatic(fromMs: number, toMs: number): number {
  const fits = (intervalMs: number): boolean => bucketCount(fromMs, toMs, intervalMs) <= MOST_AUTO_BUCKETS;
  const nice = NICE.find(fits);
  if (nice !== undefined) return nice;
  let years = 2;
  while (!fits(years * YEAR_MS)) years *= 2;
  return years * YEAR_MS;
}
