import { expect, test } from 'vitest';
import { sampleEvent } from '../../../test/support/sample-events.ts';
import { TOPICS } from '../../event/topics.ts';
import { systemClock } from '../../lib/clock.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import type { Queue } from '../../queue/port.ts';
import { type LoggedLine, openTestLog, recordingLog } from '../../queue/segment-log/test-log.ts';
import { values } from '../../queue/test-records.ts';
import type { Range, StoreJournal } from '../journal.ts';
import { type DocumentBatch, DocumentBlock } from '../opensearch/document-block.ts';
import { sharedPolicy } from '../policy/slice-policy.ts';
import type { PolicyLog, SearchWriter } from '../port.ts';
import { DEFAULT_RETENTION } from '../slices.ts';
import type { DeadLetters } from './dead-letters.ts';
import { Inserter } from './inserter.ts';
import type { Membership } from './membership.ts';
import { MissingRows } from './missing-rows.ts';
import { StoreTrouble } from './trouble.ts';
import { WaitingEvents } from './waiting.ts';

const at = { topic: TOPICS.events, partition: 0 };

/** A store that shares its index, in which there are rows of these offsets. */
function storeOn(queue: Queue, hasRow: (offset: number) => boolean) {
  const inserted: number[] = [];
  const committed: number[] = [];
  const lost: number[] = [];
  const logged: LoggedLine[] = [];
  const log = recordingLog(logged);
  const rowsIn = ({ from, to }: Range) =>
    Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i).filter(hasRow);
  const writer = {
    shared: {
      hasRows: async () => true,
      lastOffset: async (range: Range) => rowsIn(range).at(-1),
      foundOffsets: async (range: Range) => new Set(rowsIn(range)),
    },
    visibleOffsets: async (range: Range) => new Set(rowsIn(range)),
    createBlock: () => new DocumentBlock({ origin: '', indexOf: () => 'slice', lacks: () => false }),
    insert: async (batch: DocumentBatch) => {
      inserted.push(...batch.rows.map(({ record }) => record.offset));
      return { refused: [], waiting: [] };
    },
    settleRange: async () => {},
  } as unknown as SearchWriter;
  const journal = { paths: { unknown: () => [] }, begin: async () => {}, end: async () => {} };
  const policy = { version: 1, at: () => sharedPolicy(DEFAULT_RETENTION) };
  const membership = { commit: async (_: number, position: number) => void committed.push(position) };
  const { signal } = new AbortController();
  const waiting = new WaitingEvents({ policy: () => sharedPolicy(DEFAULT_RETENTION), clock: systemClock });
  const inserter = new Inserter({
    writer,
    journal: journal as unknown as StoreJournal,
    policyLog: { current: policy } as unknown as PolicyLog,
    letters: { forget: () => {}, write: async () => {} } as unknown as DeadLetters,
    membership: membership as unknown as Membership,
    trouble: new StoreTrouble(systemClock),
    missing: new MissingRows({ queue, writer, log, signal, onLost: (_, records) => lost.push(records) }),
    log,
    waiting,
    onStored: () => {},
    onCommitted: () => {},
    signal,
  });
  return { inserter, waiting, inserted, committed, lost, logged };
}

test('a store finishes the insert of another one whose first events retention has removed, and says which are lost', async () => {
  const topics = { [TOPICS.events]: { partitions: 1, compression: 'none', retention: { maxBytes: 1 } } } as const;
  const log = await openTestLog({ disk: new MemoryDisk(), topics, segmentBytes: 1 });
  const appending = await log.queue.openWriter(at);
  const event = (i: number) => values(JSON.stringify(sampleEvent(i, { timestamp: 1_000 + i })));
  for (let i = 0; i < 10; i++) await appending.append(event(i));
  await log.queue.retain();
  for (let i = 10; i < 13; i++) await appending.append(event(i));
  const store = storeOn(log.queue, (offset) => offset < 3 || offset === 11);
  expect(await store.inserter.takeOver(0, 0, 13)).toBe(12);
  expect(store.committed).toEqual([12]);
  expect(store.inserted).toEqual([9, 10]);
  expect(store.lost).toEqual([6]);
  expect(store.logged).toMatchObject([{ partition: 0, from: 0, to: 9, lost: 6 }]);
  await log.close();
});

test('where what was committed is forgotten, what the index has behind a gap is not inserted again', async () => {
  const end = 2 * STORE_LIMITS.insertSpan + 10;
  const nothing = { batches: [], nextOffset: end, endOffset: end };
  const reader = { waitFor: async () => {}, read: async () => nothing, close: async () => {} };
  const queue = { openReader: () => reader } as unknown as Queue;
  const hasRow = (offset: number) => offset >= end - 5 && offset < end - 2;
  const store = storeOn(queue, hasRow);
  expect(await store.inserter.takeOver(0, 100, end)).toBe(end - 2);
  // What lies further back than an insert spans is looked at beside what comes, and nothing of it is committed before.
  expect(store.waiting.isUnknown(0)).toBe(true);
  expect(store.committed).toEqual([]);
  while (store.waiting.isUnknown(0)) await store.inserter.catchUp.step();
  while (store.inserter.positions.late !== undefined) await store.inserter.catchUp.step();
  expect(store.committed.at(-1)).toBe(end - 2);
  expect(store.inserted).toEqual([]);
  expect(await storeOn(queue, () => false).inserter.takeOver(0, 100, end)).toBe(100);
});
