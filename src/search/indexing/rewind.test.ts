import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseQuery } from '../../query/parse.ts';
import { numberedEvent } from '../testing/numbered-event.ts';
import { openStoreKit } from '../testing/store-kit.ts';

const NOW_MS = Date.now();
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-rewind-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const eventOf = (number: number) => numberedEvent(NOW_MS, number);

/** Appends events, lets the store settle, and says how many are found. */
async function live(from: number, to: number): Promise<number> {
  const kit = await openStoreKit({ directory: folder });
  try {
    await kit.append(
      0,
      Array.from({ length: to - from }, (_, i) => eventOf(from + i)),
    );
    await kit.startIndexer().started;
    await kit.settled();
    const { signal } = new AbortController();
    const all = { tenant: 'default', query: parseQuery('*'), fromMs: NOW_MS, toMs: NOW_MS + 1_000_000, signal };
    return await kit.engine.count(all);
  } finally {
    await kit.close();
  }
}

test('an index whose folder was removed is built again from the queue, each event once', async () => {
  expect(await live(0, 100)).toBe(100);
  await rm(join(folder, 'search'), { recursive: true });
  expect(await live(100, 150)).toBe(150);
  expect(await live(150, 160)).toBe(160);
});

test('where the group has forgotten what was committed, the store goes on after what is in its index', async () => {
  expect(await live(0, 100)).toBe(100);
  await rm(join(folder, 'queue/.coordinator/state'));
  expect(await live(100, 150)).toBe(150);
});

test('an index that stayed while its queue was lost takes all that comes to the new queue', async () => {
  expect(await live(0, 20)).toBe(20);
  await rm(join(folder, 'queue'), { recursive: true });
  expect(await live(100, 150)).toBe(70);
});
