import { expect, test } from 'vitest';
import type { TimeBounds } from '../catalogue.ts';
import { withImplied } from './implied.ts';
import type { Implied } from './where.ts';

const RANGE = { tenant: 'shop', fromMs: 100, toMs: 200 };

/** Asks for [100, 200) while the events' bounds are those, one after another; what was asked. Others have events there. */
async function asked(...bounds: readonly (TimeBounds | undefined)[]): Promise<readonly Implied[]> {
  const left = [...bounds];
  const ranges: Implied[] = [];
  const slices = { bounds: () => left.shift(), changes: () => 0, isAlone: () => false };
  const answer = await withImplied(RANGE, slices, async (implied) => {
    ranges.push(implied);
    return ranges.length;
  });
  expect(answer).toBe(ranges.length);
  return ranges;
}

const within = { fromMs: 100, toMs: 199 };
const BOTH = { from: true, to: true, tenant: false };
const NONE = { from: false, to: false, tenant: false };

test('the ends of a range that all events lie within are not asked for', async () => {
  expect(await asked(within, within)).toEqual([BOTH]);
  expect(await asked({ fromMs: 99, toMs: 199 }, within)).toEqual([{ from: false, to: true, tenant: false }]);
  // The end of a range is exclusive, the newest event of a slice is in it.
  expect(await asked({ fromMs: 100, toMs: 200 }, within)).toEqual([{ from: true, to: false, tenant: false }]);
  expect(await asked(undefined, undefined)).toEqual([NONE]);
});

test('an event from outside of the range that comes while the answer is made is not in it', async () => {
  expect(await asked(within, { fromMs: 100, toMs: 200 })).toEqual([BOTH, NONE]);
  expect(await asked(within, { fromMs: 99, toMs: 199 })).toEqual([BOTH, NONE]);
  // What was asked for in any case may change.
  expect(await asked({ fromMs: 99, toMs: 199 }, { fromMs: 50, toMs: 199 })).toEqual([
    { from: false, to: true, tenant: false },
  ]);
});

test('an event of a slice that comes or goes while the answer is made is not in it: what touches all slices names none', async () => {
  let changes = 0;
  const slices = { bounds: () => within, changes: () => changes, isAlone: () => false };
  const ranges: Implied[] = [];
  await withImplied(RANGE, slices, async (implied) => {
    ranges.push(implied);
    changes = 1;
  });
  expect(ranges).toEqual([BOTH, NONE]);
});

/** As `asked`, while the tenant is alone in its slices at first and then. */
async function askedAlone(first: boolean, then: boolean): Promise<readonly Implied[]> {
  const left = [first, then];
  const slices = { bounds: () => within, changes: () => 0, isAlone: () => left.shift() ?? false };
  const ranges: Implied[] = [];
  await withImplied(RANGE, slices, async (implied) => {
    ranges.push(implied);
  });
  return ranges;
}

test('a tenant is not asked for where nobody else has events, and another one whose events come meanwhile is not in the answer', async () => {
  expect(await askedAlone(true, true)).toEqual([{ from: true, to: true, tenant: true }]);
  expect(await askedAlone(true, false)).toEqual([{ from: true, to: true, tenant: true }, NONE]);
  expect(await askedAlone(false, false)).toEqual([BOTH]);
});
