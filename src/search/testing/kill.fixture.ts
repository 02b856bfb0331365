/**
 * The process that the crash tests kill. It opens the store of a folder, lets it finish what the last process left,
 * checks that every event of the queue is there exactly once and in the slice that its time says, appends a round of
 * events, and checks again. In each round tenants are given other slices, which those of the next rounds go to.
 *
 * Arguments: folder, engine (embedded, opensearch), round, and optionally `OPERATION:before|after` to kill itself at an operation of the disk that
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
import { openClusterKit } from '../opensearch/testing/cluster-kit.ts';
import type { SearchEngine } from '../port.ts';
import { DAY_MS, HOUR_MS, sliceAt, sliceText, sliceTime } from '../slices.ts';
import { openStoreKit, type StoreKit } from './store-kit.ts';

type Kit = StoreKit<SearchEngine>;

const EVENTS = 40;
/** Exit codes. */
export const WRONG = 3;

const [, , directory = '', engineName = '', round = '0', mode = ''] = process.argv;
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

/** Rounds are hours apart, so that what one decides holds in the next. */
const NOW_MS = Date.parse('2026-11-23T12:00:00Z') + Number(round) * 7 * HOUR_MS;
const TIERS = [
  { name: 'shared', hours: 24, own: false },
  { name: 'own', hours: 1, own: true },
  { name: 'six', hours: 6, own: true },
];
const PINNED = [{ even: 'own' }, { even: 'six', odd: 'own' }, {}, { odd: 'six' }][Number(round) % 4] ?? {};

function eventOf(number: number): StoredEvent {
  // Two tenants, three days: an insert makes several parts.
  const received = NOW_MS - (number % 3) * DAY_MS;
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
async function inQueue(kit: Kit): Promise<{ events: StoredEvent[]; refused: string[]; letters: string[] }> {
  const events: StoredEvent[] = [];
  const refused: string[] = [];
  for (const partition of [0, 1]) {
    await eachRecord(kit, { topic: TOPICS.events, partition }, (cursor) => {
      if (isProgress(cursor)) return;
      const text = cursor.value().toString();
      if (text.startsWith('{')) events.push(JSON.parse(text));
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
  kit: Kit,
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

async function check(kit: Kit): Promise<void> {
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
    same(
      found,
      events.map(({ id }) => id),
    ) &&
    same(
      await inSlices(kit),
      events.map((event) => placeOf(kit, event)),
    ) &&
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

/** The slice of each event, by what is decided by now. */
function placeOf({ engine }: Kit, { tenant, timestamp, received }: StoredEvent): string {
  const time = sliceTime(timestamp, received);
  return sliceText(sliceAt(engine.policy.current.ruleAt(tenant, time).rule, time));
}

/** A slice for each event that the engine has in it. */
async function inSlices({ engine }: Kit): Promise<string[]> {
  const slices = await engine.writer.slices();
  return slices.flatMap(({ slice, rows }) => Array.from({ length: rows }, () => sliceText(slice)));
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.toSorted().join() === b.toSorted().join();
}

const options = {
  ...{ directory, partitions: 2, clock: { now: () => NOW_MS } },
  indexer: { tiers: TIERS, pinned: PINNED },
};
const kit: Kit = engineName === 'opensearch' ? await openClusterKit(options) : await openStoreKit(options);
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
