import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

describe('durations', () => {
  test.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['30d', 2_592_000_000],
    ['2w', 1_209_600_000],
    ['0.5h', 1_800_000],
  ])('%s is understood', (text, ms) => expect(parseDuration(text)).toBe(ms));

  test.each(['', '30', '30 d', '-5m', '5x', 'm', '1e3s', '999999999999w'])('%j is not a duration', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test('what is printed is understood again, exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000_000 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});

describe('sizes', () => {
  test.each([
    ['512B', 512],
    ['64MiB', 67_108_864],
    ['1.5GiB', 1_610_612_736],
    ['10MB', 10_000_000],
    ['1kB', 1_000],
  ])('%s is understood', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  test.each(['', '64', '64 MiB', '64mib', '-1B', '64M', '999999999999TiB'])('%j is not a size', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });

  test('a size is shown in the largest unit that it fills', () => {
    expect(formatSize(0)).toBe('0 B');
    expect(formatSize(1_023)).toBe('1023 B');
    expect(formatSize(1_610_612_736)).toBe('1.5 GiB');
  });
});
