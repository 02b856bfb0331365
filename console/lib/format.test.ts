import { describe, expect, test } from 'vitest';
import {
  formatAgo,
  formatClock,
  formatCount,
  formatDateTime,
  formatInterval,
  formatRowTime,
  formatShare,
  formatShortCount,
  formatSpan,
  needsDate,
} from './format.ts';

const AT_MS = Date.parse('2026-11-23T14:05:59.123Z');
const DAY_MS = 86_400_000;

describe('counts', () => {
  test.each([
    [0, '0'],
    [999, '999'],
    [1_000, '1k'],
    [12_345, '12.3k'],
    [99_949, '99.9k'],
    [123_456, '123k'],
    [999_949, '1000k'],
    [999_950, '1M'],
    [1_234_567, '1.2M'],
    [7_000_000_000, '7G'],
    [0.25, '0.3'],
    [337.4, '337'],
  ])('%d is short %s', (count, text) => {
    expect(formatShortCount(count)).toBe(text);
  });

  test('are grouped by thousands when written out', () => {
    expect(formatCount(1_234_567)).toBe('1,234,567');
  });

  test.each([
    [0, 10, '0 %'],
    [10, 10, '100 %'],
    [1, 3, '33 %'],
    [1, 1_000, '0.1 %'],
    [1, 100_000, '<0.1 %'],
    [99_999, 100_000, '99.9 %'],
    [1, 0, '0 %'],
  ])('%d of %d is a share of %s', (part, whole, text) => {
    expect(formatShare(part, whole)).toBe(text);
  });
});

describe('spans', () => {
  test.each([
    [500, '500 ms'],
    [1_500, '1.5 s'],
    [60_000, '1 min'],
    [5_400_000, '1.5 h'],
    [2 * DAY_MS, '2 d'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatSpan(ms)).toBe(text);
  });

  test.each([
    [AT_MS - 1_000, 'just now'],
    [AT_MS - 42_000, '42 s ago'],
    [AT_MS - 3 * 60_000, '3 min ago'],
    [AT_MS - 2 * DAY_MS, '2 d ago'],
    [AT_MS + 7_200_000, 'in 2 h'],
  ])('%d is said relative to now as %s', (ms, text) => {
    expect(formatAgo(ms, AT_MS)).toBe(text);
  });
});

describe('times', () => {
  test('are written in the zone that was asked for', () => {
    expect(formatClock(AT_MS, 'utc')).toBe('14:05:59');
    expect(formatDateTime(AT_MS, 'utc')).toBe('2026-11-23 14:05:59');
    const local = new Date(AT_MS);
    expect(formatClock(AT_MS, 'local').startsWith(String(local.getHours()).padStart(2, '0'))).toBe(true);
  });

  test('in rows have milliseconds, and the day where it is not plain', () => {
    expect(formatRowTime(AT_MS, 'utc', false)).toBe('14:05:59.123');
    expect(formatRowTime(AT_MS, 'utc', true)).toBe('Nov 23 14:05:59.123');
  });

  test('of years with more than four digits do not break the clock', () => {
    expect(formatRowTime(Date.parse('+012345-01-02T03:04:05.006Z'), 'utc', false)).toBe('03:04:05.006');
  });

  test.each([
    ['2026-11-23T14:00:00Z', '2026-11-23T15:00:00Z', 'Nov 23, 14:00 – 15:00'],
    ['2026-11-23T14:00:01Z', '2026-11-23T15:00:00Z', 'Nov 23, 14:00:01 – 15:00:00'],
    ['2026-11-22T14:00:00Z', '2026-11-23T15:00:00Z', 'Nov 22, 14:00 – Nov 23, 15:00'],
    ['2025-12-31T23:00:00Z', '2026-01-01T01:00:00Z', 'Dec 31 2025, 23:00 – Jan 1 2026, 01:00'],
  ])('from %s to %s is the interval %s', (from, to, text) => {
    expect(formatInterval(Date.parse(from), Date.parse(to), 'utc', AT_MS)).toBe(text);
  });

  test('of today need no day in the rows; others and long ranges do', () => {
    expect(needsDate(AT_MS - 3_600_000, AT_MS, AT_MS, 'utc')).toBe(false);
    expect(needsDate(AT_MS - DAY_MS, AT_MS - DAY_MS + 1, AT_MS, 'utc')).toBe(true);
    expect(needsDate(AT_MS - 2 * DAY_MS, AT_MS, AT_MS, 'utc')).toBe(true);
  });
});
