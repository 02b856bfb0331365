import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sampleEvent } from '../../../test/support/sample-events.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import { openStoreKit } from '../testing/store-kit.ts';
import { tidyParts, untidy } from './tidy-parts.ts';

const { tidyParts: PARTS, tidyAfterS: QUIET_S } = STORE_LIMITS;

test('a partition is tidied when it is quiet and has several parts of inserts', () => {
  expect(
    untidy([
      { id: 'quiet', parts: PARTS, quietS: QUIET_S },
      { id: 'busy', parts: PARTS * 3, quietS: QUIET_S - 1 },
      { id: 'few', parts: PARTS - 1, quietS: QUIET_S * 100 },
    ]),
  ).toEqual(['quiet']);
});

test('what inserts left becomes one part with the same events', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'spillway-tidy-'));
  const store = await openStoreKit({ directory });
  const { table } = store.engine;
  // Nothing else merges them meanwhile.
  await table.run('SYSTEM STOP MERGES');
  const indexer = store.startIndexer();
  await indexer.started;
  const timestamp = Date.parse('2026-11-23T10:00:00Z');
  for (let i = 0; i < PARTS; i++) {
    await store.append(0, [sampleEvent(i, { timestamp: timestamp + i })]);
    await store.settled();
  }
  await indexer.stop();
  await table.run('SYSTEM START MERGES');
  const left = (parts: number) =>
    expect
      .poll(() => table.run("SELECT count(), sum(rows) FROM system.parts WHERE active AND table = 'events'"))
      .toEqual([[parts, PARTS]]);
  await left(PARTS);
  expect(await tidyParts(table, 0)).toBe(1);
  await left(1);
  expect(await tidyParts(table, 0)).toBe(0);
  await store.close();
  await rm(directory, { recursive: true });
});
