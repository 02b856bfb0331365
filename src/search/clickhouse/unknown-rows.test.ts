import { expect, test } from 'vitest';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { Catalogue } from '../catalogue.ts';
import { expiryOf, type SliceKey } from '../slices.ts';
import { SliceNumbers } from './slice-numbers.ts';
import { expectUnknownRows } from './unknown-rows.ts';

const SLICE: SliceKey = { retentionDays: 30, hours: 24, group: '', start: 20_782 };
const OTHER: SliceKey = { ...SLICE, start: 20_780 };
const BOUNDS = { fromMs: 1, toMs: 2 };

/** What is known of the tenant's rows when the table has these slices, and the catalogue only `SLICE`. */
async function known(slices: readonly SliceKey[], nowMs: number, isLost = false) {
  const numbers = await SliceNumbers.open('/journal', new MemoryDisk());
  const partitions = slices.map((slice) => ({ number: numbers.of(slice) }));
  const read = isLost ? await SliceNumbers.open('/journal', new MemoryDisk()) : numbers;
  const catalogue = new Catalogue();
  catalogue.add({ slice: SLICE, tenant: 'a', ...BOUNDS, docs: 1, bytes: 1 });
  expectUnknownRows({ partitions, numbers: read, catalogue, nowMs });
  const state = () => [catalogue.isAlone('a', 0, 9), catalogue.bounds('a', 0, 9)];
  return { catalogue, state };
}

test('a tenant is known to be alone where the catalogue has all slices and none is expired', async () => {
  expect((await known([SLICE], expiryOf(SLICE) - 1)).state()).toEqual([true, BOUNDS]);
});

test.each([
  ['has expired, so that retention may have been cut short there', [SLICE], expiryOf(SLICE), true],
  ['is in no catalogue', [SLICE, OTHER], 0, true],
  ['has numbers that stand for nothing any more', [SLICE, { ...OTHER, hours: 1, group: 'own-b' }], 0, false],
] as const)(
  'nothing is known of whose rows there are while a slice is there that %s',
  async (_, slices, nowMs, goes) => {
    const { catalogue, state } = await known(slices, nowMs, true);
    expect(state()).toEqual([false, undefined]);
    catalogue.leftBut(slices);
    expect(state()).toEqual([false, undefined]);
    catalogue.leftBut([]);
    expect(state()).toEqual(goes ? [true, BOUNDS] : [false, undefined]);
  },
);
