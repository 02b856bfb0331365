import { expect, test } from 'vitest';
import type { Logger } from '../lib/log.ts';
import { MemoryDisk } from '../lib/memory-disk.ts';
import { StoreJournal } from './journal.ts';
import type { SearchWriter } from './port.ts';
import { dropExpired } from './retention.ts';
import { expiryOf, type SliceKey } from './slices.ts';

const quiet = { info: () => {}, error: () => {} } as unknown as Logger;
const dayOf = (start: number): SliceKey => ({ retentionDays: 30, hours: 24, group: '', start });
const OLD = dayOf(5);
const NEW = dayOf(500);

test('questions lose no conditions for good where a removal fails whose rows are gone', async () => {
  const journal = await StoreJournal.open('/journal', new MemoryDisk());
  for (const [slice, fromMs] of [
    [OLD, 100],
    [NEW, 200],
  ] as const) {
    const shares = [{ slice, tenant: 'a', fromMs, toMs: fromMs, docs: 1, bytes: 1 }];
    await journal.begin({ ranges: [], shares, policyVersion: 1, paths: [], receivedMs: 0 });
    await journal.end();
  }
  const bounds = () => journal.catalogue.bounds('a', 0, 1_000);
  let stored = [OLD, NEW];
  const failures: ('before' | 'after')[] = ['before', 'after'];
  const writer = {
    slices: async () => stored.map((slice) => ({ slice, where: '', rows: 1, bytesOnDisk: 1 })),
    dropSlice: async () => {
      const failure = failures.shift();
      if (failure !== 'before') stored = [NEW];
      if (failure !== undefined) throw new Error(`failed ${failure}`);
    },
  } as unknown as SearchWriter;
  const parts = { writer, journal, clock: { now: () => expiryOf(OLD) }, log: quiet };
  expect(bounds()).toEqual({ fromMs: 100, toMs: 200 });
  // Its rows can be seen, and the catalogue does not know of what times.
  await expect(dropExpired(parts)).rejects.toThrow('failed before');
  expect(bounds()).toBeUndefined();
  await expect(dropExpired(parts)).rejects.toThrow('failed after');
  expect(await dropExpired(parts)).toBe(0);
  expect(bounds()).toEqual({ fromMs: 200, toMs: 200 });
  await journal.close();
});
