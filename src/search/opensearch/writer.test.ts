import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { lacks } from '../../../test/support/needs.ts';
import { answeredEvent } from '../../event/answered.ts';
import type { StoredEvent } from '../../event/event.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { createLog } from '../../lib/log.ts';
import { parseQuery } from '../../query/parse.ts';
import { events as anyEvents } from '../../query/testing/arbitraries.ts';
import type { SearchEngine } from '../port.ts';
import { ownGroup, type SliceKey } from '../slices.ts';
import { lettersOf } from '../testing/dead-letters.ts';
import { numberedEvent } from '../testing/numbered-event.ts';
import type { StoreKit, StoreKitOptions } from '../testing/store-kit.ts';
import { Client } from './client.ts';
import type { OpenSearchOptions } from './engine.ts';
import { aliasOf, sliceIndex, writeAlias } from './mapping.ts';
import { insertEvents, openClusterKit, prefixOf, removeSlices, TEST_NODE } from './testing/cluster-kit.ts';
import { Meddler, type Meddling } from './testing/meddler.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
const DAY_MS = 86_400_000;
const TODAY = { retentionDays: 30, hours: 24, group: '', start: Math.floor(NOW_MS / DAY_MS) };
const PATIENCE = { timeout: 60_000, interval: 50 };
const suite = 'writes to OpenSearch';

