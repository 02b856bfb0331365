import { describe, expect, it } from 'vitest';
import { lacks } from '../support/needs.ts';
import { OPERATION_KINDS } from './mood.ts';
import { runSeeds, type Sum } from './pool.ts';
import { describeFailure, describeSum } from './report.ts';
import { MIN_OPERATIONS, runSeed } from './run.ts';

const THREADS = 2;
/** Others may use the cores. */
const LONG_MS = 600_000;

async function simulate(seeds: number): Promise<{ readonly sum: Sum; readonly seconds: number }> {
  const startedMs = performance.now();
  const sum = await runSeeds({ fromSeed: 1, threads: THREADS, goOn: (begun) => begun < seeds });
  const seconds = (performance.now() - startedMs) / 1_000;
  expect(sum.failures.map(describeFailure).join('\n')).toBe('');
  console.info(describeSum(sum, seconds));
  expect(sum.seeds).toBe(seeds);
  expect(sum.fewestOperations).toBeGreaterThanOrEqual(MIN_OPERATIONS);
  expect(sum.fewestCrashes).toBeGreaterThanOrEqual(1);
  return { sum, seconds };
}

describe('the simulated queue', () => {
  it(
    'keeps its promises, whatever disk, clock and processes do',
    async () => {
      await simulate(500);
    },
    LONG_MS,
  );

  it('goes the same way again from the same seed', async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const [first, again] = [await runSeed(seed), await runSeed(seed)];
      expect(again.digest).toBe(first.digest);
      expect(again).toEqual(first);
      const lines: string[] = [];
      expect((await runSeed(seed, (line) => lines.push(line))).digest).toBe(first.digest);
      expect(lines.length).toBeGreaterThan(MIN_OPERATIONS);
    }
    expect((await runSeed(6)).digest).not.toBe((await runSeed(7)).digest);
  });
});

const LONG = { long: 'it takes two minutes', alone: 'it takes both cores' } as const;

describe.skipIf(lacks('the simulated queue, at length', LONG))('the simulated queue, at length', () => {
  it(
    'keeps its promises in 10,000 runs, with power cuts before and after every kind of operation',
    async () => {
      const { sum } = await simulate(10_000);
      for (const kind of OPERATION_KINDS) {
        const { operations, before, after } = sum.boundaries[kind];
        expect({ kind, isHit: operations > 0 && before > 0 && after > 0 }).toEqual({ kind, isHit: true });
      }
    },
    LONG_MS,
  );
});
