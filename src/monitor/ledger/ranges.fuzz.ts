import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Ranges } from './ranges.ts';

const END = 40;
const range = fc.tuple(fc.nat(END), fc.nat(END)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
const offsetsOf = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

it('has each offset that was added once, and knows which are missing', () => {
  fc.assert(
    fc.property(
      fc.array(range, { maxLength: 30, size: 'max' }),
      range,
      fc.integer({ min: 1, max: 5 }),
      (added, asked, most) => {
        const ranges = new Ranges();
        const model = new Set<number>();
        for (const [from, to] of added) {
          const overlaps = offsetsOf(from, to).some((offset) => model.has(offset));
          if (from < to) expect(ranges.overlaps(from, to)).toBe(overlaps);
          if (overlaps) expect(() => ranges.add(from, to)).toThrow(RangeError);
          else {
            if (from < to) {
              expect(ranges.touches(from, to)).toBe(model.has(from - 1) || model.has(to));
            }
            ranges.add(from, to);
            for (const offset of offsetsOf(from, to)) model.add(offset);
          }
          // As few as there can be.
          const begins = offsetsOf(0, END).filter((offset) => model.has(offset) && !model.has(offset - 1));
          expect(ranges.size).toBe(begins.length);
          expect(new Ranges(ranges.bounds).bounds).toEqual(ranges.bounds);
        }
        const [from, to] = asked;
        const missing = offsetsOf(from, to).filter((offset) => !model.has(offset));
        expect(ranges.missing(from, to).flatMap(([a, b]) => offsetsOf(a, b))).toEqual(missing);
        expect(ranges.missing(from, to, most)).toEqual(ranges.missing(from, to).slice(0, most));
        expect(ranges.missingCount(from, to)).toBe(missing.length);
      },
    ),
    { numRuns: 300 },
  );
});

it('refuses what are no ranges that lie apart', () => {
  for (const bounds of [[1], [2, 2], [3, 1], [1, 3, 3, 5]]) expect(() => new Ranges(bounds)).toThrow(RangeError);
});

it('forgets the lowest first', () => {
  const ranges = new Ranges([0, 1, 2, 3, 4, 5]);
  ranges.forgetLowest(2);
  expect(ranges.bounds).toEqual([2, 3, 4, 5]);
});
