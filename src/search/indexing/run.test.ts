/** What an indexer leaves behind whose start fails. */
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
