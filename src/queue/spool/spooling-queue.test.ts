import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createLog } from '../../lib/log.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import type { Queue } from '../port.ts';
import { values } from '../test-records.ts';
import { SpoolingQueue } from './spooling-queue.ts';
import { IdempotentPartition, PartitionDirectWriter } from './testing/idempotent-partition.ts';

const log = createLog('test', 'fatal');
const disk = new MemoryDisk();
const directory = '/';

/** A queue of so many partitions, of which this is the last one. */
async function open(partition: IdempotentPartition, partitions: number) {
  const queue: Partial<Queue> = {
    partitionCount: () => partitions,
    layout: () => ({ partitions, firstPartitions: partitions, unbarred: [] }),
    openWriter: async () => new PartitionDirectWriter(partition),
    close: async () => {},
  };
  const spooling = await SpoolingQueue.open({
    ...{ queue: queue as Queue, directory, topics: ['raw'], log, disk, spoolAfterMs: 1 },
  });
  return { spooling, writer: await spooling.openWriter({ topic: 'raw', partition: partitions - 1 }) };
}

it('what went from the log of this machine to a partition that the queue was given since is not sent again by the next process', async () => {
  const last = new IdempotentPartition();
  await (await open(new IdempotentPartition(), 2)).spooling.close();
  const { spooling, writer } = await open(last, 4);
  last.isPaused = true;
  const appended = writer.append(values('kept'));
  await expect.poll(() => spooling.spooling).toBe(1);
  await appended;
  last.isPaused = false;
  await expect.poll(() => spooling.spooling).toBe(0);
  await spooling.close();
  expect(last.texts).toEqual(['kept']);

  // As on another cluster, which cannot know what it had before.
  const other = new IdempotentPartition();
  const next = await open(other, 4);
  for (let turn = 0; turn < 50; turn++) await nextTurn();
  expect([next.spooling.spooling, other.texts]).toEqual([0, []]);
  await next.spooling.close();
});
