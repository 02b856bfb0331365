/** One tenant's names leave the others theirs: in a slice that tenants share, over restarts and on several stores. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lacks } from '../../../test/support/needs.ts';
import type { JsonObject, StoredEvent } from '../../event/event.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { createLog } from '../../lib/log.ts';
import { parseQuery } from '../../query/parse.ts';
import type { SearchEngine } from '../port.ts';
import { ownGroup, type SliceKey } from '../slices.ts';
import { numberedEvent } from '../testing/numbered-event.ts';
import type { StoreKit } from '../testing/store-kit.ts';
import { Client } from './client.ts';
import { sharedIndex } from './cluster-document.ts';
import type { OpenSearchOptions } from './engine.ts';
import { at } from './json.ts';
import { sliceIndex } from './mapping.ts';
import { openClusterKit, prefixOf, removeSlices, TEST_NODE } from './testing/cluster-kit.ts';
import { Meddler } from './testing/meddler.ts';
import { typedPathsOf } from './typed-fields.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
const TODAY = { retentionDays: 30, hours: 24, group: '', start: Math.floor(NOW_MS / 86_400_000) };
/** Of what nobody else has brought anything to. */
const SHARE = Math.ceil(OPENSEARCH_LIMITS.typedFields / 3);
const suite = 'typed fields of tenants that share a slice of OpenSearch';

