import { expect, test } from 'vitest';
import { parseTime } from './time.ts';

const NOW = Date.parse('2026-03-31T12:34:56.789Z');
const span = (text: string) => {
  const time = parseTime(text, NOW);
  return time === undefined ? undefined : [new Date(time.startMs).toISOString(), time.endMs - time.startMs];
};

test('a written time is as long as what it leaves out', () => {
  expect(span('2026')).toEqual(['2026-01-01T00:00:00.000Z', 365 * 86_400_000]);
  expect(span('2024-02')).toEqual(['2024-02-01T00:00:00.000Z', 29 * 86_400_000]);
  expect(span('2026-03-31')).toEqual(['2026-03-31T00:00:00.000Z', 86_400_000]);
  expect(span('2026-03-31T12:34')).toEqual(['2026-03-31T12:34:00.000Z', 60_000]);
  expect(span('2026-03-31T12:34:56.7Z')).toEqual(['2026-03-31T12:34:56.700Z', 100]);
  expect(span('2026-03-31T12:34:56.789123Z')).toEqual(['2026-03-31T12:34:56.789Z', 1]);
  expect(span('2026-03-31T12:00+02:00')).toEqual(['2026-03-31T10:00:00.000Z', 60_000]);
  expect(span('0099-01-01')).toEqual(['0099-01-01T00:00:00.000Z', 86_400_000]);
  expect(span('1774960496789')).toEqual(['2026-03-31T12:34:56.789Z', 1]);
  expect(span('-1')).toEqual(['1969-12-31T23:59:59.999Z', 1]);
});

test('arithmetic from now follows the calendar in UTC', () => {
  expect(span('now')).toEqual(['2026-03-31T12:34:56.789Z', 1]);
  expect(span('now-1M')).toEqual(['2026-02-28T12:34:56.789Z', 1]);
  expect(span('now+1M')).toEqual(['2026-04-30T12:34:56.789Z', 1]);
  expect(span('now-1y+1d')).toEqual(['2025-04-01T12:34:56.789Z', 1]);
  expect(span('now/d')).toEqual(['2026-03-31T00:00:00.000Z', 86_400_000]);
  expect(span('now/w')).toEqual(['2026-03-30T00:00:00.000Z', 604_800_000]);
  expect(span('now-1M/M')).toEqual(['2026-02-01T00:00:00.000Z', 28 * 86_400_000]);
  expect(span('now/y')).toEqual(['2026-01-01T00:00:00.000Z', 365 * 86_400_000]);
});

test('what is no time is none', () => {
  for (const text of [
    '',
    'yesterday',
    '2026-13',
    '2026-02-30',
    '2026-01-01T24:00',
    '2026Z',
    'now-',
    'now-1q',
    'now/x',
    '99999999999999999',
  ]) {
    expect(parseTime(text, NOW), text).toBeUndefined();
  }
  expect(parseTime('now-999999y', NOW)).toBeUndefined();
});
