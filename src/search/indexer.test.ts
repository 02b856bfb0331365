import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DEAD_LETTER_KEY, deadLetterPartition, decodeDeadLetterReason } from '../event/dead-letter.ts';
import type { StoredEvent } from '../event/event.ts';
import { RecordCursor } from '../event/record-batch.ts';
import { TOPICS } from '../event/topics.ts';
import { STORE_LIMITS } from '../lib/limits.ts';
import { parseQuery } from '../query/parse.ts';
import { offset } from '../queue/port.ts';
import { TestMember } from '../queue/test-records.ts';
import { DeadLetters } from './indexing/dead-letters.ts';
import type { Committed } from './indexing/positions.ts';
import { DAY_MS } from './slices.ts';
import { numberedEvent } from './testing/numbered-event.ts';
import { openStoreKit, type StoreKit, type StoreKitOptions } from './testing/store-kit.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
const PATIENCE = { timeout: 20_000, interval: 10 };
const ALL = { kind: 'all', span: { start: 0, end: 0 } } as const;

let folder: string;
let kit: StoreKit | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-indexer-'));
});
afterEach(async () => {
  await kit?.close();
  kit = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function open(options: Partial<StoreKitOptions> = {}): Promise<StoreKit> {
  kit = await openStoreKit({ directory: folder, clock: { now: () => NOW_MS }, ...options });
  return kit;
}

async function reopen(options: Partial<StoreKitOptions> = {}): Promise<StoreKit> {
  await kit?.close();
  return open(options);
}

const eventOf = (number: number, more: Partial<StoredEvent> = {}) => numberedEvent(NOW_MS, number, more);

const question = (tenant = 'default') => ({
  tenant,
  query: ALL,
  fromMs: Number.NEGATIVE_INFINITY,
  toMs: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
});

async function letters(store: StoreKit): Promise<{ origin: string; value: string; reason: string }[]> {
  const reader = store.queue.openReader({ topic: TOPICS.deadLetter, partition: deadLetterPartition.storing(0) });
  const found = [];
  const end = await reader.endOffset();
  for (let next = await reader.earliestOffset(); next < end; ) {
    const { batches, nextOffset } = await reader.read(offset(next));
    for (const { bytes } of batches) {
      const cursor = new RecordCursor(bytes);
      while (cursor.next()) {
        const { origin, reason } = decodeDeadLetterReason(cursor.headerValue(DEAD_LETTER_KEY) ?? Buffer.from('{}'));
        found.push({ origin, value: cursor.value().toString(), reason });
      }
    }
    next = nextOffset;
  }
  await reader.close();
  return found;
}

describe('the indexer', () => {
  test('makes a lone event findable within half a second', async () => {
    const store = await open();
    await store.startIndexer().started;
    await store.append(0, [eventOf(0)]);
    await store.settled();
    const took: number[] = [];
    for (let lone = 1; lone <= 5; lone++) {
      const began = performance.now();
      await store.append(0, [eventOf(lone)]);
      await vi.waitFor(async () => expect(await store.engine.count(question())).toBe(lone + 1), PATIENCE);
      took.push(performance.now() - began);
    }
    // The best of a few, as others use the machine too.
    expect(Math.min(...took)).toBeLessThan(500);
  });

  test('goes on where it was after a restart, and says what it committed', async () => {
    const committed: Committed[] = [];
    const indexer = { onCommitted: (one: Committed) => void committed.push(one) };
    let store = await open({ indexer });
    await store.startIndexer().started;
    const first = await store.append(0, [eventOf(0), eventOf(1)]);
    await store.settled();
    store = await reopen({ indexer });
    await store.startIndexer().started;
    const second = await store.append(0, [eventOf(2)]);
    await store.settled();
    await vi.waitFor(() => expect(committed.at(-1)?.range.nextOffset).toBe(second), PATIENCE);
    expect(committed.map(({ range }) => range.nextOffset)).toContain(first);
    expect(committed.at(-1)?.progress?.receivedTo).toBe(NOW_MS + 2);
    expect(await store.engine.count(question())).toBe(3);
  });

  test('says that it is held up, and since when, also where its start cannot begin', async () => {
    let nowMs = NOW_MS;
    const store = await open({ clock: { now: () => nowMs } });
    const refresh = vi.spyOn(store.engine.policy, 'refresh').mockRejectedValue(new Error('no disk'));
    const indexer = store.startIndexer();
    const measured = async () => {
      const { values } = (await store.registry.getSingleMetric('spillway_store_trouble_seconds')?.get()) ?? {};
      return values?.map(({ value }) => value);
    };
    await vi.waitFor(() => expect(indexer.trouble.reason).toBe('no disk'), PATIENCE);
    expect(indexer.trouble.sinceMs).toBe(undefined);
    nowMs += STORE_LIMITS.troubleAfterMs;
    expect(indexer.trouble.sinceMs).toBe(NOW_MS);
    expect(await measured()).toEqual([STORE_LIMITS.troubleAfterMs / 1_000]);
    refresh.mockRestore();
    await indexer.started;
    expect(indexer.trouble.sinceMs).toBe(undefined);
    expect(await measured()).toEqual([0]);
  });

  test('keeps events of one hour in the slice of their day, and those with a wrong clock in that of their receipt', async () => {
    const store = await open();
    await store.startIndexer().started;
    const wrong = { timestamp: Date.parse('1970-01-02T00:00:00Z') };
    const late = { timestamp: NOW_MS - 3 * DAY_MS };
    await store.append(0, [eventOf(0), eventOf(1, wrong), eventOf(2, late), eventOf(3, { tenant: 'other' })]);
    await store.settled();
    const today = Math.floor(NOW_MS / DAY_MS);
    const { catalogue } = store.engine.journal;
    const days = (tenant: string, fromMs: number, toMs: number) =>
      catalogue
        .touched(tenant, fromMs, toMs)
        .map(({ start }) => start)
        .sort();
    expect(days('default', NOW_MS, NOW_MS + 1)).toEqual([today]);
    expect(days('default', NOW_MS - 3 * DAY_MS, NOW_MS - 2 * DAY_MS)).toEqual([today - 3, today]);
    expect(days('other', 0, NOW_MS)).toEqual([]);
    const found = await store.engine.search({ ...question(), toMs: DAY_MS * 2, limit: 10, order: 'asc' });
    expect(found.events.map(({ id }) => id)).toEqual(['local.raw.0.1.0']);
    const partitions = await store.engine.table.partitions();
    expect(partitions.map(({ number, rows }) => [number.start, rows]).toSorted()).toEqual([
      [today - 3, 1],
      [today, 3],
    ]);
  });

  test('takes more slices than an insert may touch, in several inserts', async () => {
    const store = await open({ clock: { now: () => NOW_MS } });
    await store.startIndexer().started;
    const days = Array.from({ length: 200 }, (_, day) => NOW_MS - day * DAY_MS);
    await store.append(
      0,
      days.map((received, i) => eventOf(i, { received, timestamp: received })),
    );
    await store.settled();
    const kept = await store.engine.count(question());
    // Those past their retention may have been dropped already.
    expect(kept).toBeGreaterThanOrEqual(30);
    expect(store.engine.journal.catalogue.size).toBeGreaterThanOrEqual(30);
  });
});

describe('what the engine cannot take', () => {
  test('becomes a dead letter with its origin, and the rest goes on', async () => {
    const store = await open();
    await store.startIndexer().started;
    const twice = JSON.stringify(eventOf(1)).replace('"number":', '"number":0,"number":');
    await store.append(0, [eventOf(0), twice, 'no JSON at all', eventOf(2)]);
    await store.settled();
    expect(await store.engine.count(question())).toBe(2);
    expect(await letters(store)).toEqual([
      { origin: 'local.raw.0.1.0', value: twice, reason: expect.stringContaining('occurs twice') },
      { origin: 'local.events.0.2.0', value: 'no JSON at all', reason: expect.any(String) },
    ]);
  });

  // It makes some sixty inserts.
  test('is found among many by halving, where the engine itself refuses it', { timeout: 120_000 }, async () => {
    const store = await open();
    await refuse(store, "message NOT LIKE 'refused%'");
    await store.startIndexer().started;
    const events = Array.from({ length: 300 }, (_, i) => eventOf(i, i % 100 === 42 ? { message: `refused ${i}` } : {}));
    await store.append(0, events);
    await store.settled();
    expect(await store.engine.count(question())).toBe(297);
    expect((await letters(store)).map(({ origin }) => origin)).toEqual([42, 142, 242].map((n) => `local.raw.0.${n}.0`));
    const metrics = () => store.registry.metrics();
    await vi.waitFor(async () => expect(await metrics()).toContain('\nspillway_store_refused_total 3\n'), PATIENCE);
  });

  test('is written once, also where the store before this one wrote it and committed nothing', async () => {
    const store = await open();
    await store.append(0, [eventOf(0), 'no JSON at all', eventOf(2), 'nor this']);
    const before = new DeadLetters(store.queue, 'local');
    await before.open(0, 0);
    const refused = { partition: 0, timestampMs: NOW_MS, reason: 'by the one before' };
    await before.write([{ ...refused, offset: 1, value: Buffer.from('no JSON at all') }]);
    await before.close();
    await store.startIndexer().started;
    await store.settled();
    expect((await letters(store)).map(({ origin, reason }) => [origin, reason === refused.reason])).toEqual([
      ['local.events.0.1.0', true],
      ['local.events.0.3.0', false],
    ]);
  });

  test('is tried again, and never thrown away, where the engine takes nothing at all', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) });
    const store = await open({ indexer: { log } });
    await refuse(store, '0');
    await store.startIndexer().started;
    await store.append(0, [eventOf(0), eventOf(1)]);
    await vi.waitFor(() => expect(lines.join()).toContain('trying again'), PATIENCE);
    expect(await letters(store)).toEqual([]);
    await store.engine.table.run('ALTER TABLE events DROP CONSTRAINT refusal');
    await store.settled();
    expect(await store.engine.count(question())).toBe(2);
    expect(await letters(store)).toEqual([]);
  });

  /** The engine refuses inserts with rows for which the condition does not hold. */
  async function refuse(store: StoreKit, condition: string): Promise<void> {
    await store.engine.table.run(`ALTER TABLE events ADD CONSTRAINT refusal CHECK ${condition}`);
  }
});

