import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeReader } from './any.ts';

process.env.TZ = 'UTC';
const RECEIVED = Date.UTC(2026, 10, 23, 19, 45, 0);
const iso = (text: string): string | undefined => {
  const time = new TimeReader().readWhole(text, RECEIVED);
  return time && new Date(time.ms).toISOString();
};

describe('times in the usual forms', () => {
  it.each([
    ['2026-11-23T19:42:54Z', '2026-11-23T19:42:54.000Z'],
    ['2026-11-23T19:42:54.1Z', '2026-11-23T19:42:54.100Z'],
    ['2026-11-23T19:42:54.123456Z', '2026-11-23T19:42:54.123Z'],
    ['2026-11-23T19:42:54.123+01:00', '2026-11-23T18:42:54.123Z'],
    ['2026-11-23T19:42:54-0230', '2026-11-23T22:12:54.000Z'],
    ['2026-11-23 19:42:54,747', '2026-11-23T19:42:54.747Z'],
    ['2026/11/23 19:42:54', '2026-11-23T19:42:54.000Z'],
    ['23/Nov/2026:19:42:54 +0100', '2026-11-23T18:42:54.000Z'],
    ['Mon, 23 Nov 2026 19:42:54 GMT', '2026-11-23T19:42:54.000Z'],
    ['Mon Nov 23 19:42:54 2026', '2026-11-23T19:42:54.000Z'],
    ['Mon Nov 23 19:42:54.123456 2026', '2026-11-23T19:42:54.123Z'],
    ['Nov 23 19:42:54', '2026-11-23T19:42:54.000Z'],
    ['Nov 30 19:00:00', '2026-11-30T19:00:00.000Z'],
    ['Dec  4 01:02:03', '2025-12-04T01:02:03.000Z'],
    ['Jun  4 01:02:03.250', '2026-06-04T01:02:03.250Z'],
    ['261123 194254', '2026-11-23T19:42:54.000Z'],
    ['10.30 16:49:06', '2026-10-30T16:49:06.000Z'],
    ['30.10 16:49:06', '2026-10-30T16:49:06.000Z'],
    ['1795463110', '2026-11-23T19:45:10.000Z'],
    ['1795463110.345', '2026-11-23T19:45:10.345Z'],
    ['1795463110345', '2026-11-23T19:45:10.345Z'],
    ['1795463110345678', '2026-11-23T19:45:10.345Z'],
    ['1795463110345678901', '2026-11-23T19:45:10.345Z'],
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('reads %s', (text, expected) => expect(iso(text)).toBe(expected));

  it.each([
    '1969-12-31T23:59:59Z',
    '9999-12-31T23:59:59.999-00:01',
    '2026-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-11-23T24:00:00Z',
    '2026-11-23T19:60:00Z',
    '2026-11-23T19:42:61Z',
    '10.11 16:49:06',
    'Foo 23 19:42:54',
    'Nov 31 19:42:54',
    '',
    '42',
  ])('does not take %j for a time', (text) => expect(iso(text)).toBeUndefined());

  it('chooses the year nearest to the receipt, but not more than a week past it', () => {
    const newYear = Date.UTC(2027, 0, 1, 0, 0, 5);
    const time = new TimeReader().readWhole('Dec 31 23:59:59', newYear);
    expect(time && new Date(time.ms).toISOString()).toBe('2026-12-31T23:59:59.000Z');
    const early = new TimeReader().readWhole('Jan  1 00:00:01', Date.UTC(2026, 11, 31, 23, 59, 58));
    expect(early && new Date(early.ms).toISOString()).toBe('2027-01-01T00:00:01.000Z');
  });

  it('finds February 29 in the last leap year', () => {
    const time = new TimeReader().readWhole('Feb 29 12:00:00', Date.UTC(2026, 2, 1));
    expect(time && new Date(time.ms).toISOString()).toBe('2024-02-29T12:00:00.000Z');
  });

  it('reads what Date prints, one after another with one reader', () => {
    const reader = new TimeReader();
    const time = fc.integer({ min: 0, max: 253_402_300_799_999 });
    fc.assert(fc.property(time, (ms) => reader.readWhole(new Date(ms).toISOString(), RECEIVED)?.ms === ms));
  });

  it('never throws, whatever the text', () => {
    const reader = new TimeReader();
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void reader.read(text, 0, RECEIVED)));
  });
});
