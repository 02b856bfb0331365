import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { lacks } from '../../../test/support/needs.ts';
import type { JsonObject, StoredEvent } from '../../event/event.ts';
import { createLog } from '../../lib/log.ts';
import type { InsertOptions, SearchEngine } from '../port.ts';
import { HOUR_MS } from '../slices.ts';
import { sliceContract } from '../testing/slice-contract.ts';
import type { StoreKit, StoreKitOptions } from '../testing/store-kit.ts';
import { Client } from './client.ts';
import { ClusterDocument, sharedIndex } from './cluster-document.ts';
import { ClusterPolicy } from './cluster-policy.ts';
import type { OpenSearchOptions } from './engine.ts';
import { at as memberAt } from './json.ts';
import { sliceContents, sliceIndex } from './mapping.ts';
import { QueryRunner } from './query-runner.ts';
import { SliceCatalogue } from './slice-catalogue.ts';
import { openClusterKit, prefixOf, removeSlices, TEST_NODE } from './testing/cluster-kit.ts';
import { Meddler, type Meddling } from './testing/meddler.ts';

const suite = 'slices of OpenSearch';
const NOON = Date.parse('2026-11-23T12:00:00Z');
const PATIENCE = { timeout: 30_000, interval: 50 };
const TIERS = [
  { name: 'shared', hours: 24, own: false },
  { name: 'own', hours: 1, own: true },
];
const ALL = { kind: 'all', span: { start: 0, end: 0 } } as const;