describe('a text that was too long once', () => {
  const short = { ...question(), query: parseQuery('payload.text:short') };
  const events = (last: Partial<StoredEvent> = {}) => [
    eventOf(0, { payload: { text: 'long '.repeat(STORE_LIMITS.pathWordBytes) } }),
    eventOf(1, { payload: { text: 'short' } }),
    eventOf(2, { payload: { text: 'short' }, ...last }),
  ];

  test('hides no short one that was inserted in another block since the first was refused', async () => {
    const store = await open();
    await store.engine.table.run("ALTER TABLE events ADD CONSTRAINT refusal CHECK message != 'refused'");
    await store.startIndexer().started;
    await store.append(0, events({ message: 'refused' }));
    await store.settled();
    expect(await store.engine.count(question())).toBe(2);
    expect(await store.engine.count(short)).toBe(1);
  });

  test('hides no short one that was missing after an insert failed, also after a restart', async () => {
    let store = await open();
    const { writer, table } = store.engine;
    const insert = writer.insert.bind(writer);
    vi.spyOn(writer, 'insert').mockImplementationOnce(async (batch) => {
      await insert(batch);
      await table.run('ALTER TABLE events DELETE WHERE queue_offset > 0 SETTINGS mutations_sync = 2');
      throw new Error('half of it');
    });
    await store.startIndexer().started;
    await store.append(0, events());
    await store.settled();
    expect(await store.engine.count(question())).toBe(3);
    expect(await store.engine.count(short)).toBe(2);
    store = await reopen();
    expect(await store.engine.count(short)).toBe(2);
  });
});

