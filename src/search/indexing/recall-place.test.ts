import { expect, test } from 'vitest';
import { createLog } from '../../lib/log.ts';
import { type AssignedPartition, offset, type PartitionReader, type Queue, type ReadResult } from '../../queue/port.ts';
import { values } from '../../queue/test-records.ts';
import type { SearchWriter, StoredRow } from '../port.ts';
import { recallPlace } from './recall-place.ts';

const AT = 4_999;
const RECEIVED_MS = 1_700_000_000_000;

/** Where the store goes on, and what it commits then, in a partition that begins and ends there. */
async function recall(earliest: number, end: number, found: Partial<ReadResult>, lastRow?: StoredRow) {
  const reader = {
    earliestOffset: async () => offset(earliest),
    endOffset: async () => offset(end),
    read: async () => ({ batches: [], nextOffset: offset(end), endOffset: offset(end), ...found }),
    close: async () => {},
  } as unknown as PartitionReader;
  const queue = { openReader: () => reader } as unknown as Queue;
  const writer = { ...(lastRow && { lastRow: async () => lastRow }) } as unknown as SearchWriter;
  const committed: number[] = [];
  const assigned = { partition: 0, commit: async (position: number) => void committed.push(position) };
  const parts = { queue, writer, log: createLog('test', 'silent') };
  return { next: await recallPlace(parts, assigned as unknown as AssignedPartition), committed };
}

function holding(receivedMs: number): Partial<ReadResult> {
  const bytes = values(JSON.stringify({ received: receivedMs }));
  bytes.writeBigInt64BE(BigInt(AT), 0);
  const about = { baseOffset: offset(AT), nextOffset: offset(AT + 1), recordCount: 1, maxTimestampMs: 0 };
  return { batches: [{ ...about, bytes }] };
}

const row = { offset: AT, receivedMs: RECEIVED_MS };

test('a store goes on after the last event in its index, also where retention has removed that, or it cannot be read', async () => {
  expect(await recall(0, 6_100, holding(RECEIVED_MS), row)).toEqual({ next: 5_000, committed: [5_000] });
  expect(await recall(5_000, 6_100, {}, row)).toEqual({ next: 5_000, committed: [5_000] });
  expect(await recall(6_000, 6_100, {}, row)).toEqual({ next: 6_000, committed: [6_000] });
  const corrupt = [{ file: '', position: 0, fromOffset: offset(4_990), nextOffset: offset(5_010) }];
  expect(await recall(0, 6_100, { corrupt }, row)).toEqual({ next: 5_000, committed: [5_000] });
});

test('it begins at the oldest record where its index says nothing of this queue', async () => {
  expect(await recall(40, 6_100, holding(RECEIVED_MS + 1), row)).toEqual({ next: 40, committed: [] });
  expect(await recall(40, AT, {}, row)).toEqual({ next: 40, committed: [] });
  expect(await recall(40, 6_100, {})).toEqual({ next: 40, committed: [] });
});
