import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { keepAtRandom, keepBytes, keepEverything, keepNothing } from '../../lib/memory-disk-crash.ts';
import { Random } from '../../lib/random.ts';
import { values } from '../test-records.ts';
import { AT, crashAt } from './crash-model.ts';
import { openTestLog } from './test-log.ts';

/** Seconds on a free machine; others may use its cores. */
const LONG_MS = 180_000;

describe('a power cut', () => {
  it(
    'loses nothing that was acknowledged, at every operation of the disk',
    async () => {
      const total = await crashAt(Number.POSITIVE_INFINITY, 'before', keepEverything);
      const seed = Date.now() % 1_000_000;
      let crashes = 0;
      for (let operation = 1; operation <= total; operation++) {
        for (const when of ['before', 'after'] as const) {
          const random = new Random(seed * 10_000 + operation).next;
          const keeps = { keepNothing, keepEverything, random1: keepAtRandom(random), random2: keepAtRandom(random) };
          for (const [name, keep] of Object.entries(keeps)) {
            await crashAt(operation, when, keep).catch((cause: unknown) => {
              throw new Error(`crash ${when} operation ${operation}, ${name}, seed ${seed}`, { cause });
            });
            crashes++;
          }
        }
      }
      console.info(`${crashes} power cuts at ${total} operations, seed ${seed}`);
      expect(total).toBeGreaterThan(150);
    },
    LONG_MS,
  );

  it('leaves whole batches of a group that was torn at any byte, and keeps the cut bytes aside', async () => {
    const group = ['one', 'two', 'three'].map((text) => values(text.repeat(9)));
    const groupBytes = group.reduce((sum, { length }) => sum + length, 0);
    let cuts = 0;
    for (let bytes = 0; bytes <= groupBytes; bytes++) {
      const disk = new MemoryDisk();
      const log = await openTestLog({ disk });
      const writer = await log.queue.openWriter(AT);
      await writer.append(values('durable'));
      const path = disk.files().find((name) => name.endsWith('.log')) ?? '';
      disk.options = { fault: ({ kind }) => (kind === 'dataSync' ? { crash: 'before' } : undefined) };
      await Promise.allSettled(group.map((batch) => writer.append(Buffer.from(batch))));
      const written = disk.content(path);
      const found = disk.afterCrash(keepBytes(bytes));
      const again = await openTestLog({ disk: found });
      const { nextOffset } = await again.queue.openWriter(AT);
      const whole = group.filter((_, i) => bytes >= group.slice(0, i + 1).reduce((sum, { length }) => sum + length, 0));
      const keptBytes = whole.reduce((sum, { length }) => sum + length, 0);
      const start = written.length - groupBytes;
      expect(found.content(path).length).toBe(start + keptBytes);
      const torn = found.files().filter((name) => name.includes('.torn-'));
      if (bytes > keptBytes) {
        expect(torn).toEqual([`${path.slice(0, -4)}.torn-${start + keptBytes}`]);
        expect(found.content(torn[0] ?? '')).toEqual(written.subarray(start + keptBytes, start + bytes));
        expect(again.logged.at(-1)?.msg).toContain('cut a torn tail');
        // An offset that the cut bytes might have had is not given again.
        expect(nextOffset).toBeGreaterThan(1 + whole.length);
        cuts++;
      } else {
        expect(torn).toEqual([]);
        expect(nextOffset).toBe(1 + whole.length);
      }
      await again.close();
    }
    console.info(`${cuts} torn tails, one for every byte of the last group`);
  });
});
