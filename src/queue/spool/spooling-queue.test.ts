import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { GROUP_LIMITS } from '../../lib/limits.ts';
import { createLog } from '../../lib/log.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import type { Queue } from '../port.ts';
import { values } from '../test-records.ts';
import { SpoolingQueue } from './spooling-queue.ts';
import { IdempotentPartition, PartitionDirectWriter } from './testing/idempotent-partition.ts';

const log = createLog('test', 'fatal');

function openQueue(
  partition: IdempotentPartition,
  partitionCount: () => number,
  disk: MemoryDisk,
): Promise<SpoolingQueue> {
  const queue: Partial<Queue> = {
    partitionCount,
    layout: () => ({ partitions: partitionCount(), firstPartitions: partitionCount(), unbarred: [] }),
    openWriter: async () => new PartitionDirectWriter(partition),
    close: async () => {},
  };
  return SpoolingQueue.open({ queue: queue as Queue, directory: '/', topics: ['raw'], log, disk, spoolAfterMs: 1 });
}

/** A queue of so many partitions, of which this is the last one. */
async function open(partition: IdempotentPartition, partitions: number, disk: MemoryDisk) {
  const spooling = await openQueue(partition, () => partitions, disk);
  return { spooling, writer: await spooling.openWriter({ topic: 'raw', partition: partitions - 1 }) };
}

it('what went from the log of this machine to a partition that the queue was given since is not sent again by the next process', async () => {
  const disk = new MemoryDisk();
  const last = new IdempotentPartition();
  await (await open(new IdempotentPartition(), 2, disk)).spooling.close();
  const { spooling, writer } = await open(last, 4, disk);
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
  const next = await open(other, 4, disk);
  for (let turn = 0; turn < 50; turn++) await nextTurn();
  expect([next.spooling.spooling, other.texts]).toEqual([0, []]);
  await next.spooling.close();
});

it('follows a queue that is given more partitions, one after another, than its own log may be raised times', async () => {
  const disk = new MemoryDisk();
  const partition = new IdempotentPartition();
  let partitions = 4;
  const spooling = await openQueue(partition, () => partitions, disk);
  partitions += GROUP_LIMITS.additions + 10;
  for (let added = 4; added < partitions; added++) await spooling.openWriter({ topic: 'raw', partition: added });
  await spooling.close();
  await (await openQueue(partition, () => partitions, disk)).close();
});
