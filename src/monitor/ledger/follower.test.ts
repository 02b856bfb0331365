import { beforeEach, expect, test } from 'vitest';
import { DEAD_LETTER_KEY, encodeDeadLetterReason } from '../../event/dead-letter.ts';
import { encodeProgress, PROGRESS_KEY } from '../../event/progress.ts';
import { encodeRawMeta, RAW_META_KEY } from '../../event/raw-meta.ts';
import { encodeHeaders } from '../../event/record-batch.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { LEDGER_LIMITS } from '../../lib/limits.ts';
import { createLog } from '../../lib/log.ts';
import type { TopicPartition } from '../../queue/port.ts';
import { countAccepted } from './counting.ts';
import { LedgerFollower } from './follower.ts';
import { Ledger } from './ledger.ts';
import { encodeRecords } from './ledger-topic.ts';
import { Reporter } from './reporter.ts';
import { writeRow } from './rows.ts';
import { batchOfRecords, MemoryLog } from './testing/memory-log.ts';

const PATIENCE = { timeout: 20_000, interval: 5 };
const MINUTE = 30_000_000;
const NOW_MS = MINUTE * 60_000;
/** Goes on with each look at it. */
let lookedAt = 0;
const clock = { now: () => NOW_MS + lookedAt++ };
const log = createLog('test', 'fatal');
const metaOf = (tenant: string) =>
  encodeRawMeta({ tenant, input: 'syslog-tcp', remote: '10.0.0.1:1', format: 'syslog' });

/** One partition of `raw`, and what goes with it. */
let logs: Map<string, MemoryLog>;
let topic: MemoryLog;
let committed: number;

beforeEach(() => {
  logs = new Map();
  topic = new MemoryLog();
  committed = 0;
});

function logOf({ topic: name, partition }: TopicPartition): MemoryLog {
  const key = `${name}/${partition}`;
  const known = logs.get(key) ?? new MemoryLog();
  logs.set(key, known);
  return known;
}
const raw = () => logOf({ topic: 'raw', partition: 0 });
const events = () => logOf({ topic: 'events', partition: 0 });

function accept(tenant: string, records: number) {
  const headers = encodeHeaders([[RAW_META_KEY, metaOf(tenant)]]);
  const batch = batchOfRecords(Array.from({ length: records }, () => ({ timestampMs: NOW_MS, headers })));
  const appended = raw().append(batch);
  return { ...appended, rows: countAccepted(batch, 0) };
}

function process(counts: { readonly out: number; readonly dropped: number }) {
  const entry = { tenant: 'shop', minute: MINUTE, taken: counts.out + counts.dropped, deadLettered: 0 };
  const ledger = [{ ...entry, out: counts.out, dropped: { noise: counts.dropped } }];
  const marker = encodeProgress({ version: 1, rawOffset: raw().end, receivedTo: NOW_MS, ledger });
  const texts = Array.from({ length: counts.out }, () => ({ timestampMs: NOW_MS, value: '{}' }));
  events().append(batchOfRecords([...texts, { timestampMs: NOW_MS, value: marker.toString(), key: PROGRESS_KEY }]));
}

function refuse(partition: number, origin: string) {
  const reason = encodeDeadLetterReason({ code: 'MESSAGE_TOO_LARGE', reason: '', origin, chunk: 0, last: true });
  const headers = encodeHeaders([
    [RAW_META_KEY, metaOf('shop')],
    [DEAD_LETTER_KEY, reason],
  ]);
  logOf({ topic: 'dead-letter', partition }).append(batchOfRecords([{ timestampMs: NOW_MS, headers }]));
}

/** A tree with a front door. */
function tree(options: { readonly gapMs?: number } = {}) {
  const ledger = new Ledger();
  const reporter = new Reporter(topic, clock, log);
  const follower = new LedgerFollower({
    ...{ topic, reporter, clock, log, gapMs: 0, gapJitterMs: 0, ...options },
    partitions: () => 1,
    openReader: (at) => logOf(at).openReader(),
    logs: {
      ends: (places) =>
        Promise.all(
          places.map((at) =>
            logOf(at)
              .openReader()
              .endOffset()
              .catch(() => undefined),
          ),
        ),
      committed: () => Promise.resolve(new Map([[0, committed]])),
    },
    onChange: ({ reset, rows, known }) => ledger.state('all', rows, reset, known),
  });
  const ask = (fromMs = 0) => ledger.answer({ fromMs, toMs: NOW_MS + 3_600_000, by: [] });
  /** Until nothing is missing of what is there now, but what is gone. */
  const settle = async () => {
    const before = clock.now();
    await expect
      .poll(async () => {
        await follower.follow();
        const { asOfMs = 0, missing = [] } = ask().known ?? {};
        return asOfMs > before && missing.every(({ why }) => why === 'gone');
      }, PATIENCE)
      .toBe(true);
    return ask().total;
  };
  return { reporter, follower, ask, settle };
}