describe('retention', () => {
  test('drops whole slices when all of their time has passed, for each tenant by its own days', async () => {
    let now = NOW_MS;
    const clock = { now: () => now };
    const retention = { days: 2, tenants: { longer: 10 } };
    let store = await open({ clock, indexer: { retention } });
    await store.startIndexer().started;
    await store.append(0, [eventOf(0), eventOf(1, { tenant: 'longer' })]);
    await store.settled();
    now = (Math.floor(NOW_MS / DAY_MS) + 3) * DAY_MS - 1;
    store = await reopen({ clock, indexer: { retention } });
    await store.startIndexer().started;
    expect(await store.engine.count(question())).toBe(1);
    now += 1;
    store = await reopen({ clock, indexer: { retention } });
    await store.startIndexer().started;
    await vi.waitFor(async () => expect(await store.engine.table.partitions()).toHaveLength(1), PATIENCE);
    expect(await store.engine.count(question())).toBe(0);
    expect(await store.engine.count(question('longer'))).toBe(1);
    expect([...store.engine.journal.catalogue.all()].map(({ tenant }) => tenant)).toEqual(['longer']);
  });
});

describe('completeness', () => {
  test('is the receipt of the newest visible event, or the time at which an end that is visible was reported', async () => {
    let end: { endOffset: number; atMs: number } | undefined;
    const indexer = { rawEnd: () => end };
    let store = await open({ indexer });
    await store.startIndexer().started;
    expect(store.engine.completeToMs()).toBe(0);
    await store.append(0, [eventOf(0), eventOf(5)]);
    await vi.waitFor(() => expect(store.engine.completeToMs()).toBe(NOW_MS + 5), PATIENCE);
    end = { endOffset: 2, atMs: NOW_MS + 60_000 };
    expect(store.engine.completeToMs()).toBe(NOW_MS + 60_000);
    end = { endOffset: 3, atMs: NOW_MS + 90_000 };
    expect(store.engine.completeToMs()).toBe(NOW_MS + 60_000);
    end = undefined;
    store = await reopen({ indexer });
    await store.startIndexer().started;
    await vi.waitFor(() => expect(store.engine.completeToMs()).toBe(NOW_MS + 5), PATIENCE);
  });

  test('is that of the partition which is farthest behind', async () => {
    const store = await open({ partitions: 2 });
    await store.startIndexer().started;
    await store.append(0, [eventOf(100)]);
    await store.settled();
    expect(store.engine.completeToMs()).toBe(0);
    await store.append(1, [eventOf(7)]);
    await vi.waitFor(() => expect(store.engine.completeToMs()).toBe(NOW_MS + 7), PATIENCE);
  });
});

