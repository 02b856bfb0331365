/**
 * Runs the simulator of the embedded queue.
 *   npm run simulate                  10,000 seeds
 *   npm run simulate -- --for 8h      new seeds for so long (s, m, h)
 *   npm run simulate -- --seed 42     one seed, with everything that happens
 *   --seeds N, --from N, --threads N  how many, from which one on, on how many threads
 */
import { parseArgs } from 'node:util';
import { parseDuration } from '../src/lib/units.ts';
import { runSeeds } from '../test/simulator/pool.ts';
import { describeFailure, describeSum } from '../test/simulator/report.ts';
import { runSeed } from '../test/simulator/run.ts';

const SAY_EVERY_MS = 30_000;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    for: { type: 'string' },
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string' },
    threads: { type: 'string', default: '2' },
  },
});
process.exitCode = values.seed === undefined ? await many() : await one(Number(values.seed));

async function one(seed: number): Promise<number> {
  const result = await runSeed(seed, (line) => console.log(line));
  console.log(
    result.failure === undefined ? `seed ${seed}: nothing is wrong, ${result.digest}` : describeFailure(result),
  );
  return result.failure === undefined ? 0 : 1;
}

async function many(): Promise<number> {
  const forMs = values.for === undefined ? undefined : parseDuration(values.for);
  if (values.for !== undefined && forMs === undefined)
    throw new Error(`--for ${values.for}: use a duration such as 8h`);
  // A long run looks where nobody has looked yet.
  const fromSeed = Number(values.from ?? (forMs === undefined ? 1 : Date.now() % 1_000_000_000));
  const startedMs = performance.now();
  const seconds = () => (performance.now() - startedMs) / 1_000;
  let saidMs = startedMs;
  console.log(`from seed ${fromSeed} on`);
  const sum = await runSeeds({
    fromSeed,
    threads: Number(values.threads),
    goOn: (begun) => (forMs === undefined ? begun < Number(values.seeds) : performance.now() - startedMs < forMs),
    onResult: (_, { seeds, crashes }) => {
      if (performance.now() - saidMs < SAY_EVERY_MS) return;
      saidMs = performance.now();
      console.log(`${seeds} seeds, ${crashes} power cuts, ${Math.round(seconds())} s`);
    },
  });
  for (const failed of sum.failures) console.log(describeFailure(failed));
  console.log(describeSum(sum, seconds()));
  return sum.failures.length === 0 ? 0 : 1;
}
