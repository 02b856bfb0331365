import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseQuery } from '../../query/parse.ts';
import { openClickHouse } from '../clickhouse/engine.ts';
import { numberedEvent } from '../testing/numbered-event.ts';
import { openStoreKitOn } from '../testing/store-kit.ts';
import type { EngineRecord } from './engine-change.ts';

const NOW_MS = Date.now();
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-engines-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const eventOf = (number: number) => numberedEvent(NOW_MS, number);

/** With an index of this name: appends events, lets the store settle, and says how many are found. */
async function live(engine: string, from: number, to: number, record?: EngineRecord): Promise<number> {
  const inUse = { name: engine, directory: join(folder, 'search'), ...(record === undefined ? {} : { record }) };
  const options = { directory: folder, indexer: { engineInUse: inUse } };
  const kit = await openStoreKitOn(options, (parts) => openClickHouse({ ...parts, directory: join(folder, engine) }));
  try {
    const events = Array.from({ length: to - from }, (_, i) => eventOf(from + i));
    if (events.length > 0) await kit.append(0, events);
    await kit.startIndexer().started;
    await kit.settled();
    const { signal } = new AbortController();
    const all = { tenant: 'default', query: parseQuery('*'), fromMs: NOW_MS, toMs: NOW_MS + 1_000_000, signal };
    return await kit.engine.count(all);
  } finally {
    await kit.close();
  }
}

const state = async () => JSON.parse(await readFile(join(folder, 'search/engines.json'), 'utf8'));

test('another engine has all that is retained, and the first one, back in use, what came meanwhile, each event once', async () => {
  expect(await live('one', 0, 100)).toBe(100);
  expect(await live('two', 100, 150)).toBe(150);
  expect(await live('two', 150, 160)).toBe(160);
  expect(await live('one', 160, 170)).toBe(170);
  expect(await live('two', 170, 175)).toBe(175);
  expect(await state()).toMatchObject({ current: 'two' });
});

test('a change that was cut off after the offsets were moved is taken back, or done again', async () => {
  await live('one', 0, 100);
  await live('two', 100, 150);
  const { left } = await state();
  // As if that process had died before it noted that the change was done.
  const cutOff = JSON.stringify({ current: 'one', left, entering: 'two' });
  await writeFile(join(folder, 'search/engines.json'), cutOff);
  expect(await live('one', 150, 160)).toBe(160);
  expect(await state()).toMatchObject({ current: 'one' });
});

test('where several stores share the queue, the queue says which engine is in use, and one store alone changes it', async () => {
  let written: string | undefined;
  let isAlone = true;
  const record: EngineRecord = {
    place: 'control',
    read: () => Promise.resolve(written),
    write: async (text) => {
      written = text;
    },
    isAlone: () => Promise.resolve(isAlone),
  };
  expect(await live('one', 0, 100, record)).toBe(100);
  isAlone = false;
  expect(await live('one', 100, 110, record)).toBe(110);
  await expect(live('two', 110, 120, record)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  isAlone = true;
  expect(await live('two', 120, 130, record)).toBe(130);
  isAlone = false;
  expect(await live('two', 130, 140, record)).toBe(140);
  isAlone = true;
  expect(await live('one', 140, 150, record)).toBe(150);
  expect(JSON.parse(written ?? '')).toMatchObject({ current: 'one' });
  await expect(state()).rejects.toMatchObject({ code: 'ENOENT' });
});
