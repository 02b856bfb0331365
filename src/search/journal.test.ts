import { describe, expect, test } from 'vitest';
import { MemoryDisk } from '../lib/memory-disk.ts';
import { keepAtRandom, keepBytes, keepEverything, keepNothing } from '../lib/memory-disk-crash.ts';
import { Random } from '../lib/random.ts';
import { type Intent, StoreJournal } from './journal.ts';
import type { Slice } from './slices.ts';

const FOLDER = '/journal';

function slice(tenant: string, day: number, fromMs: number, toMs: number, docs: number): Slice {
  return { tenant, day, retentionDays: 30, where: 'events', fromMs, toMs, docs, bytes: docs * 100 };
}

function intent(slices: readonly Slice[], paths: Intent['paths'] = []): Intent {
  return {
    ranges: [{ partition: 0, from: 0, to: 10 }],
    slices,
    days: slices.map(({ day }) => day),
    paths,
    deadLettersFrom: 0,
  };
}

function docsOf(journal: StoreJournal): number {
  return [...journal.catalogue.all()].reduce((sum, { docs }) => sum + docs, 0);
}

describe('the journal', () => {
  test('finds the open intent again, with its bounds and path types, after a restart', async () => {
    const disk = new MemoryDisk();
    const journal = await StoreJournal.open(FOLDER, disk);
    await journal.begin(intent([slice('a', 5, 100, 200, 7)], [['payload', 'number', 'status']]));
    const again = await StoreJournal.open(FOLDER, disk.afterCrash(keepNothing));
    expect(again.openIntent?.ranges).toEqual([{ partition: 0, from: 0, to: 10 }]);
    expect(again.catalogue.days('a', 150, 151)).toEqual([5]);
    expect(again.paths.at({ root: 'payload', path: ['status'] })).toEqual(new Set(['number']));
    expect(docsOf(again)).toBe(0);
  });

  test('counts the events of an intent when it has ended', async () => {
    const disk = new MemoryDisk();
    const journal = await StoreJournal.open(FOLDER, disk);
    await journal.begin(intent([slice('a', 5, 100, 200, 7)]));
    await journal.end();
    await journal.begin(intent([slice('a', 5, 150, 300, 3), slice('b', 5, 1, 2, 1)]));
    await journal.end();
    await journal.close();
    const again = await StoreJournal.open(FOLDER, disk);
    expect(again.openIntent).toBeUndefined();
    expect([...again.catalogue.all()]).toEqual([slice('a', 5, 100, 300, 10), slice('b', 5, 1, 2, 1)]);
  });

  test('a question touches only the slices whose true bounds it meets', async () => {
    const journal = await StoreJournal.open(FOLDER, new MemoryDisk());
    await journal.begin(intent([slice('a', 5, 100, 200, 1), slice('a', 6, 0, 500, 1), slice('b', 7, 0, 500, 1)]));
    expect(journal.catalogue.days('a', 0, 100)).toEqual([6]);
    expect(journal.catalogue.hasDaysBesides([6])).toBe(true);
    expect(journal.catalogue.days('a', 200, 201)).toEqual([5, 6]);
    expect(journal.catalogue.days('a', 501, 900)).toEqual([]);
    expect(journal.catalogue.days('nobody', 0, 900)).toEqual([]);
  });

  test('forgets dropped slices, also after a restart', async () => {
    const disk = new MemoryDisk();
    const journal = await StoreJournal.open(FOLDER, disk);
    await journal.begin(intent([slice('a', 5, 0, 1, 1), slice('b', 5, 0, 1, 1), slice('a', 6, 0, 1, 1)]));
    await journal.end();
    await journal.drop({ where: 'events', retentionDays: 30, day: 5 });
    const again = await StoreJournal.open(FOLDER, disk.afterCrash(keepNothing));
    expect([...again.catalogue.all()].map(({ tenant, day }) => [tenant, day])).toEqual([['a', 6]]);
    expect(again.catalogue.hasDaysBesides([6])).toBe(false);
  });

  test('writes to a new file after a failed sync', async () => {
    let failing = false;
    const disk = new MemoryDisk({
      fault: ({ kind }) => (failing && kind === 'dataSync' ? { error: 'EIO' } : undefined),
    });
    const journal = await StoreJournal.open(FOLDER, disk);
    failing = true;
    await expect(journal.begin(intent([slice('a', 5, 0, 1, 1)]))).rejects.toThrow('EIO');
    failing = false;
    await journal.begin(intent([slice('a', 6, 0, 1, 1)]));
    const again = await StoreJournal.open(FOLDER, disk.afterCrash(keepNothing));
    expect(again.openIntent?.days).toEqual([6]);
  });

  test('says so where a line in the middle cannot be read', async () => {
    const disk = new MemoryDisk();
    const journal = await StoreJournal.open(FOLDER, disk);
    await journal.begin(intent([slice('a', 5, 0, 1, 1)]));
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
        await journal.begin(intent([slice('a', i, i, i, i)], [['payload', 'string', `p${i}`]]));
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
          const open = again.openIntent?.slices.reduce((sum, { docs }) => sum + docs, 0) ?? 0;
          const found = docsOf(again) + open;
          expect([certain, possible], `${crash} operation ${operation}, seed ${seed}`).toContain(found);
          for (const { day } of again.openIntent?.slices ?? [])
            expect(again.catalogue.days('a', day, day + 1)).toEqual([day]);
          crashes++;
        }
      }
    }
    console.info(`${crashes} power cuts at ${whole.operations} operations of the journal, seed ${seed}`);
    expect(whole.operations).toBeGreaterThan(20);
  });
});
