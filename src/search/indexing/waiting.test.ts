/** Slices that take nothing for a while, at random, in an engine in memory: what is committed, found and counted. */
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { sampleEvent } from '../../../test/support/sample-events.ts';
import { seededRandom } from '../../../test/support/seeded.ts';
import { encodeProgress, PROGRESS_KEY } from '../../event/progress.ts';
import { RecordCursor } from '../../event/record-batch.ts';
import { TOPICS } from '../../event/topics.ts';
import { systemClock } from '../../lib/clock.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { offset, type Queue } from '../../queue/port.ts';
import { openTestLog, recordingLog, type TestLog } from '../../queue/segment-log/test-log.ts';
import { batchOf } from '../../queue/test-records.ts';
import type { StoreJournal } from '../journal.ts';
import { type DocumentBatch, DocumentBlock, type Row } from '../opensearch/document-block.ts';
import { HeldSlices } from '../opensearch/held-slices.ts';
import { SlicePolicy } from '../policy/slice-policy.ts';
import type { InsertOptions, PolicyLog, SearchWriter, WaitingRows } from '../port.ts';
import { ownGroup, type SliceKey, sliceText } from '../slices.ts';
import { BlockBuilder } from './block-builder.ts';
import type { DeadLetters } from './dead-letters.ts';
import { Inserter } from './inserter.ts';
import type { Membership } from './membership.ts';
import { MissingRows } from './missing-rows.ts';
import { StoreTrouble } from './trouble.ts';
import { WaitingEvents } from './waiting.ts';

/** So that a few events are many pieces. */
vi.mock(import('../../lib/limits.ts'), async (original) => {
  const all = await original();
  const small = { insertSpan: 20, finishOffsets: 7, catchUpOffsets: 8, commitOffsets: 10, catchUpReadMs: 500 };
  // A number is another type than the one that stands there.
  return { ...all, STORE_LIMITS: { ...all.STORE_LIMITS, ...small } as unknown as typeof all.STORE_LIMITS };
});

const AT = { topic: TOPICS.events, partition: 0 };
const TENANTS = ['a', 'b', 'c', 'd'];
const POLICY = new SlicePolicy(
  TENANTS.map((tenant, i) => {
    const rule = { tier: 'own', retentionDays: 30, hours: 168, group: ownGroup(tenant) };
    return { version: i + 1, tenant, fromMs: 0, rule, decidedMs: 0, why: 'a test' };
  }),
);

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** What outlives a process. */
class World {
  readonly queue: Queue;
  readonly end: number;
  /** By offset, the tenant whose slice it is in. */
  readonly stored = new Map<number, string>();
  readonly barred = new Set<string>();
  committed = 0;
  counted = 0;

  constructor(queue: Queue, end: number) {
    this.queue = queue;
    this.end = end;
  }
}

class StoreProcess {
  readonly waiting = new WaitingEvents({ policy: () => POLICY, clock: systemClock });
  readonly #world: World;
  readonly #inserter: Inserter;
  readonly #ended = new AbortController();
  readonly #writer: SearchWriter;
  #callsLeft = Number.POSITIVE_INFINITY;
  head = 0;

