/** Randomness of a run that can be made again: it prints its seed. */
import { Random } from '../../src/lib/random.ts';

const SEEDS = 1_000_000_000;

export function seededRandom(): Random {
  const seed = Number(process.env.SPILLWAY_TEST_SEED ?? Date.now() % SEEDS);
  console.info(`SPILLWAY_TEST_SEED=${seed}`);
  return new Random(seed);
}
