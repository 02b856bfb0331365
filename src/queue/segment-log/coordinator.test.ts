import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { values } from '../test-records.ts';
import { LocalCoordinator } from './coordinator.ts';
import { openTestLog, recordingLog } from './test-log.ts';

const AT = { topic: 'raw', partition: 0 };
const STATE = '/queue/.coordinator/state';
const open = (disk: MemoryDisk) => LocalCoordinator.open({ directory: '/queue', disk, log: recordingLog([]) });

/** A member of the group, and what it gets. */
async function joinAndHold(coordinator: LocalCoordinator, group = 'store') {
  await coordinator.raisePartitions({ raw: 1 });
  return coordinator.heartbeat(group, await coordinator.join(group, ['raw']));
}

describe('the coordinator', () => {
  it('never gives an epoch twice, also to callers at the same moment and after a restart', async () => {
    const disk = new MemoryDisk();
    const coordinator = await open(disk);
    const first = await Promise.all([1, 2, 3].map(() => coordinator.nextEpoch(AT)));
    const again = await open(disk);
    expect(new Set([...first, await again.nextEpoch(AT)]).size).toBe(4);
    expect(await again.nextEpoch({ topic: 'raw', partition: 1 })).toBe(1);
  });

  it('gives epochs past those of the segments where its own file was lost', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk });
    for (let i = 0; i < 3; i++) await (await log.queue.openWriter(AT)).append(values('a'));
    await log.close();
    await disk.remove(STATE);
    expect(await (await open(disk)).nextEpoch(AT)).toBe(4);
  });

  it('lets many commits share one sync', async () => {
    const disk = new MemoryDisk();
    const coordinator = await open(disk);
    await coordinator.raisePartitions({ raw: 100 });
    const held = await joinAndHold(coordinator);
    let syncs = 0;
    disk.options = {
      fault: ({ kind }) => {
        if (kind === 'dataSync') syncs++;
        return undefined;
      },
    };
    await Promise.all(held.map(({ generation, ...at }) => coordinator.commit('store', at, generation, at.partition)));
    expect(syncs).toBeLessThanOrEqual(2);
    const again = await open(disk);
    expect(await again.committed('store', { topic: 'raw', partition: 99 })).toBe(99);
  });

  it('answers with what is durable only', async () => {
    const coordinator = await open(new MemoryDisk());
    await joinAndHold(coordinator);
    const commit = coordinator.commit('store', AT, 1, 5);
    expect(await coordinator.committed('store', AT)).toBeUndefined();
    await commit;
    expect(await coordinator.committed('store', AT)).toBe(5);
  });

  it('stops after a sync that failed', async () => {
    const disk = new MemoryDisk();
    const coordinator = await open(disk);
    await joinAndHold(coordinator);
    disk.options = { fault: ({ kind }) => (kind === 'dataSync' ? { error: 'EIO' } : undefined) };
    await expect(coordinator.commit('store', AT, 1, 5)).rejects.toMatchObject({ code: 'QUEUE_PARTITION_STOPPED' });
    disk.options = {};
    await expect(coordinator.nextEpoch(AT)).rejects.toMatchObject({ code: 'QUEUE_PARTITION_STOPPED' });
  });

  it('refuses to begin with a file that does not match its checksum', async () => {
    const disk = new MemoryDisk();
    await (await open(disk)).join('store', ['raw']);
    disk.corrupt(STATE, (content) => {
      content[30] = (content[30] ?? 0) ^ 1;
      return content;
    });
    await expect(open(disk)).rejects.toMatchObject({ code: 'QUEUE_CORRUPT' });
  });

  it('takes group names that are members of every object', async () => {
    const disk = new MemoryDisk();
    for (const group of ['__proto__', 'constructor', 'toString']) {
      const coordinator = await open(disk);
      expect(await coordinator.committed(group, AT)).toBeUndefined();
      const [held] = await joinAndHold(coordinator, group);
      await coordinator.commit(group, AT, held?.generation ?? 0, 3);
      expect(await (await open(disk)).committed(group, AT)).toBe(3);
    }
  });
});
