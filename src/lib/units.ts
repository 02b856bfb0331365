/** Durations, sizes and shares as people write them: `30d`, `1h30m`, `250ms`; `64MiB`, `1.5GiB`, `512B`; `90%`. */
import type { Brand } from './brand.ts';

/** A duration as written, such as `15m`. */
export type DurationText = Brand<string, 'Duration'>;
/** A size as written, such as `64MiB`. */
export type SizeText = Brand<string, 'Size'>;
/** A share of a whole as written, such as `90%`. */
export type PercentText = Brand<string, 'Percent'>;

const DURATION_UNITS: readonly (readonly [string, number])[] = [
  ['w', 7 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];
const SIZE_UNITS: readonly (readonly [string, number])[] = [
  ['TiB', 1024 ** 4],
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
  ['TB', 1e12],
  ['GB', 1e9],
  ['MB', 1e6],
  ['kB', 1e3],
  ['B', 1],
];

export const DURATION_PATTERN = '^(\\d{1,12}(\\.\\d{1,6})?(ms|s|m|h|d|w))+$';
export const SIZE_PATTERN = '^\\d{1,12}(\\.\\d{1,6})?(TiB|GiB|MiB|KiB|TB|GB|MB|kB|B)$';
export const PERCENT_PATTERN = '^(100|\\d{1,2}(\\.\\d{1,3})?)%$';

/** Milliseconds; undefined where the text is not a duration. */
export function parseDuration(text: string): number | undefined {
  if (!new RegExp(DURATION_PATTERN).test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|s|m|h|d|w)/g)) {
    totalMs += Number(amount) * factor(DURATION_UNITS, unit);
  }
  return Number.isSafeInteger(Math.round(totalMs)) ? Math.round(totalMs) : undefined;
}

/** Bytes; undefined where the text is not a size. */
export function parseSize(text: string): number | undefined {
  if (!new RegExp(SIZE_PATTERN).test(text)) return undefined;
  const unit = /[A-Za-z]+$/.exec(text)?.[0];
  const bytes = Math.round(Number.parseFloat(text) * factor(SIZE_UNITS, unit));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** From 0 to 100; undefined where the text is not a share. */
export function parsePercent(text: string): number | undefined {
  return new RegExp(PERCENT_PATTERN).test(text) ? Number.parseFloat(text) : undefined;
}

function factor(units: readonly (readonly [string, number])[], unit: string | undefined): number {
  return units.find(([name]) => name === unit)?.[1] ?? Number.NaN;
}

/** The shortest exact way to write it: 5400000 is `90m`. */
export function formatDuration(ms: number): string {
  const [unit, size] = DURATION_UNITS.find(([, size]) => ms >= size && ms % size === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

/** For people, to one decimal in binary units: 1610612736 is `1.5 GiB`. */
export function formatSize(bytes: number): string {
  const [unit, size] = SIZE_UNITS.find(([name, size]) => !/^[kMGT]B$/.test(name) && bytes >= size) ?? ['B', 1];
  return `${Number((bytes / size).toFixed(1))} ${unit}`;
}