describe.skipIf(lacks(suite, { server: 'SPILLWAY_TEST_OPENSEARCH' }))(suite, { timeout: 120_000 }, () => {
  let folder: string;
  let number = 0;
  const kits: StoreKit<SearchEngine>[] = [];
  let client: Client;
  const index = () => ({ prefix: prefixOf(folder), shards: 1, replicas: 0 });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spillway-opensearch-'));
    client = new Client({ nodes: [TEST_NODE] });
  });
  afterEach(async () => {
    for (const kit of kits.splice(0)) await kit.close();
    client.close();
    await removeSlices(folder);
    await rm(folder, { recursive: true, force: true });
  });

  /** A store of the cluster. */
  async function open(
    name: string,
    warnings: string[] = [],
    options: Partial<OpenSearchOptions> = {},
  ): Promise<SearchEngine> {
    const log = Object.assign(Object.create(createLog('test', 'fatal')), {
      warn: (_: object, text: string) => warnings.push(text),
    });
    const kit = await openClusterKit({ directory: join(folder, name) }, { index: index(), log, ...options });
    kits.push(kit);
    return kit.engine;
  }

  async function insert(engine: SearchEngine, tenant: string, ...payloads: readonly JsonObject[]): Promise<void> {
    await insertOf(
      engine,
      payloads.map((payload) => ({ tenant, payload })),
    );
  }

  /** At once. */
  async function insertOf(
    { writer }: SearchEngine,
    events: readonly Pick<StoredEvent, 'tenant' | 'payload'>[],
    slice: SliceKey = TODAY,
  ) {
    const block = writer.createBlock();
    for (const event of events) {
      const bytes = Buffer.from(JSON.stringify(numberedEvent(NOW_MS, number, { metadata: {}, ...event })));
      const record = { partition: 0, offset: number++, timestampMs: NOW_MS };
      block.add(bytes, 0, bytes.length, record, () => ({ slice, tier: 'shared' }));
    }
    const batch = await block.finish();
    if (batch !== undefined) expect(await writer.insert(batch)).toEqual({ refused: [], waiting: [] });
  }

  /** An event for each hundred of so many different keys, all of them numbers. */
  const keys = (prefix: string, count: number, from = 0): JsonObject[] =>
    Array.from({ length: Math.ceil(count / 100) }, (_, i) => {
      const some = Math.min(100, count - i * 100);
      return Object.fromEntries(Array.from({ length: some }, (_none, j) => [`${prefix}${from + i * 100 + j}`, 7]));
    });

  const shop = (payloads: readonly JsonObject[]) => payloads.map((payload) => ({ tenant: 'shop', payload }));
  const question = (tenant: string, query = '*') => ({
    ...{ tenant, query: parseQuery(query), fromMs: 0, toMs: NOW_MS * 2 },
    signal: new AbortController().signal,
  });
  const valuesOf = (engine: SearchEngine, tenant: string, name: string) =>
    engine.values({ ...question(tenant), field: { root: 'payload', path: [name] }, limit: 5 });

  /** Names of the payload that the index has typed fields for. */
  async function typedNames(prefix: string): Promise<string[]> {
    const name = sliceIndex(prefixOf(folder), TODAY);
    const { body } = await client.call({ method: 'GET', path: `${name}/_mapping` });
    return [...typedPathsOf(at(body, name))].filter((path) => path.startsWith(`number.p/${prefix}`));
  }

  test('a tenant that sends thousands of names leaves others theirs, and is refused past its share', async () => {
    const warnings: string[] = [];
    const engine = await open('one', warnings);
    for (let from = 0; from < 5_000; from += 2_500) await insert(engine, 'noisy', ...keys('n', 2_500, from));
    await insert(engine, 'small', ...keys('s', 20));
    const statistic = (fn: 'sum' | 'count', name: string) => {
      const field = { root: 'payload', path: [name] } as const;
      const ask = fn === 'sum' ? { fn, of: field, by: [] } : { fn, by: [field] };
      return engine.stats({ ...question('small'), ...ask, limit: 5 });
    };
    for (let i = 0; i < 20; i++) {
      expect((await valuesOf(engine, 'small', `s${i}`)).values).toEqual([{ value: 7, count: 1 }]);
      expect(await engine.count(question('small', `s${i}:[6 TO 8]`))).toBe(1);
      expect(await engine.count(question('small', `s${i}:>7`))).toBe(0);
      expect(await statistic('sum', `s${i}`)).toEqual([{ by: [], value: 7 }]);
      expect(await statistic('count', `s${i}`)).toEqual([{ by: [7], value: 1 }]);
    }
    expect(await typedNames('n')).toHaveLength(SHARE);
    // Up to its share all is as for the others; past it names are searched, in ranges too, and counting is refused.
    expect((await valuesOf(engine, 'noisy', 'n0')).values).toEqual([{ value: 7, count: 1 }]);
    for (const name of ['n0', 'n2499', 'n4999']) {
      expect(await engine.count(question('noisy', `${name}:7`))).toBe(1);
      expect(await engine.count(question('noisy', `${name}:[6 TO 8]`))).toBe(1);
      expect(await engine.count(question('noisy', `${name}:>7`))).toBe(0);
    }
    await expect(valuesOf(engine, 'noisy', 'n4999')).rejects.toMatchObject({
      code: 'QUERY_UNSUPPORTED',
      message: expect.stringMatching(/n4999 cannot be counted: one event .* each brings at most half as many/),
    });
    expect(warnings).toEqual([expect.stringContaining('The tenant noisy has brought its share of typed fields')]);
    // What another tenant brought costs it nothing.
    await insert(engine, 'noisy', ...keys('s', 20));
    expect((await valuesOf(engine, 'noisy', 's19')).values).toEqual([{ value: 7, count: 1 }]);
  });

  test('a name that a tenant past its share sends together with another one is brought by the other', async () => {
    const engine = await open('one');
    await insert(engine, 'noisy', ...keys('n', 1_000));
    // It does not know yet whose share is used up.
    const other = await open('other');
    await insertOf(other, [
      { tenant: 'noisy', payload: { both: 7 } },
      { tenant: 'small', payload: { both: 7 } },
    ]);
    expect((await valuesOf(other, 'small', 'both')).values).toEqual([{ value: 7, count: 1 }]);
    expect((await valuesOf(other, 'noisy', 'both')).values).toEqual([{ value: 7, count: 1 }]);
  });

  test('a restart forgets no share, nor does a store that another one took its events over from', async () => {
    await insert(await open('one'), 'noisy', ...keys('n', 200));
    await insert(await open('other'), 'noisy', ...keys('n', 5_000));
    await kits.shift()?.close();
    await insert(await open('one'), 'noisy', ...keys('n', 5_000, 5_000));
    expect(await typedNames('n')).toHaveLength(SHARE);
  });

  test('stores that bring names at the same time pass neither a share nor the cap together', async () => {
    const stores = [await open('one'), await open('other'), await open('third')];
    // All know the slice before it begins.
    for (const store of stores) await insert(store, 'small', { some: 1 });
    const tenants = ['a', 'b', 'c', 'd', 'e', 'f'];
    await Promise.all(
      stores.map(async (store, i) => {
        for (const tenant of tenants) await insert(store, tenant, ...keys(`${tenant}-${i}-`, 400));
      }),
    );
    const brought = await Promise.all(tenants.map((tenant) => typedNames(`${tenant}-`)));
    expect(Math.max(...brought.map((names) => names.length))).toBeLessThanOrEqual(SHARE);
    const all = await typedNames('');
    expect(all.length).toBeLessThan(OPENSEARCH_LIMITS.typedFields);
    for (const store of stores) await insert(store, 'late', ...keys('late', 20));
    expect(await typedNames('late')).toHaveLength(20);
  });

  test('an own slice that several stores have filled is not asked for more with each insert', async () => {
    const own = { ...TODAY, group: ownGroup('shop') };
    const meddler = await Meddler.start(TEST_NODE);
    const asked: string[] = [];
    meddler.meddle = (path, _body, method) => {
      if (path.startsWith(`/${sliceIndex(prefixOf(folder), own)}`)) asked.push(method);
      return 'pass';
    };
    const engine = await open('one', [], { cluster: { nodes: [meddler.url] } });
    const other = await open('other');
    // Each has seen it before the other fills it.
    for (const one of [engine, other]) await insertOf(one, shop(keys('a', 1)), own);
    await insertOf(other, shop(keys('a', 700)), own);
    await insertOf(engine, shop(keys('b', 400)), own);
    const more = () => insertOf(engine, shop(keys('c', 300)), own);
    await more();
    expect(asked).toContain('PUT');
    asked.length = 0;
    await more();
    expect(asked.filter((method) => method !== 'POST')).toEqual([]);
    expect(await engine.count(question('shop', 'c299:7'))).toBe(2);
    await expect(valuesOf(engine, 'shop', 'c299')).rejects.toHaveProperty('code', 'QUERY_UNSUPPORTED');
    expect((await valuesOf(engine, 'shop', 'b399')).values).toEqual([{ value: 7, count: 1 }]);
    await meddler.close();
  });

  test('shares outlive the document that says them while a store runs, and begin anew with an index that is made again', async () => {
    const [engine, other] = [await open('one'), await open('other')];
    await insert(engine, 'noisy', ...keys('n', 500));
    await insert(other, 'small', { some: 1 });
    await client.call({ method: 'DELETE', path: sharedIndex(prefixOf(folder)) });
    await insert(engine, 'small', { another: 1 });
    await insert(await open('third'), 'noisy', ...keys('n', 500, 500));
    expect(await typedNames('n')).toHaveLength(SHARE);
    await client.call({ method: 'DELETE', path: sliceIndex(prefixOf(folder), TODAY) });
    await insert(other, 'small', { some: 1 });
    await insert(other, 'noisy', ...keys('m', 500));
    // One is of the other tenant.
    expect(await typedNames('m')).toHaveLength(SHARE - 1);
    expect(await typedNames('n')).toEqual([]);
  });
});
