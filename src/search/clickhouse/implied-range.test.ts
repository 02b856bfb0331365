import { expect, test } from 'vitest';
import type { TimeBounds } from '../catalogue.ts';
import { withImpliedRange } from './implied-range.ts';
import type { ImpliedRange } from './where.ts';

const RANGE = { tenant: 'shop', fromMs: 100, toMs: 200 };

/** Asks for [100, 200) while the events' bounds are those, one after another; what was asked. */
async function asked(...bounds: readonly (TimeBounds | undefined)[]): Promise<readonly ImpliedRange[]> {
  const left = [...bounds];
  const ranges: ImpliedRange[] = [];
  const slices = { bounds: () => left.shift(), changes: () => 0 };
  const answer = await withImpliedRange(RANGE, slices, async (implied) => {
    ranges.push(implied);
    return ranges.length;
  });
  expect(answer).toBe(ranges.length);
  return ranges;
}

const within = { fromMs: 100, toMs: 199 };
const BOTH = { from: true, to: true };
const NONE = { from: false, to: false };

test('the ends of a range that all events lie within are not asked for', async () => {
  expect(await asked(within, within)).toEqual([BOTH]);
  expect(await asked({ fromMs: 99, toMs: 199 }, within)).toEqual([{ from: false, to: true }]);
  // The end of a range is exclusive, the newest event of a slice is in it.
  expect(await asked({ fromMs: 100, toMs: 200 }, within)).toEqual([{ from: true, to: false }]);
  expect(await asked(undefined, undefined)).toEqual([NONE]);
});

test('an event from outside of the range that comes while the answer is made is not in it', async () => {
  expect(await asked(within, { fromMs: 100, toMs: 200 })).toEqual([BOTH, NONE]);
  expect(await asked(within, { fromMs: 99, toMs: 199 })).toEqual([BOTH, NONE]);
  // What was asked for in any case may change.
  expect(await asked({ fromMs: 99, toMs: 199 }, { fromMs: 50, toMs: 199 })).toEqual([{ from: false, to: true }]);
});

test('an event of a slice that comes or goes while the answer is made is not in it: what touches all slices names none', async () => {
  let changes = 0;
  const slices = { bounds: () => within, changes: () => changes };
  const ranges: ImpliedRange[] = [];
  await withImpliedRange(RANGE, slices, async (implied) => {
    ranges.push(implied);
    changes = 1;
  });
  expect(ranges).toEqual([BOTH, NONE]);
});