  constructor(world: World) {
    this.#world = world;
    const call = <T>(work: () => T): Promise<T> => {
      if (--this.#callsLeft < 0) this.#ended.abort();
      return this.#ended.signal.aborted ? Promise.reject(new Error('killed')) : Promise.resolve(work());
    };
    const found = ({ from, to }: { from: number; to: number }) =>
      new Set([...world.stored.keys()].filter((at) => from <= at && at < to));
    this.#writer = {
      shared: {
        lastOffset: (range: { from: number; to: number }) =>
          call(() => Math.max(...found(range), Number.NEGATIVE_INFINITY)).then((last) =>
            Number.isFinite(last) ? last : undefined,
          ),
        foundOffsets: (range: { from: number; to: number }) => call(() => found(range)),
      },
      visibleOffsets: (range: { from: number; to: number }) => call(() => found(range)),
      createBlock: () => new DocumentBlock({ origin: '', indexOf: ({ slice }) => slice.group, lacks: () => false }),
      insert: async ({ rows }: DocumentBatch, { skips }: InsertOptions = {}) => {
        const held = new HeldSlices();
        const open = held.without(rows, skips);
        for (const { index } of open) if (world.barred.has(index)) held.hold(index, 'barred');
        // A kill may leave a part of it.
        for (const row of open) if (!held.has(row.index)) await call(() => this.#store(row));
        await call(() => {});
        return { refused: [], waiting: held.of(rows, () => '') };
      },
      settle: async () => {},
      settleRange: async () => {},
      works: async () => false,
    } as unknown as SearchWriter;
    const log = recordingLog([]);
    const { signal } = this.#ended;
    this.#inserter = new Inserter({
      writer: this.#writer,
      journal: { paths: { unknown: () => [] }, begin: async () => {}, end: async () => {} } as unknown as StoreJournal,
      policyLog: { current: POLICY } as unknown as PolicyLog,
      letters: { forget: () => {}, write: async () => {} } as unknown as DeadLetters,
      membership: {
        commit: (_: number, position: number) =>
          call(() => {
            world.committed = position;
          }),
      } as unknown as Membership,
      trouble: new StoreTrouble(systemClock),
      missing: new MissingRows({ queue: world.queue, writer: this.#writer, log, signal, onLost: () => {} }),
      waiting: this.waiting,
      log,
      onStored: () => {},
      onCommitted: ({ progress }) => {
        for (const { taken } of progress?.ledger ?? []) world.counted += taken;
      },
      signal,
    });
  }

  async begin(): Promise<void> {
    this.head = await this.#inserter.takeOver(0, this.#world.committed, this.#world.end);
  }

  /** The next events, so many at the most. */
  async insertNext(records: number): Promise<void> {
    const builder = new BlockBuilder(this.#writer.createBlock(), () => POLICY);
    const to = Math.min(this.head + records, this.#world.end);
    const reader = this.#world.queue.openReader(AT);
    for (let next = this.head; next < to; ) {
      const { batches, nextOffset } = await reader.read(offset(next));
      for (const { bytes } of batches) {
        const cursor = new RecordCursor(bytes);
        while (cursor.next()) if (cursor.offset >= this.head && cursor.offset < to) builder.take(cursor, 0);
      }
      next = nextOffset;
    }
    await reader.close();
    this.head = to;
    if (!builder.isEmpty) await this.#inserter.insert(await builder.finish());
  }

  async catchUp(): Promise<void> {
    if (this.#inserter.catchUp.untilDueMs <= 0) await this.#inserter.catchUp.step();
  }

  /** It has so many calls of the engine and the queue yet. */
  kill(calls: number): void {
    this.#callsLeft = calls;
  }

  get isKilled(): boolean {
    return this.#ended.signal.aborted;
  }

  #store({ record, index }: Row): void {
    this.#world.stored.set(record.offset, index);
  }
}

async function eventsOf(log: TestLog, count: number, tenantOf: () => string): Promise<Map<number, string>> {
  const events = new Map<number, string>();
  const writer = await log.queue.openWriter(AT);
  for (let i = 0; i < count; ) {
    const size = Math.min(1 + (i % 5), count - i);
    const from = Number(writer.nextOffset);
    const records: { value: string; key?: string }[] = Array.from({ length: size }, (_, n) => {
      const tenant = tenantOf();
      events.set(from + n, ownGroup(tenant));
      return { value: JSON.stringify(sampleEvent(i + n, { tenant, timestamp: 1_000 })) };
    });
    const taken = { tenant: 'a', minute: 1, taken: size, out: size, dropped: {}, deadLettered: 0 };
    const marker = encodeProgress({ version: 1, rawOffset: i + size, receivedTo: 1_000, ledger: [taken] });
    await writer.append(batchOf([...records, { value: marker.toString(), key: PROGRESS_KEY }]));
    i += size;
  }
  return events;
}

test('whichever slices take nothing, and whenever a store is killed, nothing unstored is behind what is committed, and all is stored and counted once', async () => {
  const random = seededRandom();
  const below = (n: number) => Math.floor(random.next() * n);
  const pick = () => TENANTS[below(TENANTS.length)] ?? 'a';
  for (let round = 0; round < 4; round++) {
    const log = await openTestLog({
      disk: new MemoryDisk(),
      topics: { [TOPICS.events]: { partitions: 1, compression: 'none' } },
    });
    const events = await eventsOf(log, 150, pick);
    const world = new World(log.queue, await log.queue.openReader(AT).endOffset());
    const check = () => {
      for (const [at] of events) if (at < world.committed) expect(world.stored.has(at)).toBe(true);
    };
    for (let kills = 0; kills <= 3; kills++) {
      const store = new StoreProcess(world);
      if (kills < 3) store.kill(20 + below(150));
      try {
        await store.begin();
        for (let steps = 0; kills === 3 || steps < 200; steps++) {
          // In the end all take something again.
          if (kills === 3 && store.head === world.end) world.barred.clear();
          else if (random.next() < 0.2) {
            const group = ownGroup(pick());
            if (!world.barred.delete(group)) world.barred.add(group);
          }
          if (random.next() < 0.5) await store.insertNext(1 + below(12));
          else await store.catchUp();
          vi.advanceTimersByTime(below(2 * STORE_LIMITS.trialPauseMaxMs));
          check();
          if (world.committed === world.end) break;
        }
      } catch (thrown) {
        if (!store.isKilled) throw thrown;
      }
      check();
      if (world.committed === world.end) break;
    }
    expect(world.committed).toBe(world.end);
    expect(new Map([...world.stored].sort(([a], [b]) => a - b))).toEqual(events);
    expect(world.counted).toBe(150);
    await log.close();
  }
});

test('what waits in a partition that does not answer holds nobody up, and is caught up when that does', async () => {
  const topics = { [TOPICS.events]: { partitions: 1, compression: 'none' } } as const;
  const log = await openTestLog({ disk: new MemoryDisk(), topics });
  await eventsOf(log, 20, () => 'a');
  let isAway = false;
  const untilAborted = (_: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  const away = { waitFor: untilAborted, close: async () => {} };
  const queue = { openReader: () => (isAway ? away : log.queue.openReader(AT)) } as unknown as Queue;
  const world = new World(queue, await log.queue.openReader(AT).endOffset());
  world.barred.add(ownGroup('a'));
  const store = new StoreProcess(world);
  await store.begin();
  while (store.head < world.end) await store.insertNext(10);
  expect(world.committed).toBe(0);
  world.barred.clear();
  isAway = true;
  const tryAgain = () => {
    vi.advanceTimersByTime(STORE_LIMITS.trialPauseMaxMs);
    return store.catchUp();
  };
  await tryAgain();
  await tryAgain();
  expect(world.stored.size).toBe(0);
  isAway = false;
  while (world.committed < world.end) await tryAgain();
  expect(world.stored.size).toBe(20);
  await log.close();
});

describe('slices that wait', () => {
  const slice = (tenant: string): SliceKey => ({ retentionDays: 30, hours: 24, group: ownGroup(tenant), start: 0 });
  const rows = (tenant: string, from: number, more: Partial<WaitingRows> = {}): WaitingRows => ({
    ...{ slice: slice(tenant), where: tenant, partition: 0, from, to: from + 1, rows: 1, reason: 'red' },
    ...{ receivedMs: 1_000 + from, fromMs: 500, toMs: 600 },
    ...more,
  });
  const waitingEvents = () => new WaitingEvents({ policy: () => POLICY, clock: { now: () => 9_000 } });

  it('are so many at the most, and one more holds up all', () => {
    const waiting = waitingEvents();
    for (let i = 0; i < STORE_LIMITS.waitingSlices; i++) waiting.add([rows(`t${i}`, i)]);
    expect(waiting.isFull).toBe(true);
    expect(() => waiting.add([rows('t0', 100), rows('other', 101)])).toThrow(
      /More than 256 slices .*all events wait.*red/,
    );
    expect(waiting.describe()).toHaveLength(STORE_LIMITS.waitingSlices);
    waiting.add([rows('t0', 100)]);
    expect(waiting.mark(0, 1_000)).toBe(0);
    expect(waiting.describe()[0]).toMatchObject({ where: 't0', events: 2, offsets: 101, sinceMs: 1_000 });
    // They are not tried so often that others are late.
    vi.advanceTimersByTime(STORE_LIMITS.trialPauseMaxMs);
    const [hole] = [waiting.next()];
    if (hole === undefined) throw new Error('not due');
    waiting.postpone(hole);
    vi.advanceTimersByTime(STORE_LIMITS.waitingSlices * STORE_LIMITS.trialPauseEachMs - 1);
    for (let next = waiting.next(); next !== undefined && next !== hole; next = waiting.next()) waiting.postpone(next);
    expect(waiting.next()).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(waiting.next()).toBe(hole);
  });

  it('cut what their own tenant is told of times that they may hold, and nobody else', () => {
    const waiting = waitingEvents();
    waiting.add([rows('a', 7), rows('b', 3)]);
    expect(waiting.cutMs('a')).toBe(1_007);
    expect(waiting.cutMs('b')).toBe(1_003);
    expect(waiting.cutMs('c')).toBe(Number.POSITIVE_INFINITY);
    expect(waiting.cutMs()).toBe(1_003);
    expect(waiting.cutMs('a', 0, 500)).toBe(Number.POSITIVE_INFINITY);
    expect(waiting.cutMs('a', 600, 700)).toBe(1_007);
    expect(waiting.cutMs('a', 601, 700)).toBe(Number.POSITIVE_INFINITY);
  });

  it('cut it also when another store has their partition, until that has stored them', () => {
    const over: string[] = [];
    const clock = { now: () => 9_000 };
    const waiting = new WaitingEvents({ policy: () => POLICY, clock, onOver: (where) => over.push(where) });
    waiting.add([rows('a', 7, { to: 20 }), rows('b', 3), rows('a', 30, { partition: 1 })]);
    waiting.release(0);
    expect(waiting.describe()).toMatchObject([{ where: 'a', offsets: 1 }]);
    expect(waiting.mark(0, 100)).toBe(100);
    expect([waiting.cutMs('a'), waiting.cutMs('b'), waiting.cutMs('c')]).toEqual([1_007, 1_003, Infinity]);
    waiting.settled(0, 19);
    expect([waiting.cutMs('a'), waiting.cutMs('b')]).toEqual([1_007, Infinity]);
    // It comes back, and nobody has looked yet what of it is stored.
    waiting.addUnknown(0, 19, 25);
    waiting.release(0);
    expect(waiting.cutMs('a')).toBe(1_007);
    waiting.settled(0, 20);
    expect(waiting.cutMs('a')).toBe(1_030);
    for (let i = 0; i <= STORE_LIMITS.waitingSlices; i++) {
      waiting.add([rows(`t${i}`, 50 + i, { partition: 2 })]);
      waiting.release(2);
    }
    // Of more than are remembered each by itself, whoever asks is told.
    expect(waiting.cutMs('c')).toBe(1_050);
    expect(over).toEqual([]);
  });

  it('are tried after pauses that grow, and are not skipped any more when they take something', () => {
    const waiting = waitingEvents();
    waiting.add([rows('a', 7, { to: 20 })]);
    expect(waiting.skips(slice('a'))).toBe(true);
    const pauses: number[] = [];
    for (let i = 0; i < 6; i++) {
      pauses.push(waiting.untilDueMs);
      expect(waiting.next()).toBeUndefined();
      vi.advanceTimersByTime(waiting.untilDueMs);
      const hole = waiting.next();
      if (hole === undefined) throw new Error('not due');
      waiting.postpone(hole);
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    vi.advanceTimersByTime(waiting.untilDueMs);
    const hole = waiting.next();
    if (hole === undefined) throw new Error('not due');
    waiting.passed(hole, 15, true);
    expect(waiting.skips(slice('a'))).toBe(false);
    expect(waiting.mark(0, 100)).toBe(15);
    expect(waiting.untilDueMs).toBe(0);
    waiting.passed(hole, 20, true);
    expect(waiting.describe()).toEqual([]);
    expect(sliceText(slice('a'))).toContain('own-a');
  });
});
