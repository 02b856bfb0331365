import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeProgress, PROGRESS_KEY } from '../../event/progress.ts';
import { NO_HEADERS, RecordBatchBuilder } from '../../event/record-batch.ts';
import { TOPICS } from '../../event/topics.ts';
import { nodeDisk } from '../../lib/disk.ts';
import { offset, type PartitionWriter } from '../../queue/port.ts';
import { LocalCoordinator } from '../../queue/segment-log/coordinator.ts';
import { MarkBoard } from '../../queue/segment-log/marks.ts';
import { openSegmentLog, type SegmentLogQueue } from '../../queue/segment-log/queue.ts';
import { LedgerBook } from './book.ts';
import { countMissing, countWritten } from './counting.ts';

const EVENTS = { topic: TOPICS.events, partition: 0 };
const LOG = 'events/0';
const log = pino({ level: 'silent' });
const clock = { now: () => 1_800_000_000_000 };

let folder: string;
let queue: SegmentLogQueue;
let writer: PartitionWriter;
let book: LedgerBook;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-counting-'));
  const coordinator = await LocalCoordinator.open({ directory: folder, disk: nodeDisk, log });
  const topics = { [TOPICS.events]: { partitions: 1, compression: 'zstd' } } as const;
  queue = openSegmentLog({ directory: folder, topics, coordinator, marks: new MarkBoard(), log });
  writer = await queue.openWriter(EVENTS);
  book = await LedgerBook.open(join(folder, 'account.ndjson'), clock);
});

afterEach(async () => {
  await queue.close();
  await rm(folder, { recursive: true, force: true });
});

/** A batch of so many events, and the marker that accounts for them. */
async function appendEvents(out: number): Promise<void> {
  const builder = new RecordBatchBuilder({ compression: 'zstd' });
  const event = Buffer.from('{}');
  for (let i = 0; i < out; i++) builder.append(event, 0, event.length, clock.now(), NO_HEADERS);
  const ledger = [{ tenant: 'default', minute: 30_000_000, taken: out, out, dropped: {}, deadLettered: 0 }];
  const marker = encodeProgress({ version: 1, rawOffset: out, receivedTo: clock.now(), ledger });
  builder.append(marker, 0, marker.length, clock.now(), NO_HEADERS, Buffer.from(PROGRESS_KEY));
  await writer.append(builder.finish());
}

const count = async (end: number) => {
  const reader = queue.openReader(EVENTS);
  try {
    return await countMissing(book, reader, offset(end), countWritten);
  } finally {
    await reader.close();
  }
};
const written = () => book.takeChanges().rows.reduce((sum, row) => sum + row.count, 0);

test('each batch counts once, also where an insert ended within one', async () => {
  await appendEvents(5);
  await appendEvents(7);
  expect(await count(9)).toBe(true);
  expect(written()).toBe(5);
  // A report of the insert that ended there must not count the first batch again.
  expect(book.position(LOG)).toBe(9);
  expect(await count(14)).toBe(true);
  expect(written()).toBe(12);
});

test('a log that ends before what was counted is of another life', async () => {
  await appendEvents(5);
  await count(6);
  expect(await count(3)).toBe(false);
});
