import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareText } from '../../query/value.ts';
import { idNumbers, printId } from '../ids.ts';
import { parseSliceIndex, sliceIndex } from './mapping.ts';
import { fieldKey, orderText, parseOrderText, sortedTerm, stringTerm, valueName } from './names.ts';

test('terms of numbers sort like the numbers', () => {
  const numbers = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      const [left, right] = [sortedTerm('p:a', a), sortedTerm('p:a', b)];
      expect(Math.sign(compareText(left, right))).toBe(a === b ? 0 : a < b ? -1 : 1);
    }),
  );
});

test('ids sort by their numbers and come back from the text that sorts', () => {
  const sorted = [
    '00000000-0000-0000-0000-000000000000',
    '0193a1b2-c3d4-7e5f-8a9b-000000000007',
    'a.raw.0.9.0',
    'a.raw.0.10.0',
    'a.raw.2.1.0',
    'a.raw.10.1.0',
    'a-b.raw.0.0.0',
  ];
  const texts = sorted.map((id) => orderText(idNumbers(id) ?? expect.fail(id)));
  expect(texts.toSorted(compareText)).toEqual(texts);
  expect(texts.map((text) => printId(parseOrderText(text)))).toEqual(sorted);
});

test('no two fields share a key or the name of a column', () => {
  const keys = fc.array(
    fc.string({ minLength: 1, unit: 'binary' }).filter((key) => !key.includes('.')),
    {
      minLength: 1,
      maxLength: 3,
    },
  );
  const fields = fc.record({ root: fc.constantFrom('metadata' as const, 'payload' as const), path: keys });
  fc.assert(
    fc.property(fields, fields, (a, b) => {
      const same = a.root === b.root && a.path.join('.') === b.path.join('.');
      expect(fieldKey(a) === fieldKey(b)).toBe(same);
      const [left, right] = [valueName(fieldKey(a)), valueName(fieldKey(b))];
      if (left !== undefined && right !== undefined) expect(left === right).toBe(same);
      for (const name of [left, right]) expect(name ?? '').toMatch(/^[\w~/-]*$/);
    }),
    { numRuns: 2_000 },
  );
});

test('a term fits what Lucene takes, however long the name and the text', () => {
  const key = fieldKey({ root: 'payload', path: ['\u{ffff}'.repeat(500), 'x'] });
  expect(Buffer.byteLength(stringTerm(key, '\u{ffff}'.repeat(100_000)))).toBeLessThan(32_766);
});

test('a slice is named after its days, its length and whose it is, and its name says them', () => {
  const day = { retentionDays: 30, hours: 24, group: '', start: 20_782 };
  expect(sliceIndex('spillway', day)).toBe('spillway-slice-30d-2026-11-25');
  const own = { retentionDays: 30, hours: 6, group: 'own-shop', start: 20_782 * 4 + 3 };
  expect(sliceIndex('spillway', own)).toBe('spillway-slice-30d-6h-own-shop-2026-11-25t18');
  const groups = ['', 'own-a', 'own-a-2026-11', 'own-2026-11-25t00', 'own-own-1h', 'tier-large_1', 'tier-24h-own-x'];
  for (const group of groups) {
    for (const [hours, start] of [
      [1, 498_768],
      [5, 99_753],
      [24, 0],
      [24, 20_782],
      [24, 100_000_000],
      [168, 2_968],
    ] as const) {
      const slice = { retentionDays: 7, hours, group, start };
      expect(parseSliceIndex('a', sliceIndex('a', slice))).toEqual(slice);
    }
  }
  for (const name of ['spillway-events', 'spillway-slice-x', 'other-slice-30d-2026-11-25']) {
    expect(parseSliceIndex('spillway', name)).toBeUndefined();
  }
});
