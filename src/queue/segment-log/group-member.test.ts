/** What a member of a group waits for before it takes anything over. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import type { AssignedPartition, GroupMember } from '../port.ts';
import { openTestLog, type TestLog } from './test-log.ts';

const never = new AbortController().signal;

let log: TestLog;
let member: GroupMember;
let assigned: AssignedPartition[];
beforeEach(async () => {
  log = await openTestLog({ disk: new MemoryDisk() });
  assigned = [];
  member = await log.queue.joinGroup('processor', { topics: ['raw'], onAssigned: (one) => assigned.push(one) });
  await log.queue.heartbeat();
  expect(assigned).toHaveLength(2);
});
afterEach(() => log.close());

it('a partition is confirmed by a question of its own: nobody need beat meanwhile', async () => {
  for (const one of assigned) await one.confirmed(never);
  expect(assigned.some(({ revoked }) => revoked.aborted)).toBe(false);
});

it('nobody waits for a partition of a member that has left, nor for one whose coordinator says nothing any more', async () => {
  const [one, other] = assigned;
  log.coordinator.heartbeat = () => new Promise(() => {});
  const ending = new AbortController();
  const waiting = [one?.confirmed(never), other?.confirmed(ending.signal)];
  ending.abort();
  await waiting[1];
  await member.leave();
  await waiting[0];
  await one?.confirmed(never);
  expect(one?.isLost).toBe(true);
});
