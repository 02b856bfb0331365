/**
 * What every search engine does with slices: one suite, run on each of them. Tenants are given other slices while events
 * come; each event is in exactly one slice, the one that its slice time says, and questions touch no more than they must.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { StoredEvent } from '../../event/event.ts';
import { Random } from '../../lib/random.ts';
import type { IndexerOptions } from '../indexer.ts';
import type { Tier } from '../policy/decide.ts';
import type { Decision } from '../policy/slice-policy.ts';
import type { SearchEngine } from '../port.ts';
import { DAY_MS, HOUR_MS, type SliceKey, sliceAt, sliceText, sliceTime } from '../slices.ts';
import type { StoreKit, StoreKitOptions } from './store-kit.ts';

const NOON = Date.parse('2026-11-23T12:00:00Z');
const MINUTE_MS = 60_000;
const PATIENCE = { timeout: 30_000, interval: 20 };
const ALL = { kind: 'all', span: { start: 0, end: 0 } } as const;
const TIERS: readonly Tier[] = [
  { name: 'shared', hours: 24, own: false },
  { name: 'own', fromEvents: 200, hours: 1, own: true },
  { name: 'six', hours: 6, own: true },
  { name: 'group', hours: 12, own: false },
];

const day = (timeMs: number): SliceKey => sliceAt({ retentionDays: 30, hours: 24, group: '' }, timeMs);
const hourOf = (tenant: string, timeMs: number): SliceKey =>
  sliceAt({ retentionDays: 30, hours: 1, group: `own-${tenant}` }, timeMs);

export interface SliceContractOptions {
  readonly open: (options: StoreKitOptions) => Promise<StoreKit<SearchEngine>>;
  /** Removes what the engine keeps elsewhere. */
  readonly remove?: (directory: string) => Promise<void>;
}

