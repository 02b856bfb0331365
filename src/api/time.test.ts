import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SpillwayError } from '../lib/errors.ts';
import { EARLIEST_MS, isoTime, LATEST_MS, parseTime } from './time.ts';

const NOW = Date.parse('2024-03-31T12:34:56.789Z');
const parsed = (text: string | number, edge: 'start' | 'end' = 'start') => isoTime(parseTime(text, NOW, 'from', edge));

describe('a time in a question', () => {
  it.each([
    ['2025-11-23T10:15:30.123Z', '2025-11-23T10:15:30.123Z'],
    ['2025-11-23T10:15:30', '2025-11-23T10:15:30.000Z'],
    ['2025-11-23 10:15', '2025-11-23T10:15:00.000Z'],
    ['2025-11-23T10:15:30+02:00', '2025-11-23T08:15:30.000Z'],
    ['2025-11-23T10:15:30-0530', '2025-11-23T15:45:30.000Z'],
    ['2025-11-23T10:15:30+01', '2025-11-23T09:15:30.000Z'],
    ['2025-11-23t10:15:30z', '2025-11-23T10:15:30.000Z'],
    ['2025-11-23T10:15:30.123456789Z', '2025-11-23T10:15:30.123Z'],
    ['2025-11-23T10:15:30,5Z', '2025-11-23T10:15:30.500Z'],
    ['2025-11-23', '2025-11-23T00:00:00.000Z'],
    ['2025-11', '2025-11-01T00:00:00.000Z'],
    ['1763892930123', '2025-11-23T10:15:30.123Z'],
    ['0', '1970-01-01T00:00:00.000Z'],
    ['-1', '1969-12-31T23:59:59.999Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('reads %s', (text, expected) => {
    expect(parsed(text)).toBe(expected);
  });

  it.each([
    ['now', '2024-03-31T12:34:56.789Z'],
    ['now-30s', '2024-03-31T12:34:26.789Z'],
    ['now-15m', '2024-03-31T12:19:56.789Z'],
    ['now+1h', '2024-03-31T13:34:56.789Z'],
    ['now-1d', '2024-03-30T12:34:56.789Z'],
    ['now-2w', '2024-03-17T12:34:56.789Z'],
    ['now-1M', '2024-02-29T12:34:56.789Z'],
    ['now-1y', '2023-03-31T12:34:56.789Z'],
    ['now-1d-2h', '2024-03-30T10:34:56.789Z'],
    ['now/d', '2024-03-31T00:00:00.000Z'],
    ['now/w', '2024-03-25T00:00:00.000Z'],
    ['now/M', '2024-03-01T00:00:00.000Z'],
    ['now-1y/y', '2023-01-01T00:00:00.000Z'],
  ])('counts %s from now', (text, expected) => {
    expect(parsed(text)).toBe(expected);
  });

  it('rounds an end up, so that now/d to now/d is today', () => {
    expect(parsed('now/d', 'end')).toBe('2024-04-01T00:00:00.000Z');
    expect(parsed('now/M', 'end')).toBe('2024-04-01T00:00:00.000Z');
    expect(parsed('now-1w/w', 'end')).toBe('2024-03-25T00:00:00.000Z');
  });

  it.each([
    ...['', 'yesterday', '2025', '2025-13-01', '2025-02-30', '2025-11-23T25:00:00Z', '2025-11-23T10:60:00Z'],
    ...['now-', 'now-15', 'now-15x', 'now-99999999m', 'now/q', 'now/d/d', 'nowish', 'NOW', '1e12', '0x10', '12.5'],
    ...['999999999999999', '-99999999999999', '2025-11-23T10:00:00+99:99', '0000-12-31T23:59:59Z'],
  ])('refuses %j and names the parameter', (text) => {
    const refused = () => parseTime(text, NOW, 'from');
    expect(refused).toThrow(SpillwayError);
    expect(refused).toThrow(/The parameter from is not a time/);
  });

  it('takes the first and the last millisecond, and not one more', () => {
    expect(parseTime(EARLIEST_MS, NOW, 'from')).toBe(EARLIEST_MS);
    expect(parseTime(LATEST_MS, NOW, 'to')).toBe(LATEST_MS);
    expect(() => parseTime(EARLIEST_MS - 1, NOW, 'from')).toThrow(SpillwayError);
    expect(() => parseTime(LATEST_MS + 1, NOW, 'to')).toThrow(SpillwayError);
    expect(() => parseTime(Number.NaN, NOW, 'to')).toThrow(SpillwayError);
  });

  it('reads back every time it prints', () => {
    fc.assert(
      fc.property(fc.integer({ min: EARLIEST_MS, max: LATEST_MS - 1 }), (timeMs) => {
        expect(parseTime(isoTime(timeMs), NOW, 'from')).toBe(timeMs);
      }),
    );
  });
});
