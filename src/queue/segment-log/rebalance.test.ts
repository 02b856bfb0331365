import { describe, expect, it } from 'vitest';
import { GROUP_LIMITS, QUEUE_LIMITS } from '../../lib/limits.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { type AssignedPartition, offset } from '../port.ts';
import { TestMember } from '../test-records.ts';
import type { HeldPartition } from './consumer-group.ts';
import { type Coordinator, LocalCoordinator } from './coordinator.ts';
import { SegmentGroupMember } from './group-member.ts';
import { openTestLog, recordingLog } from './test-log.ts';

const raw = (partition: number) => ({ topic: 'raw', partition });
const TICK_MS = GROUP_LIMITS.tickMs;

async function openCoordinator(partitions: number, disk = new MemoryDisk()) {
  let nowMs = 0;
  const coordinator = await LocalCoordinator.open({
    directory: '/queue',
    disk,
    log: recordingLog([]),
    clock: { now: () => nowMs },
  });
  await coordinator.raisePartitions({ raw: partitions });
  const held = async (member: string) => {
    const found = await coordinator.heartbeat('store', member);
    return found.map(({ partition, revoked }) => (revoked ? `${partition} revoked` : String(partition)));
  };
  /** Lets time pass; those that are named say in every tick that they live. */
  const pass = async (ms: number, ...alive: string[]) => {
    for (const endMs = nowMs + ms; nowMs < endMs; ) {
      nowMs += TICK_MS;
      for (const member of alive) await coordinator.heartbeat('store', member);
      await coordinator.tick();
    }
  };
  const jump = async (ms: number) => {
    nowMs += ms;
    await coordinator.tick();
  };
  return { disk, coordinator, held, pass, jump, join: () => coordinator.join('store', ['raw']) };
}

describe('a group', () => {
  it('takes the partitions of a member that is silent for too long, and not before', async () => {
    const { coordinator, held, pass, join } = await openCoordinator(2);
    const [silent, alive] = [await join(), await join()];
    expect(await held(silent)).toEqual(['0', '1 revoked']);
    await pass(GROUP_LIMITS.sessionTimeoutMs - TICK_MS, alive);
    expect(await held(alive)).toEqual([]);
    await pass(GROUP_LIMITS.sessionTimeoutMs + TICK_MS, alive);
    expect(await held(alive)).toEqual(['0', '1']);
    await expect(held(silent)).rejects.toMatchObject({ code: 'QUEUE_FENCED' });
    await expect(coordinator.commit('store', raw(0), 1, 5)).rejects.toMatchObject({ code: 'QUEUE_FENCED' });
  });

  it('takes a partition that is not released for too long, and leaves its member the others', async () => {
    const { coordinator, held, pass, join } = await openCoordinator(2);
    const [slow, next] = [await join(), await join()];
    await pass(GROUP_LIMITS.revokeTimeoutMs, slow, next);
    expect(await held(next)).toEqual([]);
    await pass(2 * TICK_MS, slow, next);
    expect(await held(next)).toEqual(['1']);
    expect(await held(slow)).toEqual(['0']);
    await expect(coordinator.commit('store', raw(1), 1, 5)).rejects.toMatchObject({ code: 'QUEUE_FENCED' });
    await coordinator.commit('store', raw(0), 1, 5);
  });

  it('does not take its own sleep, or a clock that jumps, for the silence of its members', async () => {
    const { held, jump, join } = await openCoordinator(1);
    const member = await join();
    await jump(24 * 3_600_000);
    await jump(-24 * 3_600_000);
    await jump(24 * 3_600_000);
    expect(await held(member)).toEqual(['0']);
  });

  it('moves no more partitions than a member that joins has to get', async () => {
    const { coordinator, held, join } = await openCoordinator(9);
    const first = await join();
    const second = await join();
    expect((await held(first)).filter((text) => text.endsWith('revoked'))).toHaveLength(4);
    for (let partition = 5; partition < 9; partition++) await coordinator.release('store', raw(partition), 1);
    const third = await join();
    const [a, b] = [await held(first), await held(second)];
    expect([...a, ...b].filter((text) => text.endsWith('revoked'))).toHaveLength(3);
    expect(await held(third)).toEqual([]);
  });

  it('has limits of members, groups and topics, and says so', async () => {
    const { coordinator, join } = await openCoordinator(1);
    for (let i = 0; i < GROUP_LIMITS.membersPerGroup; i++) await join();
    await expect(join()).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    for (let i = 1; i < GROUP_LIMITS.groups; i++) await coordinator.join(`g${i}`, ['raw']);
    await expect(coordinator.join('one-more', ['raw'])).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    await coordinator.join('g1', ['raw']);
    const topics = Array.from({ length: GROUP_LIMITS.topicsPerMember + 1 }, (_, i) => `t${i}`);
    await expect(coordinator.join('g2', topics)).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
  });

  it('assigns what a full disk refused when there is room again', async () => {
    const { coordinator, disk, held, pass, join } = await openCoordinator(2);
    const first = await join();
    const second = await join();
    disk.options = { capacityBytes: 0 };
    await coordinator.release('store', raw(1), 1);
    expect(await held(second)).toEqual([]);
    disk.options = {};
    await pass(TICK_MS, first, second);
    expect(await held(second)).toEqual(['1']);
  });

  it('never gives a generation twice, also after a restart', async () => {
    const disk = new MemoryDisk();
    const generations = new Set<number>();
    for (let life = 0; life < 5; life++) {
      const { coordinator, join } = await openCoordinator(1, disk);
      for (let i = 0; i < 3; i++) {
        const member = await join();
        for (const { generation } of await coordinator.heartbeat('store', member)) generations.add(generation);
        await coordinator.leave('store', member);
      }
    }
    expect(generations.size).toBe(15);
  });
});

