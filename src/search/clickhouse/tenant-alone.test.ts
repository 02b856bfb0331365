import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openStoreKit } from '../testing/store-kit.ts';
import { NOBODYS } from './events-table.ts';

test('a tenant is alone again when the row that tried the engine is gone, also where it was left behind', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'spillway-writer-'));
  const kit = await openStoreKit({ directory });
  const { writer, table, journal } = kit.engine;
  const isAlone = () => journal.catalogue.isAlone('a', 0, 1);
  expect(await writer.works()).toBe(true);
  expect(isAlone()).toBe(true);
  vi.spyOn(table, 'dropPartition').mockRejectedValue(new Error('busy'));
  for (let tries = 0; tries < 2; tries++) expect(await writer.works()).toBe(false);
  vi.restoreAllMocks();
  await writer.slices();
  expect(isAlone()).toBe(false);
  await table.dropPartition(NOBODYS);
  expect(isAlone()).toBe(false);
  await writer.slices();
  expect(isAlone()).toBe(true);
  await kit.close();
  await rm(directory, { recursive: true, force: true });
});
