import { describe, expect, test } from 'vitest';
import { readWhole, replaceFile } from '../lib/disk-files.ts';
import { MemoryDisk } from '../lib/memory-disk.ts';
import { keepAtRandom, keepBytes, keepEverything, keepNothing } from '../lib/memory-disk-crash.ts';
import { Random } from '../lib/random.ts';
import type { SliceShare } from './catalogue.ts';
import { type Intent, StoreJournal } from './journal.ts';
import type { SliceKey } from './slices.ts';

const FOLDER = '/journal';

const dayOf = (start: number): SliceKey => ({ retentionDays: 30, hours: 24, group: '', start });

function share(tenant: string, day: number, fromMs: number, toMs: number, docs: number): SliceShare {
  return { slice: dayOf(day), tenant, fromMs, toMs, docs, bytes: docs * 100 };
}

/** Days of the slices that a question touches. */
function days(journal: StoreJournal, tenant: string, fromMs: number, toMs: number): number[] {
  return journal.catalogue
    .touched(tenant, fromMs, toMs)
    .map(({ start }) => start)
    .sort();
}

function intent(shares: readonly SliceShare[], paths: Intent['paths'] = []): Intent {
  return {
    ranges: [{ partition: 0, from: 0, to: 10 }],
    shares,
    policyVersion: 1,
    paths,
    receivedMs: 0,
  };
}

function docsOf(journal: StoreJournal): number {
  return [...journal.catalogue.all()].reduce((sum, { docs }) => sum + docs, 0);
}