test('counts what nobody has reported from the logs: accepted, processed, written up to what is committed, refused', async () => {
  accept('shop', 10);
  process({ out: 4, dropped: 1 });
  process({ out: 5, dropped: 0 });
  refuse(0, 'site/dead-letter/0/1/2');
  refuse(4, 'site.raw.0.3.0');
  committed = 8;
  const { settle } = tree();
  // An insert ended within the second batch, whose marker is at its end.
  expect(await settle()).toEqual({ accepted: 11, written: 3, dropped: 1, deadLettered: 2, inFlight: 5 });
  committed = events().end;
  expect(await settle()).toEqual({ accepted: 11, written: 8, dropped: 1, deadLettered: 2, inFlight: 0 });
});

test('says of what is there and not counted how much it is, and never takes it for nothing', async () => {
  accept('shop', 70);
  const { follower, ask, reporter } = tree({ gapMs: 3_600_000 });
  const reported = accept('shop', 30);
  await follower.follow();
  expect(ask()).toMatchObject({
    total: { accepted: 0 },
    known: { missing: [{ log: 'accepted/0', why: 'not yet', offsets: 100 }] },
  });
  reporter.outbox.add('accepted/0', reported.baseOffset, reported.nextOffset, reported.rows);
  await reporter.publish();
  await follower.follow();
  expect(ask().known?.asOfMs).toBeGreaterThanOrEqual(NOW_MS);
  expect(ask()).toMatchObject({ total: { accepted: 30 }, known: { missing: [{ offsets: 70 }] } });
});

/** Until it has looked where logs end, which it does not do at every turn. */
async function look({ follower, ask }: ReturnType<typeof tree>): Promise<void> {
  const asOf = () => ask().known?.asOfMs ?? 0;
  const before = asOf();
  const follow = async () => {
    await follower.follow();
    return asOf();
  };
  await expect.poll(follow, PATIENCE).toBeGreaterThan(before);
}

test("the marker of a takeover is nobody's record: a start does not call it uncounted, and a later one not for long", async () => {
  const one = tree({ gapMs: 3_600_000 });
  const missing = () => one.ask().known?.missing;
  for (committed = 1; committed <= LEDGER_LIMITS.firstLooks; committed++) {
    events().passOver(1);
    await look(one);
    expect(missing()).toEqual([]);
  }
  events().passOver(1);
  await look(one);
  expect(missing()).not.toEqual([]);
  await look(one);
  expect(missing()).toEqual([]);
});

test('two trees have the same account, whoever counted, also where both counted the same gap', async () => {
  const trees = [tree(), tree()];
  for (let i = 0; i < 20; i++) {
    const { baseOffset, nextOffset, rows } = accept(i % 2 === 0 ? 'shop' : 'default', 1 + i);
    // Every third collector dies before it has said it.
    if (i % 3 !== 0) trees[i % 2]?.reporter.outbox.add('accepted/0', baseOffset, nextOffset, rows);
  }
  process({ out: 210, dropped: 0 });
  committed = events().end;
  await Promise.all(trees.map(({ settle }) => settle()));
  const [first, second] = trees.map(({ ask }) => ask());
  expect({ ...first, known: undefined }).toEqual({ ...second, known: undefined });
  expect(first?.total).toMatchObject({ accepted: 210, written: 210, inFlight: 0 });
});

test('a report that is lost on its way is counted from the log, also by the tree that lost it', async () => {
  const { reporter, settle } = tree();
  const { baseOffset, nextOffset, rows } = accept('shop', 5);
  reporter.outbox.add('accepted/0', baseOffset, nextOffset, rows);
  topic.failure = new SpillwayError('QUEUE_UNREACHABLE', 'It does not answer.');
  await reporter.publish();
  topic.failure = undefined;
  expect(await settle()).toMatchObject({ accepted: 5 });
});

test('two trees that count the same gap under load lose nothing of what they report beside it', async () => {
  const trees = [tree(), tree()];
  accept('shop', 3);
  await Promise.all(trees.map(({ follower }) => follower.follow()));
  // Both have found the gap by now; each goes on with its own work.
  for (const { reporter, follower } of trees) {
    const { baseOffset, nextOffset, rows } = accept('shop', 2);
    reporter.outbox.add('accepted/0', baseOffset, nextOffset, rows);
    await reporter.publish();
    await follower.follow();
  }
  await Promise.all(trees.map(({ settle }) => settle()));
  for (const { ask } of trees) expect(ask().total.accepted).toBe(7);
});

