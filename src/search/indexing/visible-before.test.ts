import { describe, expect, test, vi } from 'vitest';
import { encodeProgress, PROGRESS_KEY } from '../../event/progress.ts';
import { readBatchHeader } from '../../event/record-batch.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import { offset, type Queue, type StoredBatch } from '../../queue/port.ts';
import { type LoggedLine, recordingLog } from '../../queue/segment-log/test-log.ts';
import { batchOf } from '../../queue/test-records.ts';
import { Completeness } from './completeness.ts';
import { askVisible, visibleBefore } from './visible-before.ts';

const marker = (rawOffset: number) =>
  encodeProgress({ version: 1, rawOffset, receivedTo: 1_000 + rawOffset, ledger: [] }).toString();

/** A partition of `events` with batches at these offsets, each of an event and its marker, and nobody's records between. */
function partitionOf(batches: Readonly<Record<number, number>>, end: number, earliest = 0) {
  const kept = Object.entries(batches).map(([at, rawOffset]): StoredBatch => {
    const bytes = batchOf([{ value: '{}' }, { value: marker(rawOffset), key: PROGRESS_KEY }]);
    bytes.writeBigInt64BE(BigInt(at), 0);
    const { recordCount = 0, maxTimestampMs = 0 } = readBatchHeader(bytes) ?? {};
    return { baseOffset: offset(Number(at)), nextOffset: offset(Number(at) + 2), recordCount, maxTimestampMs, bytes };
  });
  let reads = 0;
  const reader = {
    earliestOffset: async () => earliest,
    waitFor: async () => {},
    read: async (from: number) => {
      reads++;
      const batch = kept.find(({ nextOffset }) => nextOffset > from);
      return { batches: batch === undefined ? [] : [batch], nextOffset: batch?.nextOffset ?? Math.max(from, end) };
    },
    close: async () => {},
  };
  const queue = { openReader: () => reader } as unknown as Queue;
  return {
    queue,
    visibleAt: (from: number, committed?: number) => {
      const { signal } = new AbortController();
      return visibleBefore({ queue, processed: async () => committed, signal }, 0, from);
    },
    get reads() {
      return reads;
    },
  };
}

describe('what is visible before an offset', () => {
  test('is what the last marker says, over any number of takeovers, in few reads', async () => {
    for (const takeovers of [0, 1, 2, 3, 100, 5_000]) {
      const partition = partitionOf({ 0: 1, 2: 5 }, 4 + takeovers);
      expect(await partition.visibleAt(4 + takeovers)).toMatchObject({ rawOffset: 5, receivedTo: 1_005 });
      expect(partition.reads).toBeLessThan(40);
    }
  });

  test('is not what a marker says that is not committed', async () => {
    const { visibleAt } = partitionOf({ 0: 1, 2: 5, 6: 9 }, 8);
    expect(await visibleAt(3)).toMatchObject({ rawOffset: 1 });
    expect(await visibleAt(4)).toMatchObject({ rawOffset: 5 });
    expect(await visibleAt(6)).toMatchObject({ rawOffset: 5 });
  });

  test('is what the processors have committed, where retention has removed all markers and nothing waits', async () => {
    expect(await partitionOf({}, 12, 12).visibleAt(12, 40)).toEqual({ rawOffset: 40, receivedTo: 0 });
    expect(await partitionOf({}, 12, 12).visibleAt(3, 40)).toEqual({ rawOffset: 40, receivedTo: 0 });
    expect(await partitionOf({}, 12, 5).visibleAt(12, 40)).toEqual({ rawOffset: 40, receivedTo: 0 });
    expect(await partitionOf({ 13: 7 }, 15, 12).visibleAt(12, 40)).toBeUndefined();
    expect(await partitionOf({}, 12, 12).visibleAt(12)).toBeUndefined();
  });

  test('is not looked for without end', async () => {
    const far = QUEUE_LIMITS.lookBackOffsets + 10;
    expect(await partitionOf({ 0: 1 }, far).visibleAt(far)).toBeUndefined();
    expect(await partitionOf({ 0: 1 }, far).visibleAt(far, 3)).toEqual({ rawOffset: 3, receivedTo: 0 });
  });
});

test('what is visible is asked until it is known, also where the partition cannot be read for long', async () => {
  const partition = partitionOf({ 0: 5 }, 2);
  let failures = 1;
  const queue = {
    openReader: () => {
      if (failures-- > 0) throw new SpillwayError('QUEUE_UNREACHABLE', 'no broker answers');
      return partition.queue.openReader({ topic: 'events', partition: 0 });
    },
  } as unknown as Queue;
  const completeness = new Completeness(
    () => 1,
    () => undefined,
  );
  const logged: LoggedLine[] = [];
  const { signal } = new AbortController();
  const parts = { queue, processed: async () => undefined, completeness, log: recordingLog(logged), signal };
  const asked = askVisible(parts, 0, 2);
  await vi.waitFor(() => expect(logged).toHaveLength(1));
  expect(completeness.toMs()).toBe(0);
  await asked;
  expect(completeness.toMs()).toBe(1_005);
});