describe('the journal', () => {
  test('finds the open intent again, with its bounds and path types, after a restart', async () => {
    const disk = new MemoryDisk();
    const journal = await StoreJournal.open(FOLDER, disk);
    await journal.begin(intent([share('a', 5, 100, 200, 7)], [['payload', 'number', 'status']]));
    const again = await StoreJournal.open(FOLDER, disk.afterCrash(keepNothing));
    expect(again.openIntent?.ranges).toEqual([{ partition: 0, from: 0, to: 10 }]);
    expect(days(again, 'a', 150, 151)).toEqual([5]);
    expect(again.paths.at({ root: 'payload', path: ['status'] })).toEqual(new Set(['number']));
    expect(docsOf(again)).toBe(0);
  });

  test('counts the events of an intent when it has ended', async () => {
    const disk = new MemoryDisk();
    const journal = await StoreJournal.open(FOLDER, disk);
    await journal.begin(intent([share('a', 5, 100, 200, 7)]));
    await journal.end();
    await journal.begin(intent([share('a', 5, 150, 300, 3), share('b', 5, 1, 2, 1)]));
    await journal.end();
    await journal.close();
    const again = await StoreJournal.open(FOLDER, disk);
    expect(again.openIntent).toBeUndefined();
    expect([...again.catalogue.all()]).toEqual([share('a', 5, 100, 300, 10), share('b', 5, 1, 2, 1)]);
  });

  test('a question touches only the slices whose true bounds it meets', async () => {
    const journal = await StoreJournal.open(FOLDER, new MemoryDisk());
    await journal.begin(intent([share('a', 5, 100, 200, 1), share('a', 6, 0, 500, 1), share('b', 7, 0, 500, 1)]));
    expect(days(journal, 'a', 0, 100)).toEqual([6]);
    expect(journal.catalogue.counts()).toEqual({ slices: 3, kinds: 1 });
    expect(days(journal, 'a', 200, 201)).toEqual([5, 6]);
    expect(days(journal, 'a', 501, 900)).toEqual([]);
    expect(days(journal, 'nobody', 0, 900)).toEqual([]);
  });

  test('forgets dropped slices, also after a restart', async () => {
    const disk = new MemoryDisk();
    const journal = await StoreJournal.open(FOLDER, disk);
    await journal.begin(intent([share('a', 5, 0, 1, 1), share('b', 5, 0, 1, 1), share('a', 6, 0, 1, 1)]));
    await journal.end();
    await journal.drop(dayOf(5), async () => {});
    const again = await StoreJournal.open(FOLDER, disk.afterCrash(keepNothing));
    expect([...again.catalogue.all()].map(({ tenant, slice }) => [tenant, slice.start])).toEqual([['a', 6]]);
    expect(again.catalogue.counts()).toEqual({ slices: 1, kinds: 1 });
  });

  test('knows the bounds of the events in a range, with those of an insert that has only begun', async () => {
    const journal = await StoreJournal.open(FOLDER, new MemoryDisk());
    await journal.begin(intent([share('a', 5, 100, 200, 1), share('a', 6, 300, 400, 1), share('b', 6, 0, 900, 1)]));
    await journal.end();
    expect(journal.catalogue.bounds('a', 150, 350)).toEqual({ fromMs: 100, toMs: 400 });
    expect(journal.catalogue.bounds('a', 201, 350)).toEqual({ fromMs: 300, toMs: 400 });
    expect(journal.catalogue.bounds('a', 401, 900)).toBeUndefined();
    await journal.begin(intent([share('a', 6, 350, 450, 1)]));
    expect(journal.catalogue.bounds('a', 300, 350)).toEqual({ fromMs: 300, toMs: 450 });
  });

  test('tells that a slice has come, or begins to go', async () => {
    const journal = await StoreJournal.open(FOLDER, new MemoryDisk());
    await journal.begin(intent([share('a', 5, 0, 1, 1)]));
    await journal.end();
    const { changes } = journal.catalogue;
    await journal.begin(intent([share('a', 5, 2, 3, 1), share('b', 5, 0, 1, 1)]));
    await journal.end();
    expect(journal.catalogue.changes).toBe(changes);
    await journal.begin(intent([share('a', 6, 0, 1, 1)]));
    expect(journal.catalogue.changes).toBe(changes + 1);
    await journal.end();
    await journal.drop(dayOf(5), async () => {});
    expect(journal.catalogue.changes).toBe(changes + 2);
  });

  test('knows no bounds while rows of a dropped slice may still be seen', async () => {
    const journal = await StoreJournal.open(FOLDER, new MemoryDisk());
    await journal.begin(intent([share('a', 5, 0, 1, 1), share('a', 6, 300, 400, 1)]));
    await journal.end();
    const bounds = () => journal.catalogue.bounds('a', 300, 401);
    await expect(journal.drop(dayOf(5), () => Promise.reject(new Error('busy')))).rejects.toThrow('busy');
    expect(bounds()).toBeUndefined();
    await journal.drop(dayOf(5), async () => expect(bounds()).toBeUndefined());
    expect(bounds()).toEqual({ fromMs: 300, toMs: 400 });
  });

  test('knows whose rows an open insert may put into a slice that is dropped meanwhile, also after a restart', async () => {
    const disk = new MemoryDisk();
    const journal = await StoreJournal.open(FOLDER, disk);
    await journal.begin(intent([share('a', 5, 0, 9, 1), share('c', 6, 0, 9, 1)]));
    await journal.end();
    await journal.begin(intent([share('a', 5, 2, 3, 1), share('b', 5, 4, 6, 2)]));
    await journal.drop(dayOf(5), async () => {});
    for (const { catalogue } of [journal, await StoreJournal.open(FOLDER, disk.afterCrash(keepNothing))]) {
      expect(catalogue.has(dayOf(5))).toBe(true);
      expect(catalogue.counts()).toEqual({ slices: 2, kinds: 1 });
      expect([catalogue.isAlone('a', 0, 9), catalogue.isAlone('c', 0, 9)]).toEqual([false, true]);
      expect(catalogue.bounds('b', 0, 9)).toEqual({ fromMs: 4, toMs: 6 });
    }
    expect(docsOf(journal)).toBe(1);
    await journal.end();
    expect(docsOf(journal)).toBe(4);
  });

  test('is written so that no version before words reads it, and read where such a one wrote it', async () => {
    const disk = new MemoryDisk();
    const written = await StoreJournal.open(FOLDER, disk);
    await written.begin(intent([share('a', 5, 100, 200, 7)], [['payload', 'string', 'status']]));
    await written.end();
    await (await StoreJournal.open(FOLDER, disk)).close();
    const path = `${FOLDER}/catalogue.json`;
    const snapshot = JSON.parse((await readWhole(disk, path))?.toString() ?? '');
    expect(snapshot.version).toBe(3);
    await replaceFile(disk, path, Buffer.from(JSON.stringify({ ...snapshot, version: 2 })));
    const again = await StoreJournal.open(FOLDER, disk);
    expect([...again.catalogue.all()]).toEqual([share('a', 5, 100, 200, 7)]);
    expect(again.paths.at({ root: 'payload', path: ['status'] })).toEqual(new Set(['string']));
    expect(JSON.parse((await readWhole(disk, path))?.toString() ?? '').version).toBe(3);
    await replaceFile(disk, path, Buffer.from(JSON.stringify({ ...snapshot, version: 4 })));
    await expect(StoreJournal.open(FOLDER, disk)).rejects.toHaveProperty('code', 'QUEUE_CORRUPT');
  });

  test('keeps what was decided about slices, and what each tenant sends, also when it is folded', async () => {
    const disk = new MemoryDisk();
    const journal = await StoreJournal.open(FOLDER, disk);
    const rule = { tier: 'own', retentionDays: 30, hours: 1, group: 'own-a' };
    const decision = { version: 1, tenant: 'a', fromMs: 0, rule, decidedMs: 5, why: 'a test' };
    await journal.decide([decision]);
    await journal.begin({ ...intent([share('a', 5, 0, 1, 10)]), receivedMs: 7 });
    await journal.end();
    for (let restart = 0; restart < 3; restart++) {
      const again = await StoreJournal.open(FOLDER, disk);
      expect(again.policy.decisions).toEqual([decision]);
      expect([...again.volumes.all()]).toEqual([['a', 10, 1_000, 7]]);
      await again.close();
    }
  });

  test('of version 1, of slices of a day that all shared, is read with what was open', async () => {
    const disk = new MemoryDisk();
    await disk.makeDirectory(FOLDER);
    const first = { tenant: 'a', retentionDays: 30, where: 'events', fromMs: 100, toMs: 200, docs: 7, bytes: 700 };
    const snapshot = {
      version: 1,
      through: 3,
      slices: [{ ...first, day: 5 }],
      paths: [],
      morePaths: false,
      open: null,
    };
    const begin = {
      kind: 'begin',
      number: 5,
      ranges: [{ partition: 1, from: 2, to: 3 }],
      slices: [{ ...first, day: 6 }],
      days: [6],
      paths: [['payload', 'number', 'status']],
      deadLettersFrom: 4,
    };
    const drop = { kind: 'drop', number: 4, where: 'events', retentionDays: 30, day: 5 };
    const lines = [drop, begin].map((line) => `${JSON.stringify(line)}\n`).join('');
    for (const [name, text] of [
      ['catalogue.json', JSON.stringify(snapshot)],
      ['journal.ndjson', lines],
    ] as const) {
      const file = await disk.open(`${FOLDER}/${name}`, 'create');
      await file.write([Buffer.from(text)], 0);
      await file.close();
    }
    for (let restart = 0; restart < 2; restart++) {
      const journal = await StoreJournal.open(FOLDER, disk);
      expect(journal.openIntent?.ranges).toEqual(begin.ranges);
      expect(journal.openIntent?.shares).toEqual([share('a', 6, 100, 200, 7)]);
      expect(days(journal, 'a', 0, 1_000)).toEqual([6]);
      expect(journal.paths.at({ root: 'payload', path: ['status'] })).toEqual(new Set(['number']));
      await journal.close();
    }
  });

  test('writes to a new file after a failed sync', async () => {
    let failing = false;
    const disk = new MemoryDisk({
      fault: ({ kind }) => (failing && kind === 'dataSync' ? { error: 'EIO' } : undefined),
    });
    const journal = await StoreJournal.open(FOLDER, disk);
    failing = true;
    await expect(journal.begin(intent([share('a', 5, 0, 1, 1)]))).rejects.toThrow('EIO');
    failing = false;
    await journal.begin(intent([share('a', 6, 0, 1, 1)]));
    const again = await StoreJournal.open(FOLDER, disk.afterCrash(keepNothing));
    expect(again.openIntent?.shares.map(({ slice }) => slice.start)).toEqual([6]);
  });

  test('says so where a line in the middle cannot be read', async () => {
    const disk = new MemoryDisk();
    const journal = await StoreJournal.open(FOLDER, disk);
    await journal.begin(intent([share('a', 5, 0, 1, 1)]));
    await journal.end();
    const file = await disk.open(`${FOLDER}/journal.ndjson`, 'write');
    await file.write([Buffer.from('#')], 0);
    await expect(StoreJournal.open(FOLDER, disk)).rejects.toHaveProperty('code', 'QUEUE_CORRUPT');
  });
});

