/** Sources that move while several collectors append, in memory, from a seed. SPILLWAY_TEST_SEED runs one seed again. */
import { describe, expect, it } from 'vitest';
import type { Mistake } from './moves-collector.ts';
import { MovesWorld } from './moves-world.ts';

const named = process.env.SPILLWAY_TEST_SEED;
const FIRST_SEED = named === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(named);
const SEEDS = named === undefined ? 25 : 1;

async function brokenBy(seed: number, mistake?: Mistake): Promise<{ broken: string | undefined; fences: number }> {
  const world = new MovesWorld(seed, mistake);
  await world.run();
  return world;
}

describe('sources that several collectors move to added partitions', () => {
  it('are read in their order, whoever stands still, dies and begins again', async () => {
    let fences = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const world = await brokenBy(seed);
      expect(world.broken, `seed ${seed}`).toBeUndefined();
      fences += world.fences;
    }
    // Else those that stood still were never in the way.
    if (named === undefined) expect(fences).toBeGreaterThan(0);
  }, 60_000);

  // Each from a seed on that shows it.
  it.each<[Mistake, number]>([
    ['append before the barrier', 9],
    ['fence nobody', 77],
    ['say it too soon', 1],
  ])(
    'are not, and that is seen, if processes %s',
    async (mistake, from) => {
      let found: string | undefined;
      for (let seed = from; seed < from + 300 && found?.includes('would be next') !== true; seed++) {
        found = (await brokenBy(seed, mistake)).broken;
      }
      expect(found ?? '').toContain('would be next');
    },
    60_000,
  );
});