test('what was removed before anybody counted it is said, with the time before which it was received', async () => {
  // Kafka removes up to any record, also within a batch.
  accept('shop', 10);
  await raw().removeBefore(4);
  const { settle, ask } = tree();
  expect(await settle()).toMatchObject({ accepted: 6 });
  expect(ask().known?.missing).toEqual([{ log: 'accepted/0', why: 'gone', offsets: 4, beforeMs: NOW_MS }]);
  // It does not matter to who asks for what came later.
  expect(ask(NOW_MS + 60_000).known?.missing).toEqual([]);
  // Another tree knows it from the first one.
  const other = tree();
  await other.settle();
  expect(other.ask().known?.missing).toEqual(ask().known?.missing);
  // Whoever watches for readers that are too late is not alarmed by it.
  expect(raw().readsTooEarly).toBe(0);
});

test('what is counted from the logs is read one log at a time, and nothing is left open', async () => {
  accept('shop', 10);
  process({ out: 10, dropped: 0 });
  refuse(0, 'site/dead-letter/0/1/2');
  committed = events().end;
  const { settle } = tree();
  expect(await settle()).toMatchObject({ accepted: 11, written: 10 });
  expect([...logs.values()].map(({ reading }) => reading.size)).toEqual([...logs.values()].map(() => 0));
});

test('what is gone is said at once, also where that is more than is counted at a time', async () => {
  const records = LEDGER_LIMITS.gapOffsets / 50;
  for (let i = 0; i < 110; i++) accept('shop', records);
  const offsets = 104 * records;
  await raw().removeBefore(offsets);
  const { follower, ask, settle } = tree();
  const gone = () => ask().known?.missing.filter(({ why }) => why === 'gone') ?? [];
  await expect
    .poll(async () => {
      await follower.follow();
      return gone();
    }, PATIENCE)
    .not.toEqual([]);
  expect(gone()).toEqual([{ log: 'accepted/0', why: 'gone', offsets, beforeMs: NOW_MS }]);
  expect(await settle()).toMatchObject({ accepted: 6 * records });
});

test('what was counted stays when its records are removed', async () => {
  accept('shop', 4);
  const { settle, ask } = tree();
  await settle();
  await raw().removeBefore(4);
  accept('shop', 1);
  expect(await settle()).toMatchObject({ accepted: 5 });
  expect(ask().known?.missing).toEqual([]);
});

test('a log that does not answer is said to be unread, and the others are counted', async () => {
  accept('shop', 4);
  process({ out: 4, dropped: 0 });
  events().failure = new SpillwayError('QUEUE_UNREACHABLE', 'It does not answer.');
  const { follower, ask, settle } = tree();
  await expect
    .poll(async () => {
      await follower.follow();
      return ask().total.accepted;
    }, PATIENCE)
    .toBe(4);
  expect(ask().known?.missing).toEqual([{ log: 'processed/0', why: 'unread' }]);
  events().failure = undefined;
  committed = events().end;
  expect(await settle()).toMatchObject({ accepted: 4, written: 4 });
});

test('the topic is shortened while it is used, and a tree that is added then has the whole account', async () => {
  const { follower, settle } = tree();
  const most = LEDGER_LIMITS.snapshotReports * 1.5 + 1;
  const reports = Array.from({ length: most }, () => {
    const { baseOffset, nextOffset, rows } = accept('shop', 1);
    return { version: 1, log: 'accepted/0', ranges: [baseOffset, nextOffset], rows: rows.map(writeRow) } as const;
  });
  for (const batch of encodeRecords(reports, NOW_MS)) topic.append(batch);
  await follower.follow();
  expect(await topic.openReader().earliestOffset()).toBeGreaterThan(LEDGER_LIMITS.snapshotReports);
  accept('shop', 1);
  expect(await settle()).toMatchObject({ accepted: most + 1 });
  expect(await tree().settle()).toMatchObject({ accepted: most + 1 });
});

test('a large gap is counted in parts, and is exact when it is done', async () => {
  const records = LEDGER_LIMITS.gapOffsets / 50;
  for (let i = 0; i < 60; i++) accept('shop', records);
  const trees = [tree(), tree()];
  await Promise.all(trees.map(({ settle }) => settle()));
  for (const { ask } of trees) expect(ask().total.accepted).toBe(60 * records);
});