export function sliceContract(options: SliceContractOptions): void {
  let directory: string;
  let kit: StoreKit<SearchEngine> | undefined;
  let nowMs = NOON;
  let number = 0;
  const clock = { now: () => nowMs };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spillway-slices-'));
    nowMs = NOON;
    number = 0;
  });
  afterEach(async () => {
    await kit?.close();
    kit = undefined;
    await options.remove?.(directory);
    await rm(directory, { recursive: true, force: true });
  });

  async function open(indexer: Partial<IndexerOptions> = {}, partitions = 1): Promise<StoreKit<SearchEngine>> {
    await kit?.close();
    const all = { tiers: TIERS, policyEveryMs: 20, ...indexer };
    kit = await options.open({ directory, partitions, clock, indexer: all });
    return kit;
  }

  async function started(...args: Parameters<typeof open>): Promise<StoreKit<SearchEngine>> {
    const store = await open(...args);
    await store.startIndexer().started;
    return store;
  }

  /** Events that are received at `receivedMs`. */
  function events(tenant: string, count: number, timestampMs = nowMs, receivedMs = nowMs): StoredEvent[] {
    return Array.from({ length: count }, () => ({
      id: `local.raw.0.${number++}.0`,
      tenant,
      timestamp: timestampMs,
      received: receivedMs,
      type: 'log',
      source: 'app:host',
      message: `event of ${tenant}`,
      metadata: {},
      payload: {},
    }));
  }

  async function put(store: StoreKit<SearchEngine>, ...lists: readonly StoredEvent[][]): Promise<void> {
    await store.append(0, lists.flat());
    await store.settled();
  }

  async function idsOf(store: StoreKit<SearchEngine>, tenant: string, fromMs = 0, toMs = 1e15): Promise<string[]> {
    const { signal } = new AbortController();
    const question = { tenant, query: ALL, fromMs, toMs, signal, limit: 5_000, order: 'asc' } as const;
    return (await store.engine.search(question)).events.map(({ id }) => id).sort();
  }

  const ids = (...lists: readonly StoredEvent[][]): string[] =>
    lists
      .flat()
      .map(({ id }) => id)
      .sort();

  /** How many events are in which slices. */
  async function rows(store: StoreKit<SearchEngine>): Promise<Record<string, number>> {
    const slices = await store.engine.writer.slices();
    return Object.fromEntries(slices.map(({ slice, rows: count }) => [sliceText(slice), count]));
  }

  /** The slices that a question touches. */
  async function touched(store: StoreKit<SearchEngine>, tenant: string, fromMs: number, toMs: number) {
    const names = await store.engine.slices.touched(tenant, fromMs, toMs);
    const slices = await store.engine.writer.slices();
    return names.map((name) => {
      const found = slices.find(({ where }) => where === name);
      return found === undefined ? name : sliceText(found.slice);
    });
  }

  /** What was decided last about a tenant. */
  async function decided(store: StoreKit<SearchEngine>, tenant: string, tier: string | undefined): Promise<Decision> {
    return vi.waitFor(() => {
      const decision = store.engine.policy.current.latest(tenant);
      expect(decision?.rule?.tier).toBe(tier);
      return decision ?? expect.fail();
    }, PATIENCE);
  }

  test('a tenant that sends much has slices of its own from the next hour on, and shares again when it sends little', async () => {
    let store = await started();
    const early = [events('big', 300), events('small', 5)];
    await put(store, ...early);
    expect((await decided(store, 'big', 'own')).fromMs).toBe(NOON + HOUR_MS);
    nowMs = NOON + 65 * MINUTE_MS;
    const own = events('big', 20);
    const late = events('big', 2, NOON + 5 * MINUTE_MS);
    const small = events('small', 1);
    await put(store, own, late, small);
    expect(await rows(store)).toEqual({
      [sliceText(day(NOON))]: 300 + 5 + 2 + 1,
      [sliceText(hourOf('big', NOON + HOUR_MS))]: 20,
    });
    expect(await idsOf(store, 'big')).toEqual(ids(early[0] ?? [], own, late));
    expect(await idsOf(store, 'small')).toEqual(ids(early[1] ?? [], small));
    expect(await touched(store, 'small', NOON, NOON + 2 * HOUR_MS)).toEqual([sliceText(day(NOON))]);

    nowMs = NOON + 4 * DAY_MS + 5 * MINUTE_MS;
    expect((await decided(store, 'big', undefined)).rule).toBeNull();
    const last = events('big', 3);
    await put(store, last);
    nowMs += HOUR_MS;
    store = await started();
    const shared = events('big', 4);
    await put(store, shared);
    const { [sliceText(day(nowMs))]: inDay, [sliceText(hourOf('big', nowMs - HOUR_MS))]: inHour } = await rows(store);
    expect([inDay, inHour]).toEqual([4, 3]);
    expect(await idsOf(store, 'big')).toEqual(ids(early[0] ?? [], own, late, last, shared));
  });

  test('a question for one tenant and one hour touches only the slices of that tenant and hour', async () => {
    const store = await started({ pinned: { shop: 'own', bank: 'six', grouped: 'group' }, retention: { days: 30 } });
    for (let hour = 0; hour < 5; hour++) {
      nowMs = NOON + hour * HOUR_MS;
      await store.append(
        0,
        ['shop', 'bank', 'grouped', 'small', 'other'].flatMap((tenant) => events(tenant, 2)),
      );
    }
    await store.settled();
    const at = NOON + 2 * HOUR_MS;
    expect(await touched(store, 'shop', at, at + HOUR_MS)).toEqual([sliceText(hourOf('shop', at))]);
    expect(await touched(store, 'shop', at - HOUR_MS, at + HOUR_MS)).toEqual(
      [at - HOUR_MS, at].map((time) => sliceText(hourOf('shop', time))),
    );
    const six = (time: number) => sliceText(sliceAt({ retentionDays: 30, hours: 6, group: 'own-bank' }, time));
    expect(await touched(store, 'bank', at, at + HOUR_MS)).toEqual([six(at)]);
    const group = sliceText(sliceAt({ retentionDays: 30, hours: 12, group: 'tier-group' }, at));
    expect(await touched(store, 'grouped', at, at + HOUR_MS)).toEqual([group]);
    expect(await touched(store, 'small', at, at + HOUR_MS)).toEqual([sliceText(day(at))]);
    expect(await touched(store, 'shop', NOON - HOUR_MS, NOON - 1)).toEqual([]);
    expect(await idsOf(store, 'shop', at, at + HOUR_MS)).toHaveLength(2);
    expect(await idsOf(store, 'grouped')).toHaveLength(10);
  });

  test('a range holds its first moment and not its last, whether all events of a slice lie within it or not', async () => {
    const store = await started({ pinned: { shop: 'own' } });
    // A wrong clock in the hour's slice, and another hour, whose slice is not touched.
    const times = [NOON - 90 * MINUTE_MS, NOON + 3, NOON + 7, NOON + 7, NOON + 30 * MINUTE_MS];
    const [early = [], first = [], ...later] = times.map((time) => events('shop', 1, time));
    await put(store, early, first, ...later, events('small', 4, NOON + 5));
    const [second = [], third = [], ahead = []] = later;
    const { signal } = new AbortController();
    const count = (fromMs: number, toMs: number) =>
      store.engine.count({ tenant: 'shop', query: ALL, fromMs, toMs, signal });
    for (const [fromMs, toMs, found] of [
      [NOON + 3, NOON + 30 * MINUTE_MS + 1, [first, second, third, ahead]],
      [NOON + 3, NOON + 30 * MINUTE_MS, [first, second, third]],
      [NOON + 4, NOON + 1e10, [second, third, ahead]],
      [NOON + 8, NOON + 8, []],
      [0, 1e15, [early, first, second, third, ahead]],
      [NOON - 90 * MINUTE_MS, NOON + 7, [early, first]],
    ] as const) {
      expect(await idsOf(store, 'shop', fromMs, toMs)).toEqual(ids(...found));
      expect(await count(fromMs, toMs)).toBe(found.length);
    }
  });

  test('a tenant counts its own events alone, before and after others come into its slices', async () => {
    const store = await started();
    const { signal } = new AbortController();
    const asked = async (tenant: string) => {
      const question = { tenant, query: ALL, fromMs: 0, toMs: 1e15, signal };
      const { values } = await store.engine.values({
        ...question,
        field: { root: 'own', name: 'tenant' },
        limit: 10,
      });
      const buckets = await store.engine.histogram({ ...question, intervalMs: HOUR_MS });
      return { count: await store.engine.count(question), values, inBuckets: buckets.map(({ count }) => count) };
    };
    const alone = (tenant: string, count: number) => ({
      ...{ count, values: [{ value: tenant, count }], inBuckets: [count] },
    });
    await put(store, events('shop', 5, NOON + 1));
    expect(await asked('shop')).toEqual(alone('shop', 5));
    expect(await asked('bank')).toEqual({ count: 0, values: [], inBuckets: [] });
    await put(store, events('bank', 3, NOON + 2));
    expect(await asked('shop')).toEqual(alone('shop', 5));
    expect(await asked('bank')).toEqual(alone('bank', 3));
  });

  test('an event with a wrong clock is found by its timestamp, and touches nobody else', async () => {
    const store = await started({ pinned: { shop: 'own' } });
    const wrong = events('shop', 1, Date.parse('2001-01-01T00:00:00Z'));
    const ahead = events('shop', 1, NOON + 30 * MINUTE_MS);
    await put(store, wrong, ahead, events('shop', 1), events('small', 1));
    const of2001 = [Date.parse('2001-01-01T00:00:00Z'), Date.parse('2001-01-02T00:00:00Z')] as const;
    expect(await idsOf(store, 'shop', ...of2001)).toEqual(ids(wrong));
    expect(await idsOf(store, 'shop', NOON + 1, NOON + HOUR_MS)).toEqual(ids(ahead));
    expect(await touched(store, 'small', ...of2001)).toEqual([]);
    expect(await rows(store)).toEqual({ [sliceText(hourOf('shop', NOON))]: 3, [sliceText(day(NOON))]: 1 });
  });

  test('an insert that a crash left half done is finished by the policy that it was begun with', async () => {
    let store = await started();
    await put(store, events('shop', 1));
    store = await open();
    const { engine } = store;
    const before = engine.policy.current;
    const rest = events('shop', 40, NOON + 5 * MINUTE_MS, NOON + 5 * MINUTE_MS);
    const to = await store.append(0, rest);
    const from = to - rest.length - 1;
    const share = { slice: day(NOON), tenant: 'shop', fromMs: NOON, toMs: NOON + HOUR_MS, docs: 40, bytes: 1 };
    await engine.journal.begin({
      ranges: [{ partition: 0, from, to }],
      shares: [share],
      policyVersion: before.version,
      paths: [],
      receivedMs: NOON,
    });
    const block = engine.writer.createBlock();
    for (const [i, event] of rest.slice(0, 15).entries()) {
      const bytes = Buffer.from(JSON.stringify(event));
      const record = { partition: 0, offset: from + i, timestampMs: NOON };
      block.add(bytes, 0, bytes.length, record, () => ({ slice: day(NOON), tier: 'shared' }));
    }
    const batch = await block.finish();
    if (batch === undefined) throw new Error('no rows');
    await engine.writer.insert(batch);
    // As if the clock of whoever received the events had been ahead of what was decided meanwhile.
    const rule = { tier: 'own', retentionDays: 30, hours: 1, group: 'own-shop' };
    const decision = {
      version: before.version + 1,
      tenant: 'shop',
      fromMs: NOON,
      rule,
      decidedMs: NOON,
      why: 'a test',
    };
    expect(await engine.policy.append([decision])).toBe(true);
    store = await started({ pinned: { shop: 'own' } });
    await store.settled();
    expect(await rows(store)).toEqual({ [sliceText(day(NOON))]: 41 });
    expect(await idsOf(store, 'shop')).toHaveLength(41);
  });

  test('stores that come and go while slices change have every event exactly once, where its time says', async () => {
    const seed = Date.now() % 1_000_000;
    const random = new Random(seed).next;
    const tenants = ['a', 'b', 'c'];
    const sent: StoredEvent[] = [];
    const names = [...TIERS.map(({ name }) => name), undefined];
    let store = await open({}, 2);
    for (let round = 0; round < 6; round++) {
      nowMs += Math.floor(random() * 5 * HOUR_MS);
      const pinned = Object.fromEntries(
        tenants.flatMap((tenant) => {
          const name = names[Math.floor(random() * names.length)];
          return name === undefined ? [] : [[tenant, name]];
        }),
      );
      store = await open({ pinned }, 2);
      await store.startIndexer().started;
      for (let batch = 0; batch < 4; batch++) {
        nowMs += Math.floor(random() * 40 * MINUTE_MS);
        const some = tenants.flatMap((tenant) =>
          events(tenant, 1 + Math.floor(random() * 100), nowMs - Math.floor(random() ** 4 * DAY_MS)),
        );
        sent.push(...some);
        await store.append(batch % 2, some);
      }
      // Ended in the middle of its work as often as not.
      if (random() < 0.5) await store.settled();
    }
    store = await started({}, 2);
    await store.settled();
    for (const tenant of tenants) {
      expect(await idsOf(store, tenant), `seed ${seed}`).toEqual(ids(sent.filter((event) => event.tenant === tenant)));
    }
    const policy = store.engine.policy.current;
    const expected: Record<string, number> = {};
    for (const { tenant, timestamp, received } of sent) {
      const time = sliceTime(timestamp, received);
      const text = sliceText(sliceAt(policy.ruleAt(tenant, time).rule, time));
      expected[text] = (expected[text] ?? 0) + 1;
    }
    expect(await rows(store), `seed ${seed}`).toEqual(expected);
    expect(Object.keys(expected).length).toBeGreaterThan(3);
  });

  describe('thousands of small tenants', () => {
    test('have the same slices as one, and none is asked for another', async () => {
      const store = await started();
      const tenants = Array.from({ length: 1_000 }, (_, i) => `tenant-${i}`);
      await put(store, ...tenants.map((tenant) => events(tenant, 3)));
      expect(await rows(store)).toEqual({ [sliceText(day(NOON))]: 3_000 });
      for (const tenant of ['tenant-0', 'tenant-999']) expect(await idsOf(store, tenant)).toHaveLength(3);
      expect(store.engine.policy.current.decisions).toHaveLength(1);
    });
  });

  test('retention drops whole slices of each kind when their time has passed', async () => {
    const retention = { days: 2, tenants: { longer: 4 } };
    const pinned = { shop: 'own', longer: 'six' };
    let store = await started({ retention, pinned });
    await put(store, events('shop', 1), events('longer', 1), events('small', 1));
    expect(Object.keys(await rows(store))).toHaveLength(3);
    nowMs = NOON + HOUR_MS + 2 * DAY_MS;
    store = await started({ retention, pinned });
    await vi.waitFor(async () => expect(Object.keys(await rows(store))).toHaveLength(2), PATIENCE);
    expect(await idsOf(store, 'shop')).toEqual([]);
    expect(await idsOf(store, 'small')).toHaveLength(1);
    nowMs = NOON + 12 * HOUR_MS + 2 * DAY_MS;
    store = await started({ retention, pinned });
    await vi.waitFor(async () => expect(Object.keys(await rows(store))).toHaveLength(1), PATIENCE);
    expect(await idsOf(store, 'longer')).toHaveLength(1);
    // The engine loses the slice first, and then the list of slices does.
    await vi.waitFor(async () => expect(await touched(store, 'small', 0, 1e15)).toEqual([]), PATIENCE);
    expect((await store.engine.slices.describe()).map(({ tier }) => tier)).toEqual(['six']);
  });
}
