/** Runs seeds on several threads and adds up what they did. */
import { Worker } from 'node:worker_threads';
import { addBoundaries, type BoundaryCounts, noBoundaries } from './boundaries.ts';
import type { Mistake } from './mistakes.ts';
import type { RunResult } from './run.ts';

export interface PoolOptions {
  readonly fromSeed: number;
  /** Whether another seed is begun. */
  readonly goOn: (seedsBegun: number) => boolean;
  readonly threads: number;
  readonly mistake?: Mistake;
  readonly onResult?: (result: RunResult, sum: Readonly<Sum>) => void;
}

export interface Sum {
  seeds: number;
  lives: number;
  crashes: number;
  damages: number;
  records: number;
  operations: number;
  /** Of one seed. */
  fewestOperations: number;
  fewestCrashes: number;
  readonly boundaries: BoundaryCounts;
  readonly failures: RunResult[];
}

/** Ends at the first failure, or when there is nothing to go on with. */
export async function runSeeds(options: PoolOptions): Promise<Sum> {
  const { fromSeed, goOn, threads, mistake, onResult } = options;
  const sum: Sum = {
    seeds: 0,
    lives: 0,
    crashes: 0,
    damages: 0,
    records: 0,
    operations: 0,
    fewestOperations: Number.POSITIVE_INFINITY,
    fewestCrashes: Number.POSITIVE_INFINITY,
    boundaries: noBoundaries(),
    failures: [],
  };
  let begun = 0;
  const oneThread = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL('./seeds-worker.ts', import.meta.url), {
        workerData: mistake === undefined ? {} : { mistake },
      });
      const next = () => {
        if (sum.failures.length > 0 || !goOn(begun)) void worker.terminate().then(() => resolve());
        else worker.postMessage({ seed: fromSeed + begun++ });
      };
      worker.on('error', reject);
      worker.on('message', (result: RunResult) => {
        add(sum, result);
        onResult?.(result, sum);
        next();
      });
      next();
    });
  await Promise.all(Array.from({ length: threads }, oneThread));
  return sum;
}

function add(sum: Sum, result: RunResult): void {
  sum.seeds++;
  sum.lives += result.lives;
  sum.crashes += result.crashes;
  sum.damages += result.damages;
  sum.records += result.records;
  sum.operations += result.operations;
  addBoundaries(sum.boundaries, result.boundaries);
  if (result.failure !== undefined) sum.failures.push(result);
  else {
    sum.fewestOperations = Math.min(sum.fewestOperations, result.operations);
    sum.fewestCrashes = Math.min(sum.fewestCrashes, result.crashes);
  }
}