describe('a power cut', () => {
  /** Begins and ends intents until the disk dies; how many events were promised, and maybe promised. */
  async function work(disk: MemoryDisk): Promise<{ certain: number; possible: number }> {
    let certain = 0;
    let possible = 0;
    try {
      const journal = await StoreJournal.open(FOLDER, disk);
      if (journal.openIntent !== undefined) await journal.end();
      certain = docsOf(journal);
      possible = certain;
      for (let i = 1; i <= 4; i++) {
        possible = certain + i;
        await journal.begin(intent([share('a', i, i, i, i)], [['payload', 'string', `p${i}`]]));
        certain = possible;
        await journal.end();
      }
    } catch (thrown) {
      if (disk.operations === 0) throw thrown;
    }
    return { certain, possible };
  }

  test('at any operation loses no intent that was begun and counts none twice', async () => {
    const whole = new MemoryDisk();
    await work(whole);
    const seed = Date.now() % 1_000_000;
    const random = new Random(seed).next;
    let crashes = 0;
    for (let operation = 1; operation <= whole.operations; operation++) {
      for (const crash of ['before', 'after'] as const) {
        const keeps = [keepNothing, keepEverything, keepBytes(17), keepAtRandom(random)];
        for (const keep of keeps) {
          const disk = new MemoryDisk({ fault: ({ number }) => (number === operation ? { crash } : undefined) });
          const { certain, possible } = await work(disk);
          const again = await StoreJournal.open(FOLDER, disk.afterCrash(keep));
          const open = again.openIntent?.shares.reduce((sum, { docs }) => sum + docs, 0) ?? 0;
          const found = docsOf(again) + open;
          expect([certain, possible], `${crash} operation ${operation}, seed ${seed}`).toContain(found);
          for (const { slice } of again.openIntent?.shares ?? [])
            expect(days(again, 'a', slice.start, slice.start + 1)).toEqual([slice.start]);
          crashes++;
        }
      }
    }
    console.info(`${crashes} power cuts at ${whole.operations} operations of the journal, seed ${seed}`);
    expect(whole.operations).toBeGreaterThan(20);
  });
});