describe.skipIf(lacks(suite, { server: 'SPILLWAY_TEST_OPENSEARCH' }))(suite, { timeout: 120_000 }, () => {
  let folder: string;
  const kits: StoreKit<SearchEngine>[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spillway-opensearch-'));
  });
  afterEach(async () => {
    for (const kit of kits.splice(0)) await kit.close();
    await removeSlices(folder);
    await rm(folder, { recursive: true, force: true });
  });

  async function open(options: Partial<StoreKitOptions> = {}, engine: Partial<OpenSearchOptions> = {}) {
    const kit = await openClusterKit({ directory: folder, ...options }, engine);
    kits.push(kit);
    return kit;
  }

  async function started(...args: Parameters<typeof open>) {
    const kit = await open(...args);
    await kit.startIndexer().started;
    return kit;
  }

  const eventOf = (number: number, more: Partial<StoredEvent> = {}) => numberedEvent(NOW_MS, number, more);
  const numbered = (count: number) => Array.from({ length: count }, (_, i) => eventOf(i));

  const ask = (query = '*') => ({
    tenant: 'default',
    query: parseQuery(query),
    fromMs: 0,
    toMs: NOW_MS * 2,
    signal: new AbortController().signal,
  });

  const insert = (kit: StoreKit<SearchEngine>, events: readonly StoredEvent[], slice: SliceKey = TODAY) =>
    insertEvents(kit, events, slice, NOW_MS);

  test('a repeat adds nothing', async () => {
    const kit = await open();
    expect(await insert(kit, numbered(50))).toEqual([]);
    expect(await insert(kit, numbered(60))).toEqual([]);
    expect(await kit.engine.count(ask())).toBe(60);
  });

  test('another event of the same id is refused whole, not lost', async () => {
    const kit = await open();
    await insert(kit, [eventOf(1)]);
    const other = eventOf(1, { message: 'another one' });
    const refused = await insert(kit, [eventOf(0), other]);
    expect(refused).toMatchObject([{ offset: 1, reason: expect.stringContaining('local.raw.0.1.0') }]);
    expect(JSON.parse(refused[0]?.value.toString() ?? '')).toEqual(other);
    expect(await kit.engine.count(ask())).toBe(2);
  });

  test('a repeat that cannot be compared now waits, and it is said why', async () => {
    const said: string[] = [];
    const quiet = createLog('test', 'fatal');
    const log = Object.assign(Object.create(quiet), {
      warn: ({ reason }: { reason: string }, text: string) => said.push(reason, text),
    });
    const meddler = await Meddler.start(TEST_NODE);
    const kit = await open({}, { cluster: { nodes: [meddler.url] }, log });
    await insert(kit, numbered(2));
    meddler.meddle = (path) => (path.startsWith('/_mget') && meddler.meddled === 0 ? 'no shard' : 'pass');
    expect(await insert(kit, numbered(3))).toEqual([]);
    expect(said.join()).toMatch(/^no_shard_available.*No shard available,.*they wait.*allocation\/explain/);
    expect(await kit.engine.count(ask())).toBe(3);
    await kit.close();
    kits.length = 0;
    await meddler.close();
  });

  test('what it cannot take becomes a dead letter with the whole original, and the rest goes on', async () => {
    const kit = await started();
    const twice = JSON.stringify(eventOf(1)).replace('"number":', '"number":0,"number":');
    await kit.append(0, [eventOf(0), twice, 'no JSON at all', eventOf(2)]);
    await kit.settled();
    expect(await kit.engine.count(ask())).toBe(2);
    expect((await lettersOf(kit)).toSorted((a, b) => (a.value < b.value ? 1 : -1))).toEqual(
      [
        { origin: 'local.raw.0.1.0', value: twice, reason: expect.stringMatching(/duplicate .*number/i) },
        { origin: 'local.events.0.2.0', value: 'no JSON at all', reason: expect.any(String) },
      ].toSorted((a, b) => (a.value < b.value ? 1 : -1)),
    );
  });

  test('no event becomes a dead letter through an alias of another index, a pipeline or a mapping that somebody changed', async () => {
    const said: string[] = [];
    const quiet = createLog('test', 'fatal');
    const log = Object.assign(Object.create(quiet), { warn: (_: object, text: string) => said.push(text) });
    const kit = await started({}, { log });
    const client = new Client({ nodes: [TEST_NODE] });
    const call = async (method: 'PUT' | 'POST' | 'DELETE', path: string, body?: Record<string, unknown>) => {
      const { status } = await client.call({ method, path, ...(body && { body }) });
      expect({ path, status }).toEqual({ path, status: 200 });
    };
    let appended = 0;
    const append = () => kit.append(0, [eventOf(appended++)]);
    const index = sliceIndex(prefixOf(folder), TODAY);
    const other = `${prefixOf(folder)}-restored`;
    await append();
    await kit.settled();
    // As a snapshot that is restored with its aliases, beside a slice that an older version made.
    await call('PUT', other, { aliases: { [writeAlias(index)]: {} } });
    await call('POST', '_aliases', {
      actions: [{ add: { index, alias: writeAlias(index), is_write_index: false } }],
    });
    await append();
    await kit.settled();
    const more = { aliases: { [writeAlias(index)]: { is_write_index: true } } };
    expect((await client.call({ method: 'PUT', path: `${other}-more`, body: more })).status).toBe(500);
    await call('PUT', `${index}/_settings`, { 'index.default_pipeline': 'no-such' });
    await append();
    await kit.settled();
    for (const [broken, mended] of [
      [{ 'index.final_pipeline': 'no-such' }, { 'index.final_pipeline': null }],
      [{ 'index.blocks.write': true }, { 'index.blocks.write': null }],
    ] as const) {
      said.length = 0;
      await call('PUT', `${index}/_settings`, broken);
      await append();
      await expect.poll(() => said.join(), PATIENCE).toContain(index);
      await call('PUT', `${index}/_settings`, mended);
      await kit.settled();
    }
    expect(await kit.engine.count(ask())).toBe(appended);
    expect(await lettersOf(kit)).toEqual([]);
    await call('DELETE', other);
    client.close();
  });

  test('an event that a pipeline has made unreadable waits, and becomes no dead letter', async () => {
    const said: string[] = [];
    const quiet = createLog('test', 'fatal');
    const log = Object.assign(Object.create(quiet), { warn: (about: object) => said.push(JSON.stringify(about)) });
    const meddler = await Meddler.start(TEST_NODE);
    const kit = await started({}, { cluster: { nodes: [meddler.url] }, log });
    await kit.append(0, [eventOf(0)]);
    await kit.settled();
    const client = new Client({ nodes: [TEST_NODE] });
    const settings = `${sliceIndex(prefixOf(folder), TODAY)}/_settings`;
    const set = (pipeline: string | null) =>
      client.call({ method: 'PUT', path: settings, body: { 'index.final_pipeline': pipeline } });
    await set('changes-a-field');
    meddler.meddle = (path) => (path.startsWith('/_bulk') ? 'unreadable item' : 'pass');
    await kit.append(0, [eventOf(1)]);
    await expect.poll(() => said.join(), PATIENCE).toContain('changes-a-field');
    meddler.meddle = () => 'pass';
    await set(null);
    await kit.settled();
    expect(await kit.engine.count(ask())).toBe(2);
    expect(await lettersOf(kit)).toEqual([]);
    await kit.close();
    kits.length = 0;
    await meddler.close();
    client.close();
  });

  test('what is answered is what was stored, whatever it holds', async () => {
    const kit = await open();
    const stored = fc
      .sample(anyEvents, { numRuns: 100, seed: 1 })
      .map((event, i): StoredEvent => JSON.parse(JSON.stringify({ ...event, id: `local.raw.0.${i}.0`, layout: 'x' })));
    expect(await insert(kit, stored)).toEqual([]);
    for (const event of stored) {
      const found = await kit.engine.get({ ...ask(), tenant: event.tenant, id: event.id });
      expect(found).toEqual(answeredEvent(event, () => undefined));
    }
  });

  test.each(['cut before', 'cut after', 'busy', 'busy item', 'dropped item'] as const)(
    'nothing is lost or doubled where requests meet: %s',
    async (meddling: Meddling) => {
      const meddler = await Meddler.start(TEST_NODE);
      let requests = 0;
      meddler.meddle = (path) => (path.startsWith('/_bulk') && requests++ % 2 === 0 ? meddling : 'pass');
      const kit = await started({}, { cluster: { nodes: [meddler.url] } });
      for (let from = 0; from < 500; from += 100) await kit.append(0, numbered(500).slice(from, from + 100));
      await kit.settled();
      expect(meddler.meddled).toBeGreaterThan(0);
      const { values, distinct } = await kit.engine.values({
        ...ask(),
        field: { root: 'payload', path: ['number'] },
        limit: 1_000,
      });
      expect([values.length, distinct, await kit.engine.count(ask())]).toEqual([500, 500, 500]);
      expect(await lettersOf(kit)).toEqual([]);
      await kit.close();
      kits.length = 0;
      await meddler.close();
    },
  );

  test('a cluster that is away for longer is waited for', async () => {
    const meddler = await Meddler.start(TEST_NODE);
    const kit = await started({}, { cluster: { nodes: [meddler.url] } });
    await kit.append(0, numbered(10));
    await kit.settled();
    meddler.meddle = () => 'cut before';
    await kit.append(0, numbered(30).slice(10));
    await vi.waitFor(() => expect(meddler.meddled).toBeGreaterThan(8), PATIENCE);
    await expect(kit.engine.count(ask())).rejects.toHaveProperty('code', 'UNAVAILABLE');
    meddler.meddle = () => 'pass';
    await kit.settled();
    expect(await kit.engine.count(ask())).toBe(30);
    expect(await lettersOf(kit)).toEqual([]);
    await kit.close();
    kits.length = 0;
    await meddler.close();
  });

  test('a store that gets a partition finishes what another one began', async () => {
    const kit = await open();
    await kit.append(0, numbered(10));
    // It was killed before it had sent all of it, and had committed nothing.
    await insert(kit, numbered(10).slice(0, 4));
    await kit.startIndexer().started;
    await kit.settled();
    expect(await kit.engine.count(ask())).toBe(10);
    const { values } = await kit.engine.values({ ...ask(), field: { root: 'payload', path: ['number'] }, limit: 100 });
    expect(values.every(({ count }) => count === 1)).toBe(true);
  });

  test('an index of several stores that is gone is built again, by each for the partitions that it gets', async () => {
    let kit = await started({ partitions: 2 });
    await kit.append(0, numbered(10));
    await kit.append(1, numbered(20).slice(10));
    await kit.settled();
    await kit.close();
    kits.length = 0;
    const client = new Client({ nodes: [TEST_NODE] });
    const index = sliceIndex(prefixOf(folder), TODAY);
    await client.call({ method: 'DELETE', path: index });
    client.close();
    kit = await open({ partitions: 2 });
    // Another store has begun already with what it got.
    await insert(kit, numbered(10));
    await kit.startIndexer().started;
    await kit.settled();
    await vi.waitFor(async () => expect(await kit.engine.count(ask())).toBe(20), PATIENCE);
  });

  test('an index that somebody removes is made again, with its typed fields', async () => {
    const kit = await open();
    await insert(kit, numbered(3));
    const client = new Client({ nodes: [TEST_NODE] });
    await client.call({ method: 'DELETE', path: sliceIndex(prefixOf(folder), TODAY) });
    client.close();
    await insert(kit, numbered(5));
    expect(await kit.engine.count(ask('number:[1 TO 3]'))).toBe(3);
    const of = { root: 'payload', path: ['number'] } as const;
    expect(await kit.engine.stats({ ...ask(), fn: 'sum', of, by: [], limit: 1 })).toEqual([{ by: [], value: 10 }]);
  });

  test('a slice is made as it has to be whatever became of the template, and has its aliases again', async () => {
    const kit = await open();
    const client = new Client({ nodes: [TEST_NODE] });
    const prefix = prefixOf(folder);
    const mapping = { properties: { timestamp: { type: 'keyword' } } };
    const settings = { 'index.final_pipeline': 'no-such' };
    const other = { index_patterns: [`${prefix}-slice-*`], priority: 900, template: { settings, mappings: mapping } };
    await client.call({ method: 'DELETE', path: `_index_template/${prefix}` });
    await client.call({ method: 'PUT', path: `_index_template/${prefix}-other`, body: other });
    await insert(kit, numbered(5));
    expect(await kit.engine.count({ ...ask('number:[1 TO 3]'), fromMs: NOW_MS, toMs: NOW_MS + DAY_MS })).toBe(3);
    const index = sliceIndex(prefix, TODAY);
    for (const alias of [aliasOf(prefix), writeAlias(index)]) {
      expect((await client.call({ method: 'DELETE', path: `${index}/_alias/${alias}` })).status).toBe(200);
    }
    await insert(kit, numbered(7));
    expect(await kit.engine.count(ask())).toBe(7);
    // For people and their own tools: the alias of all slices.
    const yesterday = { ...TODAY, start: TODAY.start - 1 };
    await insert(kit, [eventOf(7, { timestamp: NOW_MS - DAY_MS })], yesterday);
    const { body } = await client.call({ method: 'GET', path: `${aliasOf(prefix)}/_count` });
    expect(body).toMatchObject({ count: 8 });
    // An index that somebody made is not written to.
    await client.call({ method: 'DELETE', path: index });
    await client.call({ method: 'PUT', path: index, body: { mappings: mapping } });
    await expect(insert(kit, numbered(1))).rejects.toThrow(/not one that Spillway made/);
    client.close();
  });

  test('beyond the cap of typed fields every field is searched, ranges of numbers too, and counting by it is refused', async () => {
    const kit = await open();
    const perEvent = 100;
    const numberedPayload = (i: number) =>
      Object.fromEntries(Array.from({ length: perEvent }, (_, j) => [`n${i}x${j}`, i + j]));
    const events = Array.from({ length: OPENSEARCH_LIMITS.typedFields / perEvent + 2 }, (_, i) =>
      eventOf(i, { payload: numberedPayload(i) }),
    );
    const own = { ...TODAY, group: ownGroup('default') };
    expect(await insert(kit, events, own)).toEqual([]);
    const last = events.length - 1;
    for (const number of [0, last]) {
      expect(await kit.engine.count(ask(`n${number}x5:[${number + 5} TO ${number + 5}]`))).toBe(1);
      expect(await kit.engine.count(ask(`n${number}x5:>${number + 5}`))).toBe(0);
      expect(await kit.engine.count(ask(`_exists_:n${number}x5`))).toBe(1);
    }
    const values = (number: number) =>
      kit.engine.values({ ...ask(), field: { root: 'payload', path: [`n${number}x5`] }, limit: 5 });
    expect((await values(0)).values).toEqual([{ value: 5, count: 1 }]);
    await expect(values(last)).rejects.toHaveProperty('code', 'QUERY_UNSUPPORTED');
    // By now the writer knows that the index is full, and by what.
    const late = { ...numberedPayload(0), late: 7 };
    expect(await insert(kit, [eventOf(events.length, { payload: late })], own)).toEqual([]);
    expect(await kit.engine.count(ask('late:[7 TO 7] n0x5:5'))).toBe(1);
    expect((await values(0)).values).toEqual([{ value: 5, count: 2 }]);
    const field = { root: 'payload', path: ['late'] } as const;
    for (const asked of [
      () => kit.engine.values({ ...ask(), field, limit: 5 }),
      () => kit.engine.stats({ ...ask(), fn: 'max', of: field, by: [], limit: 5 }),
      () => kit.engine.stats({ ...ask(), fn: 'count', by: [field], intervalMs: 1e12, limit: 5 }),
      () => kit.engine.histogram({ ...ask(), by: field, intervalMs: 1e12 }),
    ]) {
      await expect(asked()).rejects.toHaveProperty('code', 'QUERY_UNSUPPORTED');
    }
  });

  test('many rows at once do not wait until the index may be refreshed again', async () => {
    const kit = await open({}, { refreshEveryMs: 3_600_000 });
    const events = numbered(2 * OPENSEARCH_LIMITS.refreshRows);
    for (const half of [0, 1]) {
      const from = half * OPENSEARCH_LIMITS.refreshRows;
      await insert(kit, events.slice(from, from + OPENSEARCH_LIMITS.refreshRows));
      expect(await kit.engine.count(ask())).toBe(from + OPENSEARCH_LIMITS.refreshRows);
    }
  });

  test('a keyword or word of any length is found by its whole and its beginning; patterns that cannot tell are refused', async () => {
    const kit = await open();
    const long = `begin${'x'.repeat(60_000)}end`;
    expect(await insert(kit, [eventOf(0, { payload: { long }, message: `a ${long} z` }), eventOf(1)])).toEqual([]);
    expect((await kit.engine.get({ ...ask(), id: 'local.raw.0.0.0' }))?.payload).toEqual({ long });
    expect(await kit.engine.count(ask('long:beginx*'))).toBe(1);
    expect(await kit.engine.count(ask('long:[begin TO begio]'))).toBe(1);
    expect(await kit.engine.count(ask('beginxy'))).toBe(0);
    expect(await kit.engine.count(ask('z a'))).toBe(1);
    for (const query of ['long:*end', 'long:/.*end/', '*end']) {
      await expect(kit.engine.count(ask(query)), query).rejects.toHaveProperty('code', 'QUERY_UNSUPPORTED');
    }
    expect(await kit.engine.count(ask('number:*1 OR app:*pp'))).toBe(2);
  });

  test('retention removes whole indices, for each tenant by its own days', async () => {
    let now = NOW_MS;
    const clock = { now: () => now };
    const retention = { days: 2, tenants: { longer: 10 } };
    let kit = await started({ clock, indexer: { retention } });
    await kit.append(0, [eventOf(0), eventOf(1, { tenant: 'longer' })]);
    await kit.settled();
    expect(await kit.engine.writer.slices()).toHaveLength(2);
    await kit.close();
    now += 4 * DAY_MS;
    kit = await started({ clock, indexer: { retention } });
    await vi.waitFor(
      async () => expect(await kit.engine.writer.slices()).toMatchObject([{ slice: { retentionDays: 10 } }]),
      PATIENCE,
    );
    expect(await kit.engine.count(ask())).toBe(0);
    expect(await kit.engine.count({ ...ask(), tenant: 'longer' })).toBe(1);
  });

  test('a question waits for a slice that is just being made', async () => {
    const meddler = await Meddler.start(TEST_NODE);
    const kit = await open({}, { cluster: { nodes: [meddler.url] } });
    await insert(kit, numbered(5));
    meddler.meddle = (path) => (path.includes('_search') && meddler.meddled < 2 ? 'starting' : 'pass');
    expect(await kit.engine.count(ask())).toBe(5);
    expect(meddler.meddled).toBe(2);
    meddler.meddle = (path) => (path.includes('_search') ? 'starting' : 'pass');
    await expect(kit.engine.count(ask())).rejects.toHaveProperty('code', 'UNAVAILABLE');
    await kit.close();
    kits.length = 0;
    await meddler.close();
  });

  test('a question that is cancelled or late ends, and its place is free', async () => {
    const meddler = await Meddler.start(TEST_NODE);
    const kit = await open(
      {},
      { cluster: { nodes: [meddler.url] }, limits: { concurrentPerTenant: 1, timeMs: 20_000 } },
    );
    await insert(kit, numbered(5));
    const controller = new AbortController();
    const cancelled = kit.engine.count({ ...ask(), signal: controller.signal });
    controller.abort();
    await expect(cancelled).rejects.toHaveProperty('code', 'QUERY_CANCELLED');
    expect(await kit.engine.count(ask())).toBe(5);
    await kit.close();
    kits.length = 0;
    const late = await open({}, { cluster: { nodes: [meddler.url] }, limits: { timeMs: 0 } });
    await expect(late.engine.count(ask())).rejects.toHaveProperty('code', 'QUERY_TIMEOUT');
    await late.close();
    kits.length = 0;
    await meddler.close();
  });
});
