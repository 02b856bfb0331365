import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QUERY_LIMITS } from '../lib/limits.ts';
import { bucketCount, chooseInterval, printInterval } from './interval.ts';
import { EARLIEST_MS, LATEST_MS } from './time.ts';

const DAY_MS = 86_400_000;

describe('the width of buckets', () => {
  it('is what people would choose', () => {
    const widthFor = (rangeMs: number) =>
      printInterval(chooseInterval('auto', 1_700_000_000_000, 1_700_000_000_000 + rangeMs));
    expect(widthFor(15 * 60_000)).toBe('10s');
    expect(widthFor(3_600_000)).toBe('1m');
    expect(widthFor(DAY_MS)).toBe('15m');
    expect(widthFor(7 * DAY_MS)).toBe('2h');
    expect(widthFor(30 * DAY_MS)).toBe('12h');
  });

  it('gives 48 to 120 buckets of any range that has so many milliseconds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: EARLIEST_MS, max: LATEST_MS - DAY_MS }),
        fc.double({ min: 120, max: 50 * 365 * DAY_MS, noNaN: true }),
        (fromMs, rangeMs) => {
          const toMs = Math.min(LATEST_MS, fromMs + Math.round(rangeMs));
          fc.pre(toMs - fromMs >= 120);
          const buckets = bucketCount(fromMs, toMs, chooseInterval('auto', fromMs, toMs));
          expect(buckets).toBeLessThanOrEqual(120);
          expect(buckets).toBeGreaterThanOrEqual(46);
        },
      ),
    );
    expect(bucketCount(EARLIEST_MS, LATEST_MS, chooseInterval('auto', EARLIEST_MS, LATEST_MS))).toBeLessThanOrEqual(
      120,
    );
  });

  it('may make as many buckets as the limit and not one more', () => {
    const to = QUERY_LIMITS.buckets * 1_000;
    expect(chooseInterval('1s', 0, to)).toBe(1_000);
    expect(() => chooseInterval('1s', 0, to + 1)).toThrow(/2001 buckets/);
  });

  it.each(['1ms', '30s', '5m', '1h', '12h', '1d', '2w', '90d'])('is printed as it was written: %s', (text) => {
    expect(printInterval(chooseInterval(text, 0, 1))).toBe(text);
  });
});