describe('a store beside another one', () => {
  test('is complete to where the other one has committed its partitions', async () => {
    const store = await open({ partitions: 2 });
    await store.startIndexer().started;
    const other = await TestMember.join(store.queue, 'store', [TOPICS.events]);
    const at = { topic: TOPICS.events, partition: 1 };
    await vi.waitFor(() => expect(other.keys).toEqual(['events/1']), PATIENCE);
    await store.append(0, [eventOf(100)]);
    await store.append(1, [eventOf(7)]);
    await vi.waitFor(async () => expect(await store.engine.count(question())).toBe(1), PATIENCE);
    expect(store.engine.completeToMs()).toBe(0);
    await other.commit(at, 2);
    await vi.waitFor(() => expect(store.engine.completeToMs()).toBe(NOW_MS + 7), PATIENCE);
    await other.leave();
  });
});

describe('the partitions of a store', () => {
  test('are given up when what was taken of them is committed, and taken again', async () => {
    const store = await open({ partitions: 2 });
    await store.startIndexer().started;
    const appended = Array.from({ length: 50 }, (_, i) => store.append(1, [eventOf(i)]));
    const other = await TestMember.join(store.queue, 'store', [TOPICS.events]);
    const at = { topic: TOPICS.events, partition: 1 };
    await vi.waitFor(() => expect(other.keys).toEqual(['events/1']), PATIENCE);
    await Promise.all(appended);
    await store.append(0, [eventOf(1_000)]);
    const committed = (await other.held(at).committed()) ?? 0;
    await other.commit(at, committed);
    await other.leave();
    await store.settled();
    expect(await store.engine.count(question())).toBe(51);
  });
});