describe.skipIf(lacks(suite, { server: 'SPILLWAY_TEST_OPENSEARCH' }))(suite, { timeout: 120_000 }, () => {
  sliceContract({ open: openClusterKit, remove: removeSlices });

  let folder: string;
  let nowMs = NOON;
  const kits: StoreKit<SearchEngine>[] = [];
  const clients: Client[] = [];
  const index = () => ({ prefix: prefixOf(folder), shards: 1, replicas: 0 });
  const client = (url = TEST_NODE) => {
    const made = new Client({ nodes: [url] });
    clients.push(made);
    return made;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spillway-opensearch-'));
    nowMs = NOON;
  });
  afterEach(async () => {
    for (const kit of kits.splice(0)) await kit.close();
    for (const one of clients.splice(0)) one.close();
    await removeSlices(folder);
    await rm(folder, { recursive: true, force: true });
  });

  /** A store of the same cluster; each `name` has a folder of its own. */
  async function started(
    name: string,
    options: Partial<StoreKitOptions> = {},
    engine: Partial<OpenSearchOptions> = {},
  ) {
    const directory = join(folder, name);
    const indexer = { tiers: TIERS, policyEveryMs: 50, ...options.indexer };
    const kit = await openClusterKit(
      { directory, clock: { now: () => nowMs }, ...options, indexer },
      { index: index(), ...engine },
    );
    kits.push(kit);
    await kit.startIndexer().started;
    return kit;
  }

  let number = 0;
  const events = (tenant: string, count: number): StoredEvent[] =>
    Array.from({ length: count }, () => ({
      id: `local.raw.0.${number++}.0`,
      ...{ tenant, timestamp: nowMs, received: nowMs, type: 'log', source: 'a:b', metadata: {}, payload: {} },
    }));
  const question = (tenant: string, fromMs = 0, toMs = 1e15) => ({
    ...{ tenant, query: ALL, fromMs, toMs },
    signal: new AbortController().signal,
  });

  test('a question goes to the indices that it touches, and to no other', async () => {
    const meddler = await Meddler.start(TEST_NODE);
    const asked: string[] = [];
    meddler.meddle = (path) => {
      if (path.includes('/_search')) asked.push(...(path.split('/')[1] ?? '').split(','));
      return 'pass';
    };
    const pinned = { shop: 'own', bank: 'own' };
    const kit = await started('a', { indexer: { pinned } }, { cluster: { nodes: [meddler.url] } });
    for (let hour = 0; hour < 3; hour++) {
      nowMs = NOON + hour * HOUR_MS;
      await kit.append(
        0,
        ['shop', 'bank', 'small'].flatMap((tenant) => events(tenant, 2)),
      );
      await kit.settled();
    }
    const name = (what: string) => `${prefixOf(folder)}-slice-30d-${what}`;
    const of = async (tenant: string, fromMs: number, toMs: number) => {
      asked.length = 0;
      const { engine } = kit;
      expect(await engine.count(question(tenant, fromMs, toMs))).toBe(2);
      const page = await engine.search({ ...question(tenant, fromMs, toMs), limit: 9, order: 'asc' });
      expect(page.events).toHaveLength(2);
      await engine.histogram({ ...question(tenant, fromMs, toMs), intervalMs: 1_000 });
      return [...new Set(asked)];
    };
    const two = NOON + 2 * HOUR_MS;
    expect(await of('shop', two, two + HOUR_MS)).toEqual([name('1h-own-shop-2026-11-23t14')]);
    expect(await of('bank', NOON, NOON + HOUR_MS)).toEqual([name('1h-own-bank-2026-11-23t12')]);
    expect(await of('small', two, two + HOUR_MS)).toEqual([name('2026-11-23')]);
    await kits.pop()?.close();
    await meddler.close();
  });

  test('more indices than the path of a request takes are asked as well, and ended with the question', async () => {
    const kit = await started('a');
    await kit.append(0, events('small', 3));
    await kit.settled();
    const [there = ''] = await kit.engine.slices.touched('small', 0, 1e15);
    const meddler = await Meddler.start(TEST_NODE);
    const paths: string[] = [];
    meddler.meddle = (path) => {
      paths.push(path);
      return 'pass';
    };
    const limits = { concurrent: 1, concurrentPerTenant: 1, waitingPerTenant: 1, waitMs: 1_000, timeMs: 10_000 };
    const runner = new QueryRunner(client(meddler.url), limits);
    let many = Array.from({ length: 200 }, () => there);
    const ask = (query: object, signal = new AbortController().signal) =>
      runner.run(
        'small',
        signal,
        {
          touched: async () => many.map((name) => ({ index: name })),
          known: () => [],
          existing: async () => new Set([there]),
        },
        (one) => one({ size: 0, track_total_hits: true, query }),
      );
    const countAll = async () => memberAt(await ask({ match_all: {} }), 'hits', 'total', 'value');
    expect(await countAll()).toBe(3);
    expect(paths).toEqual(['/_msearch']);
    many = [...Array.from({ length: 200 }, (_, i) => `${there}-not-there-${i}`), there];
    expect(await countAll()).toBe(3);
    await expect(ask({ nonsense: {} })).rejects.toThrow();
    await expect(ask({ match_all: {} }, AbortSignal.abort())).rejects.toHaveProperty('code', 'QUERY_CANCELLED');
    await meddler.close();
  });

  test('stores of one cluster share what is decided and noted: each finds what the others wrote', async () => {
    const indexer = { tiers: [TIERS[0], { name: 'own', fromEvents: 2_500, hours: 1, own: true }] as typeof TIERS };
    const one = await started('one', { indexer });
    const other = await started('other', { indexer });
    // Neither measures enough alone.
    await one.append(0, events('big', 1_500));
    await other.append(0, events('big', 1_500));
    await Promise.all([one.settled(), other.settled()]);
    await vi.waitFor(() => {
      for (const { engine } of [one, other]) {
        expect(engine.policy.current.latest('big')?.rule).toMatchObject({ tier: 'own', group: 'own-big' });
      }
    }, PATIENCE);
    expect(one.engine.policy.current).toEqual(other.engine.policy.current);
    expect(one.engine.policy.current.decisions.filter(({ tenant }) => tenant === 'big')).toHaveLength(1);
    nowMs = NOON + HOUR_MS;
    await one.append(0, events('big', 10));
    await other.append(0, events('big', 20));
    await Promise.all([one.settled(), other.settled()]);
    for (const { engine } of [one, other]) {
      await vi.waitFor(async () => expect(await engine.count(question('big'))).toBe(3_030), PATIENCE);
      expect(await engine.count(question('big', NOON + HOUR_MS, NOON + 2 * HOUR_MS))).toBe(30);
    }
    const own = (await one.engine.writer.slices()).filter(({ slice }) => slice.group === 'own-big');
    expect(own.map(({ rows }) => rows)).toEqual([30]);
  });

  test('a slice that somebody has closed is missed, and not left out of answers', async () => {
    const kit = await started('a');
    await kit.append(0, events('small', 3));
    await kit.settled();
    const [there = ''] = await kit.engine.slices.touched('small', 0, 1e15);
    await client().call({ method: 'POST', path: `${there}/_close` });
    await expect(kit.engine.count(question('small'))).rejects.toThrow(/closed/);
    await client().call({ method: 'POST', path: `${there}/_open` });
    expect(await kit.engine.count(question('small'))).toBe(3);
    // One that is gone holds nothing.
    await client().call({ method: 'DELETE', path: there });
    expect(await kit.engine.count(question('small'))).toBe(0);
  });

  describe('an index that somebody removed', () => {
    const remove = (name: string) => client().call({ method: 'DELETE', path: name });
    /** As retention does, which looks from time to time. */
    const look = (kit: StoreKit<SearchEngine>) => kit.engine.writer.slices();
    let meddler: Meddler;
    beforeEach(async () => {
      meddler = await Meddler.start(TEST_NODE);
    });
    afterEach(() => meddler.close());

    /** A store with one slice, and that; its requests pass the meddler. */
    async function withSlice() {
      const kit = await started('a', {}, { cluster: { nodes: [meddler.url] } });
      await kit.append(0, events('small', 3));
      await kit.settled();
      const [there = ''] = await kit.engine.slices.touched('small', 0, 1e15);
      return { kit, there };
    }
    /** Before the first request of this kind passes, this is done. */
    function interrupt(method: string, part: string, work: () => Promise<unknown>) {
      let isFirst = true;
      meddler.meddle = async (path, _body, used): Promise<Meddling> => {
        if (used === method && path.includes(part) && isFirst) {
          isFirst = false;
          await work();
        }
        return 'pass';
      };
    }

    test('is not asked any more, by any store', async () => {
      const { kit, there } = await withSlice();
      const other = await started('b');
      await remove(there);
      await look(other);
      await vi.waitFor(async () => expect(await kit.engine.slices.touched('small', 0, 1e15)).toEqual([]), PATIENCE);
      expect(await kit.engine.count(question('small'))).toBe(0);
      await kit.append(0, events('small', 2));
      await kit.settled();
      expect(await kit.engine.count(question('small'))).toBe(2);
    });

    test.each([
      ['is missed', 0, 1],
      ['past its retention is not', 40 * 24 * HOUR_MS, 0],
    ])('%s', async (_, laterMs, alarms) => {
      const { kit, there } = await withSlice();
      await remove(there);
      nowMs += laterMs;
      const lost: unknown[] = [];
      const log = Object.assign(Object.create(createLog('test', 'fatal')), {
        error: (about: unknown) => lost.push(about),
      });
      const other = await openClusterKit(
        { directory: join(folder, 'b'), clock: { now: () => nowMs } },
        { index: index(), log },
      );
      kits.push(other);
      await look(other);
      expect(await kit.engine.slices.describe()).toEqual([]);
      expect(lost).toEqual(Array.from({ length: alarms }, () => ({ index: there })));
    });

    test('leaves the list also where what is noted about its fields cannot be removed', async () => {
      const { kit, there } = await withSlice();
      await remove(there);
      meddler.meddle = (path) => (path.includes('-shared/_doc/fields-') ? 'busy' : 'pass');
      expect(await look(kit)).toEqual([]);
      expect(meddler.meddled).toBeGreaterThan(0);
      expect(await kit.engine.slices.touched('small', 0, 1e15)).toEqual([]);
    });

    test('is not one that could not be made', async () => {
      const kit = await started('a', {}, { cluster: { nodes: [meddler.url] } });
      meddler.meddle = (path, _body, method) => (method === 'PUT' && path.includes('-slice-') ? 'busy' : 'pass');
      await kit.append(0, events('small', 1));
      await vi.waitFor(() => expect(meddler.meddled).toBeGreaterThan(0), PATIENCE);
      const lost: unknown[] = [];
      const log = Object.assign(Object.create(createLog('test', 'fatal')), {
        error: (about: unknown) => lost.push(about),
      });
      const other = await openClusterKit({ directory: join(folder, 'b') }, { index: index(), log });
      kits.push(other);
      expect(await other.engine.slices.touched('small', 0, 1e15)).toHaveLength(1);
      await look(other);
      expect(lost).toEqual([]);
      meddler.meddle = () => 'pass';
      await kit.settled();
      expect(await kit.engine.count(question('small'))).toBe(1);
    });

    test('stays in the list while it is closed, or the cluster does not say that it is gone', async () => {
      const { kit, there } = await withSlice();
      await client().call({ method: 'POST', path: `${there}/_close` });
      await look(kit);
      expect(await kit.engine.slices.touched('small', 0, 1e15)).toEqual([there]);
      await remove(there);
      meddler.meddle = (path) => (path.includes('/_alias') ? 'busy' : 'pass');
      await expect(look(kit)).rejects.toThrow();
      meddler.meddle = (path) => (path.startsWith(`/${there}/_alias`) ? 'busy' : 'pass');
      await look(kit);
      expect(await kit.engine.slices.touched('small', 0, 1e15)).toEqual([there]);
    });

    test('and that another store has made again has the fields that this one writes', async () => {
      const { kit, there } = await withSlice();
      const other = await started('b');
      const withStatus = (count: number) =>
        events('small', count).map((event) => ({ ...event, payload: { status: 7 } }));
      await kit.append(0, withStatus(2));
      await kit.settled();
      await remove(there);
      await other.append(0, events('small', 1));
      await other.settled();
      // What others noted is known a second later.
      const field = { root: 'payload', path: ['status'] } as const;
      await vi.waitFor(async () => {
        await kit.append(0, withStatus(1));
        await kit.settled();
        const { values } = await kit.engine.values({ ...question('small'), field, limit: 5 });
        expect(values).toEqual([{ value: 7, count: expect.any(Number) }]);
      }, PATIENCE);
    });

    test('and made again while another store writes to it has the fields that this one writes', async () => {
      const { kit, there } = await withSlice();
      const other = await started('b');
      const withPayload = (payload: JsonObject) => events('small', 1).map((event) => ({ ...event, payload }));
      await kit.append(0, withPayload({ status: 6 }));
      await kit.settled();
      interrupt('PUT', `/${there}/_mapping`, async () => {
        await remove(there);
        await other.append(0, events('small', 1));
        await other.settled();
      });
      await kit.append(0, withPayload({ status: 7, further: 1 }));
      await kit.settled();
      const ask = { ...question('small'), field: { root: 'payload', path: ['status'] } as const, limit: 5 };
      const { values } = await kit.engine.values(ask);
      expect(values).toEqual([{ value: 7, count: 1 }]);
    });

    test('and brought back from a snapshot without an insert meanwhile is looked at again', async () => {
      const { kit, there } = await withSlice();
      const withStatus = () => events('small', 1).map((event) => ({ ...event, payload: { status: 7 } }));
      await kit.append(0, withStatus());
      await kit.settled();
      const { body } = await client().call({ method: 'GET', path: there });
      const { aliases, mappings } = Object(memberAt(body, there));
      delete mappings.properties.v.properties.number;
      await remove(there);
      await client().call({ method: 'PUT', path: there, body: { aliases, mappings } });
      await look(kit);
      await kit.append(0, withStatus());
      await kit.settled();
      const ask = { ...question('small'), field: { root: 'payload', path: ['status'] } as const, limit: 5 };
      expect((await kit.engine.values(ask)).values).toEqual([{ value: 7, count: 1 }]);
    });

    test.each([
      ['before an event comes for it', false],
      ['after one has come for it', true],
    ])('and brought back from a snapshot %s holds all that it held', async (_, isMadeAgain) => {
      const { kit, there } = await withSlice();
      const DAY_MS = 24 * HOUR_MS;
      // Too late for a slice of its own time.
      await kit.append(
        0,
        events('small', 2).map((event) => ({ ...event, timestamp: nowMs - 10 * DAY_MS })),
      );
      await kit.settled();
      const late = () => kit.engine.count(question('small', nowMs - 11 * DAY_MS, nowMs - 9 * DAY_MS));
      expect(await late()).toBe(2);
      const backup = `${prefixOf(folder)}-backup`;
      const { body } = await client().call({ method: 'GET', path: there });
      const aliases = memberAt(body, there, 'aliases');
      const copy = async (from: string, to: string, more = {}) => {
        const block = (path: string, isBlocked: true | null) =>
          client().call({ method: 'PUT', path: `${path}/_settings`, body: { 'index.blocks.write': isBlocked } });
        await block(from, true);
        await client().call({ method: 'POST', path: `${from}/_clone/${to}`, body: more });
        await block(to, null);
      };
      await copy(there, backup);
      await remove(there);
      await look(kit);
      if (isMadeAgain) {
        await kit.append(0, events('small', 1));
        await kit.settled();
        await remove(there);
      }
      await copy(backup, there, { aliases });
      await remove(backup);
      if (isMadeAgain) await look(kit);
      else {
        await kit.append(0, events('small', 1));
        await kit.settled();
      }
      expect(await late()).toBe(2);
      expect(await kit.engine.count(question('small'))).toBe(isMadeAgain ? 5 : 6);
    });

    test.each([
      ['after it was seen that it is not there', 'PUT', '-shared/_doc/slices'],
      ['while it is looked whether it is there', 'GET', '/_alias'],
    ])('and is made again %s is not missed', async (_, method, part) => {
      const { kit, there } = await withSlice();
      const other = await started('b');
      await remove(there);
      interrupt(method, part, async () => {
        await other.append(0, events('small', 4));
        await other.settled();
      });
      await look(kit);
      for (const { engine } of [kit, other]) {
        await vi.waitFor(async () => expect(await engine.slices.touched('small', 0, 1e15)).toEqual([there]), PATIENCE);
        expect(await engine.count(question('small'))).toBe(4);
      }
    });

    test('and that is just being made again is not missed, also where it was taken out of the list meanwhile', async () => {
      const { kit, there } = await withSlice();
      const other = await started('b');
      await remove(there);
      let isLooked = false;
      interrupt('PUT', `/${there}`, async () => {
        await look(other);
        isLooked = (await other.engine.slices.touched('small', 0, 1e15)).length === 0;
      });
      await kit.append(0, events('small', 2));
      await kit.settled();
      expect(isLooked).toBe(true);
      for (const { engine } of [kit, other]) {
        await vi.waitFor(async () => expect(await engine.count(question('small'))).toBe(2), PATIENCE);
      }
    });
  });

  test('what stores share is made again from the indices where somebody removes it', async () => {
    const kit = await started('a', { indexer: { pinned: { shop: 'own' } } });
    await kit.append(0, [...events('shop', 3), ...events('small', 2)]);
    await kit.settled();
    await client().call({ method: 'DELETE', path: sharedIndex(prefixOf(folder)) });
    nowMs += HOUR_MS;
    await kit.append(0, [...events('shop', 4), ...events('small', 1)]);
    await kit.settled();
    await vi.waitFor(async () => expect(await kit.engine.count(question('shop'))).toBe(7), PATIENCE);
    expect(await kit.engine.count(question('small'))).toBe(3);
    expect(kit.engine.policy.current.latest('shop')?.rule?.tier).toBe('own');
    await vi.waitFor(async () => expect(await kit.engine.slices.describe()).toHaveLength(3), PATIENCE);
  });

  test('what stores share is never mapped field by field, also where a write makes its index that was removed', async () => {
    const kit = await started('a');
    await kit.append(0, events('shop', 3));
    await kit.settled();
    await kits.pop()?.close();
    const document = new ClusterDocument<object>(client(), index(), 'slices');
    await document.refresh();
    await client().call({ method: 'DELETE', path: sharedIndex(prefixOf(folder)) });
    expect(await document.replace({ indices: { some: { fromMs: 1 } } })).toBe(false);
    const { body } = await client().call({ method: 'GET', path: `${sharedIndex(prefixOf(folder))}/_mapping` });
    const mappings = memberAt(body, sharedIndex(prefixOf(folder)), 'mappings');
    expect(mappings).toEqual({ dynamic: 'false', properties: { value: { type: 'object', enabled: false } } });
  });

  test('what was decided about slices outlives the document that says it, as long as a store runs', async () => {
    const store = new ClusterPolicy(client(), index(), 'a', () => nowMs);
    const other = new ClusterPolicy(client(), index(), 'b', () => nowMs);
    const rule = { tier: 'own', retentionDays: 90, hours: 1, group: 'own-shop' };
    const decision = { version: 1, tenant: 'shop', fromMs: 0, rule, decidedMs: nowMs, why: 'a test' };
    await store.append([decision]);
    await other.refresh();
    await client().call({ method: 'DELETE', path: sharedIndex(prefixOf(folder)) });
    await Promise.all([store.refresh(), other.refresh()]);
    expect(store.current.decisions).toEqual([decision]);
    expect(other.current.decisions).toEqual([decision]);
    const third = new ClusterPolicy(client(), index(), 'c', () => nowMs);
    await third.refresh();
    expect(third.current.decisions).toEqual([decision]);
  });

  test('a slice that no node has, and whose maker ended before it noted that, holds up neither a start nor a list', async () => {
    const options = { ...index(), tiers: { own: { nodes: { box: 'hot' } } } };
    const slice = { retentionDays: 30, hours: 24, group: 'own-shop', start: Math.floor(NOON / (24 * HOUR_MS)) };
    const name = sliceIndex(options.prefix, slice);
    const kit = await started('a');
    await kit.append(0, events('small', 3));
    await kit.settled();
    const meddler = await Meddler.start(TEST_NODE);
    const catalogue = new SliceCatalogue(client(meddler.url), options);
    await catalogue.open();
    const body = sliceContents(options, name, 'own');
    await client().call({ method: 'PUT', path: `${name}?wait_for_active_shards=0`, body });
    // A refresh would wait a minute.
    meddler.meddle = (path) => (path.includes('_refresh') ? 'busy' : 'pass');
    // It may hold anything while nobody has noted it.
    await expect(catalogue.open()).rejects.toThrow();
    await catalogue.cover([{ index: name, slice, tier: 'own', fromMs: NOON, toMs: NOON }]);
    await catalogue.open();
    const other = await openClusterKit({ directory: join(folder, 'b') }, { index: options });
    kits.push(other);
    expect(await other.engine.slices.describe()).toHaveLength(2);
    expect(await other.engine.writer.slices()).toHaveLength(2);
    expect(await other.engine.count(question('small'))).toBe(3);
    await expect(other.engine.count(question('shop'))).rejects.toHaveProperty('code', 'UNAVAILABLE');
    // Nor another than is noted by its name.
    const there = (await catalogue.indices()).find((one) => one.index === name);
    const document = new ClusterDocument<{ indices: Record<string, object> }>(client(), options, 'slices');
    await document.refresh();
    const before = document.value?.indices ?? {};
    await document.replace({ indices: { ...before, [name]: { ...before[name], uuid: 'x' } } });
    await expect(catalogue.open()).rejects.toThrow();
    await document.replace({ indices: before });
    // Events for it wait, and those that came with them do not.
    const rows = [
      [events('shop', 1), 'own-shop', 'own'],
      [events('small', 1), '', 'shared'],
    ] as const;
    const insert = async (how?: InsertOptions) => {
      const block = other.engine.writer.createBlock();
      for (const [i, [[event], group, tier]] of rows.entries()) {
        const bytes = Buffer.from(JSON.stringify(event));
        const stamp = { partition: 0, offset: 100 + i, timestampMs: NOON };
        block.add(bytes, 0, bytes.length, stamp, () => ({ slice: { ...slice, group }, tier }));
      }
      const batch = await block.finish();
      if (batch === undefined) throw new Error('no rows');
      return other.engine.writer.insert(batch, how);
    };
    const waiting = [{ slice, where: name, partition: 0, from: 100, to: 101, rows: 1 }];
    expect(await insert()).toMatchObject({
      refused: [],
      waiting: waiting.map((one) => ({ ...one, reason: expect.stringMatching(/no node has.*allocation\.require/i) })),
    });
    expect(await other.engine.count(question('small'))).toBe(4);
    // Whoever knows it can leave it out, or try it without a wait: what is there already is no other event.
    expect(await insert({ skips: ({ group }) => group === 'own-shop' })).toMatchObject({ waiting });
    expect(await insert({ isTrial: true })).toMatchObject({ refused: [], waiting });
    const range = { partition: 0, from: 100, to: 200 };
    expect(await other.engine.writer.shared?.lastOffset(range)).toBe(101);
    expect(await other.engine.writer.shared?.hasRows(7)).toBe(true);
    expect(await other.engine.writer.visibleOffsets(range, [])).toEqual(new Set([101]));
    // It is measured when it is there.
    meddler.meddle = () => 'pass';
    const settings = { 'index.routing.allocation.require.box': null };
    await client().call({ method: 'PUT', path: `${name}/_settings`, body: settings });
    await vi.waitFor(async () => {
      await catalogue.open();
      expect(catalogue.uuidOf(name)).toBe(there?.uuid);
    }, PATIENCE);
    await vi.waitFor(async () => {
      expect(await insert({ isTrial: true })).toEqual({ refused: [], waiting: [] });
    }, PATIENCE);
    expect(await other.engine.count(question('shop'))).toBe(1);
    expect(await other.engine.count(question('small'))).toBe(4);
    expect(await other.engine.writer.shared?.hasRows(7)).toBe(false);
    await meddler.close();
  });

  test('slices of a tier lie as its storage says, all others as all do', async () => {
    const tiers = { own: { shards: 2, replicas: 0, nodes: { box: 'hot' } } };
    // No node has the attribute: what is written waits, so only the settings are looked at.
    const kit = await openClusterKit({ directory: join(folder, 'a') }, { index: { ...index(), tiers } });
    kits.push(kit);
    const { writer } = kit.engine;
    for (const [group, tier] of [
      ['own-shop', 'own'],
      ['', 'shared'],
    ] as const) {
      const block = writer.createBlock();
      const bytes = Buffer.from(JSON.stringify(events('shop', 1)[0]));
      const slice = { retentionDays: 30, hours: 24, group, start: 20_000 };
      block.add(bytes, 0, bytes.length, { partition: 0, offset: 0, timestampMs: 1 }, () => ({ slice, tier }));
      const batch = await block.finish();
      if (batch === undefined) throw new Error('no rows');
      void writer.insert(batch).catch(() => {});
    }
    await vi.waitFor(async () => {
      const path = `${prefixOf(folder)}-slice-*/_settings?flat_settings=true`;
      const { body } = await client().call({ method: 'GET', path });
      const settings = (name: string) => memberAt(body, `${prefixOf(folder)}-slice-30d-${name}`, 'settings');
      expect(settings('24h-own-shop-2024-10-04t00')).toMatchObject({
        'index.number_of_shards': '2',
        'index.routing.allocation.require.box': 'hot',
      });
      expect(settings('2024-10-04')).toMatchObject({ 'index.number_of_shards': '1' });
      expect(settings('2024-10-04')).not.toHaveProperty('index.routing.allocation.require.box');
    }, PATIENCE);
  });

  test('of two that change what is shared at once one is told to look again', async () => {
    const [a, b] = [client(), client()].map((one) => new ClusterDocument<{ n: number }>(one, index(), 'test'));
    if (a === undefined || b === undefined) throw new Error('no documents');
    await Promise.all([a.refresh(), b.refresh()]);
    expect((await Promise.all([a.replace({ n: 1 }), b.replace({ n: 2 })])).sort()).toEqual([false, true]);
    await Promise.all([a.refresh(), b.refresh()]);
    expect(a.value).toEqual(b.value);
    expect(await a.replace({ n: 3 })).toBe(true);
    expect(await b.replace({ n: 4 })).toBe(false);
    expect(await b.refresh()).toBe(true);
    expect(b.value).toEqual({ n: 3 });
    expect(await b.refresh()).toBe(false);
  });
});
