/** Which typed fields a question asks for, and that it never lacks any: one store or several, whatever comes meanwhile. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { lacks } from '../../../test/support/needs.ts';
import type { JsonValue } from '../../event/event.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { parseQuery } from '../../query/parse.ts';
import type { SearchEngine } from '../port.ts';
import { numberedEvent } from '../testing/numbered-event.ts';
import type { StoreKit } from '../testing/store-kit.ts';
import { Client } from './client.ts';
import { sharedIndex } from './cluster-document.ts';
import { openClusterKit, prefixOf, removeSlices, TEST_NODE } from './testing/cluster-kit.ts';
import { Meddler } from './testing/meddler.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
const TODAY = { retentionDays: 30, hours: 24, group: '', start: Math.floor(NOW_MS / 86_400_000) };
const PATIENCE = { timeout: 30_000, interval: 50 };
const A = { root: 'payload', path: ['a'] } as const;
const LONG = 'x'.repeat(OPENSEARCH_LIMITS.termChars + 1);
const suite = 'counting by fields on OpenSearch';

interface Search {
  readonly path: string;
  readonly body: string;
}

describe.skipIf(lacks(suite, { server: 'SPILLWAY_TEST_OPENSEARCH' }))(suite, { timeout: 120_000 }, () => {
  let folder: string;
  let meddler: Meddler;
  let searches: Search[] = [];
  let mappingsRead = 0;
  let number = 0;
  const kits: StoreKit<SearchEngine>[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spillway-opensearch-'));
    meddler = await Meddler.start(TEST_NODE);
    meddler.meddle = note;
    searches = [];
    mappingsRead = 0;
  });
  afterEach(async () => {
    for (const kit of kits.splice(0)) await kit.close();
    await meddler.close();
    await removeSlices(folder);
    await rm(folder, { recursive: true, force: true });
  });

  function note(path: string, body: string): 'pass' {
    if (path.includes('/_search')) searches.push({ path, body });
    if (path.includes('/_mapping?')) mappingsRead++;
    return 'pass';
  }

  /** A store of the cluster; its requests pass the meddler where that is said. */
  async function open(name: string, node = TEST_NODE): Promise<SearchEngine> {
    const index = { prefix: prefixOf(folder), shards: 1, replicas: 0 };
    const kit = await openClusterKit({ directory: join(folder, name) }, { index, cluster: { nodes: [node] } });
    kits.push(kit);
    return kit.engine;
  }

  /** An event for each value of `payload.a`. */
  async function insert({ writer }: SearchEngine, ...values: readonly JsonValue[]): Promise<void> {
    const block = writer.createBlock();
    for (const a of values) {
      const event = numberedEvent(NOW_MS, number, { payload: { a } });
      const bytes = Buffer.from(JSON.stringify(event));
      const record = { partition: 0, offset: number++, timestampMs: NOW_MS };
      block.add(bytes, 0, bytes.length, record, () => ({ slice: TODAY, tier: 'shared' }));
    }
    const batch = await block.finish();
    if (batch !== undefined) expect(await writer.insert(batch)).toEqual({ refused: [], waiting: [] });
  }

  const question = () => ({
    ...{ tenant: 'default', query: parseQuery('*'), fromMs: 0, toMs: NOW_MS * 2 },
    signal: new AbortController().signal,
  });
  const counted = async (engine: SearchEngine): Promise<Record<string, number | null>> => {
    const rows = await engine.stats({ ...question(), fn: 'count', by: [A], limit: 100 });
    return Object.fromEntries(rows.map(({ by: [value], value: count }) => [String(value), count]));
  };
  const listed = (engine: SearchEngine) => engine.values({ ...question(), field: A, limit: 10 });

  test('a question asks for the typed fields that there are and for no others, in one request', async () => {
    const engine = await open('one', meddler.url);
    await insert(engine, 'x', 'x', 'y');
    for (const ask of [counted, listed]) {
      searches = [];
      await ask(engine);
      expect(searches).toHaveLength(1);
      expect(searches[0]?.body).toContain('v.string.p/a');
      expect(searches[0]?.body).not.toMatch(/v\.(number|boolean|strings|numbers|booleans)\./);
    }
    expect(mappingsRead).toBe(1);
    expect(await counted(engine)).toEqual({ x: 2, y: 1 });
    const { values, total, distinct } = await listed(engine);
    expect(values).toEqual([
      { value: 'x', count: 2 },
      { value: 'y', count: 1 },
    ]);
    expect([total, distinct]).toEqual([3, 2]);
  });

  test('a type that a field gets later counts as soon as its events are found, on other stores a moment later', async () => {
    const [one, other] = [await open('one'), await open('other')];
    const all = { x: 1 } as Record<string, number>;
    await insert(one, 'x');
    await vi.waitFor(async () => expect(await counted(other)).toEqual(all), PATIENCE);
    for (const value of [7, true, ['p', 'q'], [8, 9]]) {
      await insert(one, value);
      for (const each of [value].flat()) all[String(each)] = 1;
      expect(await counted(one)).toEqual(all);
      expect((await listed(one)).total).toBe(await one.count(question()));
      await vi.waitFor(async () => expect(await counted(other)).toEqual(all), PATIENCE);
    }
  });

  test('events with a type that is new, which come while a question is under way, are never counted as without a value', async () => {
    const engine = await open('one', meddler.url);
    await insert(engine, 'x');
    let isFirst = true;
    meddler.meddle = async (path, body) => {
      if (path.includes('/_search') && isFirst) {
        isFirst = false;
        await insert(engine, 7);
      }
      return note(path, body);
    };
    expect(await counted(engine)).toEqual({ x: 1, 7: 1 });
    expect(searches.length).toBeGreaterThan(1);
  });

  test('what typed fields do not tell is refused as soon as it is found, on other stores a moment later, and after a restart', async () => {
    const [one, other] = [await open('one', meddler.url), await open('other')];
    await insert(one, 'x');
    await vi.waitFor(async () => expect(await counted(other)).toEqual({ x: 1 }), PATIENCE);
    let isFirst = true;
    meddler.meddle = async (path, body) => {
      if (path.includes('/_search') && isFirst) {
        isFirst = false;
        await insert(one, LONG);
      }
      return note(path, body);
    };
    const refusal = { code: 'QUERY_UNSUPPORTED', message: expect.stringContaining('a cannot be counted') };
    await expect(counted(one)).rejects.toMatchObject(refusal);
    await expect(listed(one)).rejects.toMatchObject(refusal);
    await vi.waitFor(() => expect(counted(other)).rejects.toMatchObject(refusal), PATIENCE);
    await expect(counted(await open('third'))).rejects.toMatchObject(refusal);
    // Also where it is not known any more which slices there are.
    const client = new Client({ nodes: [TEST_NODE] });
    await client.call({ method: 'DELETE', path: sharedIndex(prefixOf(folder)) });
    client.close();
    await expect(counted(await open('fourth'))).rejects.toMatchObject(refusal);
  });

  test('a store that ends between giving an index a field and noting it makes nobody miss what others write there', async () => {
    const reader = await open('reader');
    const first = await open('first');
    await insert(first, 'x');
    await vi.waitFor(async () => expect(await counted(reader)).toEqual({ x: 1 }), PATIENCE);
    const ending = await open('ending', meddler.url);
    let isMapped = false;
    meddler.meddle = (path, _body, method) => {
      if (method === 'PUT' && path.endsWith('/_mapping')) isMapped = true;
      return isMapped && method === 'PUT' && path.includes('-shared/_doc/slices') ? 'cut before' : 'pass';
    };
    await expect(insert(ending, 7)).rejects.toThrow();
    expect(isMapped).toBe(true);
    await insert(await open('next'), 8);
    await vi.waitFor(async () => expect(await counted(reader)).toEqual({ x: 1, 8: 1 }), PATIENCE);
  });
});
