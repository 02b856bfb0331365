import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StoredEvent } from '../../event/event.ts';
import { nodeDisk } from '../../lib/disk.ts';
import { makeDirectories, replaceFile } from '../../lib/disk-files.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { keepNothing } from '../../lib/memory-disk-crash.ts';
import { DAY_MS, type SliceKey } from '../slices.ts';
import { openStoreKit } from '../testing/store-kit.ts';
import { SliceNumbers } from './slice-numbers.ts';

const DAY: SliceKey = { retentionDays: 30, hours: 24, group: '', start: 20_782 };
const OWN: SliceKey = { ...DAY, hours: 1, group: 'own-shop', start: 498_768 };

describe('the numbers of a slice', () => {
  test('are its days of retention and its day where all share it, as they have always been', async () => {
    const numbers = await SliceNumbers.open('/journal', new MemoryDisk());
    expect(numbers.of(DAY)).toEqual({ kind: 30, start: 20_782 });
    expect(numbers.sliceOf({ kind: 30, start: 20_782 })).toEqual(DAY);
  });

  test('are given once, and are the same after a power cut', async () => {
    const disk = new MemoryDisk();
    const numbers = await SliceNumbers.open('/journal', disk);
    expect(numbers.find(OWN)).toBeUndefined();
    const own = numbers.of(OWN);
    const six = numbers.of({ ...OWN, hours: 6 });
    const longer = numbers.of({ ...OWN, retentionDays: 90 });
    expect(new Set([own, six, longer].map(({ kind }) => kind)).size).toBe(3);
    expect(numbers.of({ ...OWN, start: 1 }).kind).toBe(own.kind);
    await numbers.save();
    const again = await SliceNumbers.open('/journal', disk.afterCrash(keepNothing));
    expect([again.find(OWN), again.sliceOf(own)]).toEqual([own, OWN]);
    expect(again.of({ ...OWN, hours: 6 })).toEqual(six);
  });

  test('are given again when nothing has them any more', async () => {
    const numbers = await SliceNumbers.open('/journal', new MemoryDisk());
    const own = numbers.of(OWN);
    const six = numbers.of({ ...OWN, hours: 6 });
    numbers.keepOnly([six]);
    expect(numbers.find(OWN)).toBeUndefined();
    expect(numbers.of({ ...OWN, group: 'own-bank' }).kind).toBe(own.kind);
    expect(numbers.find({ ...OWN, hours: 6 })).toEqual(six);
  });

  test('are not given where the table has rows of them from before what they stand for was lost', async () => {
    const numbers = await SliceNumbers.open('/journal', new MemoryDisk());
    const { kind } = numbers.of(OWN);
    const lost = await SliceNumbers.open('/journal', new MemoryDisk());
    lost.keepOnly([{ kind, start: 1 }]);
    expect(lost.of(OWN).kind).not.toBe(kind);
  });
});

describe('a data folder from before there were tiers', () => {
  const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spillway-before-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const eventOf = (number: number, tenant: string, timestamp: number): StoredEvent => ({
    id: `local.raw.0.${number}.0`,
    ...{ tenant, timestamp, received: NOW_MS, type: 'log', source: 'a:b', metadata: {}, payload: { number } },
  });

  test('is searched as before, and takes further events, while its tenants move to slices of their own', {
    timeout: 120_000,
  }, async () => {
    let kit = await openStoreKit({ directory, clock: { now: () => NOW_MS } });
    await kit.startIndexer().started;
    await kit.append(0, [eventOf(0, 'shop', NOW_MS), eventOf(1, 'shop', NOW_MS - 2 * DAY_MS), eventOf(2, 'b', NOW_MS)]);
    await kit.settled();
    const shares = [...kit.engine.journal.catalogue.all()];
    await kit.close();
    // What the version before wrote: the table is the same.
    const slices = shares.map(({ slice: { start, retentionDays }, ...share }) => ({
      ...{ ...share, day: start, retentionDays, where: 'events' },
    }));
    const paths = [['payload', 'number', 'number']];
    const snapshot = { version: 1, through: 9, slices, paths, morePaths: false, open: null };
    const folder = join(directory, 'search/journal');
    await rm(folder, { recursive: true });
    await makeDirectories(nodeDisk, folder);
    await replaceFile(nodeDisk, join(folder, 'catalogue.json'), Buffer.from(JSON.stringify(snapshot)));
    await replaceFile(nodeDisk, join(folder, 'journal.ndjson'), Buffer.alloc(0));

    const tiers = [
      { name: 'shared', hours: 24, own: false },
      { name: 'own', hours: 1, own: true },
    ];
    kit = await openStoreKit({
      directory,
      clock: { now: () => NOW_MS },
      indexer: { tiers, pinned: { shop: 'own' } },
    });
    const question = (tenant: string) => ({
      ...{ tenant, query: { kind: 'all', span: { start: 0, end: 0 } } as const, fromMs: 0, toMs: 1e15 },
      signal: new AbortController().signal,
    });
    expect(await kit.engine.count(question('shop'))).toBe(2);
    await kit.startIndexer().started;
    await kit.append(0, [eventOf(3, 'shop', NOW_MS), eventOf(4, 'b', NOW_MS)]);
    await kit.settled();
    expect(await kit.engine.count(question('shop'))).toBe(3);
    expect(await kit.engine.count(question('b'))).toBe(2);
    const found = (await kit.engine.writer.slices()).map(({ slice: { hours, group }, rows }) => [hours, group, rows]);
    expect(found.sort()).toEqual([
      [1, 'own-shop', 1],
      [24, '', 1],
      [24, '', 3],
    ]);
    await kit.close();
  });
});
