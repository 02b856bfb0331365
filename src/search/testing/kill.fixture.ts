/**
 * The process that the crash tests kill. It opens the store of a folder, lets it finish what the last process left,
 * checks that every event of the queue is there exactly once, appends a round of events, and checks again.
 *
 * Arguments: folder, round, and optionally `OPERATION:before|after` to kill itself at an operation of the disk that
 * belongs to the store (journal, offsets, dead letters, folders of the table), or `wait` to tell its parent (IPC) and
 * wait for its go before it appends.
 */

import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { DEAD_LETTER_KEY, deadLetterPartition, decodeDeadLetterReason } from '../../event/dead-letter.ts';
import type { StoredEvent } from '../../event/event.ts';
import { isProgress } from '../../event/progress.ts';
import { RecordCursor } from '../../event/record-batch.ts';
import { TOPICS } from '../../event/topics.ts';
import { nodeDisk } from '../../lib/disk.ts';
import { failpointDisk } from '../../lib/failpoint-disk.ts';
import { offset } from '../../queue/port.ts';
import { openStoreKit, type StoreKit } from './store-kit.ts';

const EVENTS = 40;
/** Exit codes. */
export const WRONG = 3;

const [, , directory = '', round = '0', mode = ''] = process.argv;
const [at, when] = mode.split(':');
let operations = 0;
Object.assign(
  nodeDisk,
  failpointDisk({ ...nodeDisk }, (step) => {
    if (step.path.includes('/queue/events')) return;
    if (step.when === 'before') operations++;
    if (operations === Number(at) && step.when === when) {
      writeSync(1, `killed ${step.when} ${step.kind} ${step.path.slice(directory.length)}\n`);
      process.kill(process.pid, 'SIGKILL');
    }
  }),
);

function eventOf(number: number): StoredEvent {
  // Two tenants, three days: an insert makes several parts.
  const received = Date.now() - (number % 3) * 86_400_000;
  return {
    id: `local.raw.0.${number}.0`,
    tenant: number % 2 === 0 ? 'even' : 'odd',
    timestamp: received,
    received,
    type: 'log',
    source: 'app:host',
    message: `event ${number}`,
    metadata: { app: 'app' },
    payload: { number },
  };
}

/** Ids in the queue, and those of the store's dead letters. */
async function inQueue(kit: StoreKit): Promise<{ events: string[]; refused: string[]; letters: string[] }> {
  const events: string[] = [];
  const refused: string[] = [];
  for (const partition of [0, 1]) {
    await eachRecord(kit, { topic: TOPICS.events, partition }, (cursor) => {
      if (isProgress(cursor)) return;
      const text = cursor.value().toString();
      if (text.startsWith('{')) events.push(JSON.parse(text).id);
      else refused.push(text);
    });
  }
  const letters: string[] = [];
  for (const partition of [0, 1]) {
    await eachRecord(kit, { topic: TOPICS.deadLetter, partition: deadLetterPartition.storing(partition) }, (cursor) => {
      const reason = cursor.headerValue(DEAD_LETTER_KEY);
      if (reason !== undefined && decodeDeadLetterReason(reason).last) letters.push(cursor.value().toString());
    });
  }
  return { events, refused, letters };
}

async function eachRecord(
  kit: StoreKit,
  where: { topic: string; partition: number },
  visit: (cursor: RecordCursor) => void,
) {
  const reader = kit.queue.openReader(where);
  const end = await reader.endOffset();
  for (let next = await reader.earliestOffset(); next < end; ) {
    const { batches, nextOffset } = await reader.read(offset(next));
    for (const { bytes } of batches) {
      const cursor = new RecordCursor(bytes);
      while (cursor.next()) visit(cursor);
    }
    next = nextOffset;
  }
  await reader.close();
}

async function check(kit: StoreKit): Promise<void> {
  const { events, refused, letters } = await inQueue(kit);
  const found: string[] = [];
  for (const tenant of ['even', 'odd']) {
    const question = { tenant, query: { kind: 'all', span: { start: 0, end: 0 } } as const, fromMs: 0, toMs: 1e15 };
    let after: { timestampMs: number; id: string } | undefined;
    for (;;) {
      const { signal } = new AbortController();
      const page = await kit.engine.search({
        ...question,
        signal,
        limit: 1_000,
        order: 'asc',
        ...(after && { after }),
      });
      found.push(...page.events.map(({ id }) => id));
      const last = page.events.at(-1);
      if (last === undefined || !page.more) break;
      after = { timestampMs: Date.parse(last.timestamp), id: last.id };
    }
  }
  const documents = [...kit.engine.journal.catalogue.all()].reduce((sum, { docs }) => sum + docs, 0);
  const right =
    same(found, events) &&
    same(letters, refused) &&
    (kit.engine.journal.openIntent !== undefined || documents === events.length);
  if (right) return;
  const summary = {
    events: events.length,
    found: found.length,
    refused: refused.length,
    letters: letters.length,
    documents,
  };
  writeSync(1, `wrong ${JSON.stringify(summary)}\n`);
  process.exit(WRONG);
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.toSorted().join() === b.toSorted().join();
}

const kit = await openStoreKit({ directory, partitions: 2 });
const indexer = kit.startIndexer();
await indexer.started;
await kit.settled();
await check(kit);
if (mode === 'wait') {
  process.send?.('ready');
  await once(process, 'message');
}
for (const partition of [0, 1]) {
  const first = (Number(round) * 2 + partition) * EVENTS;
  const events = Array.from({ length: EVENTS }, (_, i) => eventOf(first + i));
  await kit.append(partition, [...events.slice(0, 10), `no event ${round} ${partition}`, ...events.slice(10)]);
}
await kit.settled();
await check(kit);
await kit.close();
writeSync(1, `finished after ${operations} operations\n`);
process.exit(0);