describe('partitions that are added', () => {
  it('are not assigned before their barrier is known and passed', async () => {
    const log = await openTestLog({ disk: new MemoryDisk() });
    const store = await TestMember.join(log.queue, 'store');
    await log.coordinator.raisePartitions({ raw: 4 });
    expect(log.queue.layout('raw')).toEqual({ partitions: 4, firstPartitions: 2, unbarred: [2] });
    await store.commit(raw(0), 10);
    await store.commit(raw(1), 10);
    await log.queue.heartbeat();
    expect(store.keys).toEqual(['raw/0', 'raw/1']);
    await log.queue.registerBarrier('raw', [10, 12, 0, 0].map(offset));
    await log.queue.heartbeat();
    expect(store.keys).toEqual(['raw/0', 'raw/1']);
    await store.commit(raw(1), 11);
    await log.queue.heartbeat();
    expect(store.keys).toEqual(['raw/0', 'raw/1']);
    await store.commit(raw(1), 12);
    await log.queue.heartbeat();
    expect(store.keys).toEqual(['raw/0', 'raw/1', 'raw/2', 'raw/3']);
    await log.close();
  });

  it('wait for each group by itself, also for one that comes later, and after a restart', async () => {
    const log = await openTestLog({ disk: new MemoryDisk() });
    const store = await TestMember.join(log.queue, 'store');
    for (const partition of [0, 1]) await store.commit(raw(partition), 5);
    await log.coordinator.raisePartitions({ raw: 3 });
    await log.queue.registerBarrier('raw', [5, 5, 0].map(offset));
    await log.queue.heartbeat();
    expect(store.keys).toContain('raw/2');
    await log.reopen();
    const archive = await TestMember.join(log.queue, 'archive');
    expect(archive.keys).toEqual(['raw/0', 'raw/1']);
    expect((await TestMember.join(log.queue, 'store')).keys).toEqual(['raw/0', 'raw/1', 'raw/2']);
    await log.close();
  });

  it('keep their first barrier, and each addition has its own', async () => {
    const log = await openTestLog({ disk: new MemoryDisk() });
    await log.queue.prepare();
    await log.coordinator.raisePartitions({ raw: 3 });
    await log.coordinator.raisePartitions({ raw: 4 });
    await log.queue.registerBarrier('raw', [1, 1, 0].map(offset));
    expect(log.queue.layout('raw').unbarred).toEqual([3]);
    await log.queue.registerBarrier('raw', [9, 9, 2, 0].map(offset));
    expect(log.queue.layout('raw').unbarred).toEqual([]);
    const store = await TestMember.join(log.queue, 'store');
    for (const partition of [0, 1]) await store.commit(raw(partition), 1);
    await log.queue.heartbeat();
    expect(store.keys).toEqual(['raw/0', 'raw/1', 'raw/2']);
    for (const partition of [0, 1]) await store.commit(raw(partition), 9);
    await store.commit(raw(2), 2);
    await log.queue.heartbeat();
    expect(store.keys).toEqual(['raw/0', 'raw/1', 'raw/2', 'raw/3']);
    await log.close();
  });

  it('stay when the configuration has fewer, and are refused past the limit', async () => {
    const disk = new MemoryDisk();
    const topics = (partitions: number) => ({ raw: { partitions, compression: 'none' } }) as const;
    for (const [configured, there] of [
      [2, 2],
      [3, 3],
      [1, 3],
    ] as const) {
      const log = await openTestLog({ disk, topics: topics(configured) });
      await log.queue.prepare();
      expect(log.queue.partitionCount('raw')).toBe(there);
      await log.close();
    }
    const log = await openTestLog({ disk, topics: topics(3) });
    await log.queue.prepare();
    await expect(log.coordinator.raisePartitions({ raw: QUEUE_LIMITS.partitionsPerTopic + 1 })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    for (let i = 1; i < GROUP_LIMITS.additions; i++) await log.coordinator.raisePartitions({ raw: 3 + i });
    await expect(log.coordinator.raisePartitions({ raw: 1_000 })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await log.close();
  });
});

describe('a member', () => {
  it('does not begin again what it has released, when an answer from before comes late', async () => {
    const begun: AssignedPartition[] = [];
    const released: number[] = [];
    let answer: readonly HeldPartition[] = [{ ...raw(0), generation: 1, revoked: false }];
    const coordinator = {
      join: async () => 'store-1',
      heartbeat: async () => answer,
      release: async (_group: string, _at: object, generation: number) => void released.push(generation),
    } as unknown as Coordinator;
    const member = await SegmentGroupMember.join({
      group: 'store',
      topics: ['raw'],
      coordinator,
      log: recordingLog([]),
      onAssigned: (assigned) => void begun.push(assigned),
      onLeft: () => {},
    });
    await member.refresh();
    await begun[0]?.release();
    await member.refresh();
    expect(begun).toHaveLength(1);
    // It may have got lost on the way.
    expect(released).toEqual([1, 1]);
    answer = [{ ...raw(0), generation: 2, revoked: false }];
    await member.refresh();
    expect(begun.map(({ generation }) => generation)).toEqual([1, 2]);
  });
});
