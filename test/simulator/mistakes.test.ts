import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lacks } from '../support/needs.ts';
import { MISTAKES } from './mistakes.ts';
import { runSeeds } from './pool.ts';

const ROOT = join(import.meta.dirname, '../..');
/** What it takes to be found: most are found within a few dozen, the rarest within two thousand. */
const SEEDS = 5_000;
const LONG_MS = 600_000;

describe('a planted mistake', () => {
  it.each(MISTAKES)('has its place in the source once: $name', ({ file, target }) => {
    expect(readFileSync(join(ROOT, file), 'utf8').split(target)).toHaveLength(2);
  });
});

const LONG = { long: 'it takes a minute', alone: 'it takes both cores' };

describe.skipIf(lacks('planted mistakes', LONG))('the simulator', () => {
  it.each(MISTAKES)(
    'finds that $name',
    async (mistake) => {
      const { seeds, failures } = await runSeeds({ fromSeed: 1, threads: 2, goOn: (begun) => begun < SEEDS, mistake });
      const [failed] = failures;
      console.info(`${mistake.name}: found after ${seeds} seeds: ${failed?.failure?.message.split('\n')[0]}`);
      expect(failed).toBeDefined();
    },
    LONG_MS,
  );
});
