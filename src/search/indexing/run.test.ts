/** What an indexer leaves behind whose start, or whose insert, fails. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { AssignedPartition } from '../../queue/port.ts';
import type { Intake } from './intake.ts';
import { IndexerRun, type RunParts } from './run.ts';

it('nothing goes on where a partition cannot be begun, as where a stop comes while the start is held up', async () => {
  const closed: string[] = [];
  const assigned = [0, 1].map((partition) => ({ partition, isLost: false, revoked: new AbortController().signal }));
  const parts = {
    membership: { look: () => assigned },
    open: async ({ partition }: AssignedPartition) => {
      if (partition === 1) throw new Error('stopped');
      return { close: async () => void closed.push('the partition that was begun') } as Intake;
    },
    close: async () => void closed.push('all else'),
  };
  await expect(new IndexerRun(parts as unknown as RunParts).begin()).rejects.toThrow('stopped');
  expect(closed).toEqual(['the partition that was begun', 'all else']);
});

it('what an insert did not store is not committed, whatever the loop does when it fails', async () => {
  const failing = Promise.withResolvers<never>();
  const committed: number[] = [];
  const builder = {
    isFull: false,
    isEmpty: true,
    rows: 0,
    isShared: false,
    finish: async () => {
      builder.isEmpty = true;
      return { rows: 1, newestReceivedMs: 0 };
    },
  };
  let [isTaken, hasBegun] = [false, false];
  const intake = {
    nextOffset: 1,
    wait: async () => {},
    close: async () => {},
    fill: async () => {
      if (!isTaken) {
        isTaken = true;
        builder.isEmpty = false;
        return true;
      }
      if (!hasBegun) return false;
      // The insert fails while the queue is asked for more, and there is none.
      failing.reject(new Error('killed'));
      for (let i = 0; i < 5; i++) await turn();
      return false;
    },
  };
  const assigned = { partition: 0, isLost: false, revoked: new AbortController().signal };
  const silent = () => {};
  const parts = {
    membership: { look: () => (isTaken ? [] : [assigned]), changed: async () => {} },
    open: async () => intake,
    inserter: {
      insert: () => {
        hasBegun = true;
        return failing.promise;
      },
      catchUp: { untilDueMs: Number.POSITIVE_INFINITY },
      positions: { passed: async (_: number, next: number) => void committed.push(next) },
    },
    builder,
    keeper: { isFresh: true },
    trouble: { watch: (work: () => Promise<void>) => work() },
    log: { error: silent, warn: silent },
    signal: new AbortController().signal,
    close: async () => {},
  };
  await expect(new IndexerRun(parts as unknown as RunParts).untilStopped()).rejects.toThrow('killed');
  expect(hasBegun).toBe(true);
  expect(committed).toEqual([]);
});
