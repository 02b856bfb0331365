import { expect, it } from 'vitest';
import { type LoggedLine, recordingLog } from '../segment-log/test-log.ts';
import type { Cluster } from './cluster.ts';
import { LogSizes } from './log-sizes.ts';

it('takes the largest replica of each partition, and says once that no broker tells sizes', async () => {
  const on = (sizes: readonly number[]) => ({
    results: [
      {
        topics: [
          { partitions: sizes.map((size, partitionIndex) => ({ partitionIndex, partitionSize: BigInt(size) })) },
        ],
      },
    ],
  });
  let answers = [on([5, 70]), on([50, 7])];
  const cluster = { topic: () => ({ leaders: [1, 2] }), askEach: async () => answers } as unknown as Cluster;
  const logged: LoggedLine[] = [];
  const sizes = new LogSizes(cluster, recordingLog(logged));
  expect([...(await sizes.of('raw'))]).toEqual([
    [0, 50],
    [1, 70],
  ]);
  expect(logged).toEqual([]);
  answers = [];
  for (const topic of ['raw', 'events', 'raw']) expect((await sizes.of(topic)).size).toBe(0);
  expect(logged).toMatchObject([{ level: 40, msg: expect.stringContaining('queue.maxSize') }]);
  answers = [on([1, 1])];
  await sizes.of('raw');
  answers = [];
  await sizes.of('raw');
  expect(logged).toHaveLength(2);
});
