import { describe, expect, it } from 'vitest';
import { SpillwayError } from '../../lib/errors.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { keepEverything, keepNothing } from '../../lib/memory-disk-crash.ts';
import { Random } from '../../lib/random.ts';
import { readAll, values } from '../test-records.ts';
import { openPartition } from './open-partition.ts';
import { openTestLog, recordingLog } from './test-log.ts';

const FOLDER = '/queue/raw/0';
const AT = { topic: 'raw', partition: 0 };

/** Opens the partition for all epochs at once, in an order of their operations that is drawn from the seed. */
async function openAtOnce(disk: MemoryDisk, epochs: readonly number[], random: Random) {
  const waiting: (() => void)[] = [];
  let open = epochs.length;
  const opened = epochs.map(async (epoch) => {
    const view = disk.view({ turn: () => new Promise((go) => waiting.push(go)) });
    try {
      return await openPartition(view, FOLDER, epoch, recordingLog([]));
    } catch (error) {
      if (error instanceof SpillwayError && error.code === 'QUEUE_FENCED') return undefined;
      throw error;
    } finally {
      open--;
    }
  });
  const all = Promise.all(opened);
  while (open > 0) {
    const index = random.below(waiting.length);
    const [go] = waiting.splice(index, 1);
    go?.();
    // Until everything that follows from it has settled.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return all;
}

describe('several who take a partition over at once', () => {
  it('end with the newest epoch as the owner, in any order of their operations', async () => {
    const seed = Date.now() % 1_000_000;
    for (let run = 0; run < 400; run++) {
      const random = new Random(seed + run);
      const disk = new MemoryDisk();
      const log = await openTestLog({ disk });
      const before = await log.queue.openWriter(AT);
      await before.append(values('kept'));
      const epochs = run % 2 === 0 ? [2, 3] : [2, 3, 4];
      const opened = await openAtOnce(disk, epochs, random);
      const newest = opened.at(-1);
      const where = `run ${run}, seed ${seed}`;
      expect(newest?.ownership.isLost(), where).toBe(false);
      for (const older of opened.slice(0, -1)) expect(older?.ownership.isLost() ?? true, where).toBe(true);
      // Whatever the others did, the folder is as the newest one found it.
      expect(newest?.nextOffset, where).toBe(1);
      const again = await openTestLog({ disk: disk.afterCrash(keepEverything) });
      await again.queue.openWriter(AT);
      expect(
        (await readAll(again.queue.openReader(AT), 0)).map(({ value }) => value),
        where,
      ).toEqual(['kept']);
      expect(
        disk.files().filter((name) => name.endsWith('.tmp')),
        where,
      ).toEqual([]);
    }
  });
});

describe('a folder whose maker was killed before it was synced', () => {
  it('is durable before anything in it is acknowledged', async () => {
    for (let killed = 1; killed < 30; killed++) {
      const disk = new MemoryDisk();
      const first = disk.view({ fault: ({ number }) => (number === killed ? { crash: 'before' } : undefined) });
      await openTestLog({ disk: first, directory: '/data/queue' })
        .then((log) => log.queue.openWriter(AT))
        .catch(() => undefined);
      // Another process, on the same page cache; then the power goes.
      const log = await openTestLog({ disk: disk.view(), directory: '/data/queue' });
      await (await log.queue.openWriter(AT)).append(values('acknowledged'));
      const after = await openTestLog({ disk: disk.afterCrash(keepNothing), directory: '/data/queue' });
      await after.queue.openWriter(AT);
      expect(await readAll(after.queue.openReader(AT), 0), `killed at ${killed}`).toMatchObject([
        { value: 'acknowledged' },
      ]);
    }
  });
});
