import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sampleEvent } from '../../../test/support/sample-events.ts';
import { openStoreKit, type StoreKit } from '../testing/store-kit.ts';

const NOW_MS = Date.parse('2026-11-23T10:00:00Z');
const EVENTS = 40;
let directory: string;
let store: StoreKit;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spillway-merged-'));
  store = await openStoreKit({ directory });
});
afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true });
});

/** Two parts, and then what a merge makes of them. */
async function merge(): Promise<void> {
  const indexer = store.startIndexer();
  await indexer.started;
  for (let first = 0; first < EVENTS; first += EVENTS / 2) {
    const events = Array.from({ length: EVENTS / 2 }, (_, i) => {
      return sampleEvent(first + i, { timestamp: NOW_MS + first + i });
    });
    await store.append(0, events);
    await store.settled();
  }
  await indexer.stop();
  await store.engine.table.run('OPTIMIZE TABLE events FINAL');
}

test('a merged part that a power cut has broken is replaced by what it was made of', async () => {
  await merge();
  await store.close();
  const files = await readdir(join(directory, 'search'), { recursive: true });
  const textIndex = files.filter((name) => /_1\/skp_idx_message_tokens[^/]*$/.test(name));
  expect(textIndex.length).toBeGreaterThan(3);
  for (const name of textIndex) await truncate(join(directory, 'search', name), 0);
  store = await openStoreKit({ directory });
  expect(await store.engine.table.run('SELECT count(), uniqExact(queue_offset) FROM events')).toEqual([
    [EVENTS, EVENTS],
  ]);
});

test('what a merge made is synced once', async () => {
  await merge();
  expect(await store.engine.table.syncMerged()).toBe(1);
  expect(await store.engine.table.syncMerged()).toBe(0);
});
