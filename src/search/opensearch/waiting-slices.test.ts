/** A slice that takes nothing, on a real OpenSearch: its events wait, and nobody else notices. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { lacks } from '../../../test/support/needs.ts';
import type { StoredEvent } from '../../event/event.ts';
import { parseQuery } from '../../query/parse.ts';
import type { RunningIndexer } from '../indexer.ts';
import type { SearchEngine } from '../port.ts';
import { lettersOf } from '../testing/dead-letters.ts';
import { numberedEvent } from '../testing/numbered-event.ts';
import type { StoreKit } from '../testing/store-kit.ts';
import { Client } from './client.ts';
import { openClusterKit, prefixOf, removeSlices, TEST_NODE } from './testing/cluster-kit.ts';
import { Meddler } from './testing/meddler.ts';

const suite = 'slices of OpenSearch that take nothing';
const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
const PATIENCE = { timeout: 60_000, interval: 20 };
const TIERS = [
  { name: 'shared', hours: 24, own: false },
  { name: 'hot', hours: 24, own: true },
];
const INDEXER = { tiers: TIERS, pinned: { shop: 'hot' } };

describe.skipIf(lacks(suite, { server: 'SPILLWAY_TEST_OPENSEARCH' }))(suite, { timeout: 120_000 }, () => {
  let folder: string;
  let client: Client;
  let kit: StoreKit<SearchEngine>;
  let indexer: RunningIndexer;
  let number: number;
  let isClosed: boolean;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spillway-opensearch-'));
    client = new Client({ nodes: [TEST_NODE] });
    number = 0;
  });
  afterEach(async () => {
    await close();
    client.close();
    await removeSlices(folder);
    await rm(folder, { recursive: true, force: true });
  });

  async function close() {
    if (!isClosed) await kit.close();
    isClosed = true;
  }

  /** Where `isRed`, no node may have what belongs to the shop. */
  async function start(isRed = false, url = TEST_NODE) {
    const tiers = isRed ? { hot: { nodes: { box: 'hot' } } } : {};
    const index = { prefix: prefixOf(folder), shards: 1, replicas: 0, tiers };
    kit = await openClusterKit(
      { directory: folder, partitions: 2, indexer: INDEXER },
      { index, cluster: { nodes: [url] } },
    );
    isClosed = false;
    indexer = kit.startIndexer();
    await indexer.started;
  }

  const eventOf = (tenant: string, more: Partial<StoredEvent> = {}) =>
    numberedEvent(NOW_MS, number++, { tenant, ...more });
  const events = (tenant: string, count: number) => Array.from({ length: count }, () => eventOf(tenant));
  const ask = (tenant: string) => {
    const { signal } = new AbortController();
    return { tenant, query: parseQuery('*'), fromMs: 0, toMs: NOW_MS * 2, signal };
  };
  const count = (tenant: string) => kit.engine.count(ask(tenant));
  const found = (tenant: string, expected: number) =>
    vi.waitFor(async () => expect(await count(tenant)).toBe(expected), PATIENCE);
  const shop = () => `${prefixOf(folder)}-slice-30d-24h-own-shop-2026-11-23t00`;
  const set = async (settings: Record<string, unknown>) => {
    const { status } = await client.call({ method: 'PUT', path: `${shop()}/_settings`, body: settings });
    expect(status).toBe(200);
  };
  const put = async (path: string) => expect((await client.call({ method: 'POST', path })).status).toBe(200);
  const unred = () => set({ 'index.routing.allocation.require.box': null });
  const figure = async (name: string) =>
    Number(new RegExp(`^spillway_store_waiting_${name} (.*)$`, 'm').exec(await kit.registry.metrics())?.[1]);

  /** Events of others are found one by one while those of the shop that came with them wait. */
  async function othersGoOn(rounds: number) {
    const before = await count('small');
    for (let round = 1; round <= rounds; round++) {
      await kit.append(round % 2, [eventOf('small'), eventOf('shop')]);
      await found('small', before + round);
    }
  }

  test.each([
    ['is blocked', () => set({ 'index.blocks.write': true }), () => set({ 'index.blocks.write': null })],
    ['is closed', () => put(`${shop()}/_close`), () => put(`${shop()}/_open`)],
    [
      'has a pipeline that fails',
      () => set({ 'index.final_pipeline': 'no-such' }),
      () => set({ 'index.final_pipeline': null }),
    ],
  ])('waits alone where it %s', async (_, bar, mend) => {
    await start();
    await kit.append(0, [...events('shop', 3), ...events('small', 2)]);
    await kit.settled();
    await bar();
    await othersGoOn(4);
    expect(indexer.waiting()).toMatchObject([{ where: shop(), reason: expect.stringMatching(/./) }]);
    await mend();
    await kit.settled();
    expect([await count('shop'), await count('small')]).toEqual([7, 6]);
    expect(indexer.waiting()).toEqual([]);
    expect(await lettersOf(kit)).toEqual([]);
  });

  test('waits alone where it cannot be made', async () => {
    const meddler = await Meddler.start(TEST_NODE);
    meddler.meddle = (path, _, method) =>
      method === 'PUT' && path.startsWith(`/${shop()}`) ? 'makes no index' : 'pass';
    await start(false, meddler.url);
    await othersGoOn(3);
    expect(indexer.waiting()).toMatchObject([{ where: shop(), reason: expect.stringMatching(/makes no index/) }]);
    meddler.meddle = () => 'pass';
    await kit.settled();
    expect([await count('shop'), await count('small')]).toEqual([3, 3]);
    await close();
    await meddler.close();
  });

  test('that no node has waits alone for as long as that is so, over stops of the store, and then has each event once', async () => {
    await start(true);
    await kit.append(0, [...events('small', 2), ...events('shop', 2)]);
    await kit.append(1, events('small', 1));
    await found('small', 3);
    await vi.waitFor(() => expect(indexer.waiting()).toHaveLength(1), PATIENCE);
    const [waiting] = indexer.waiting();
    expect(waiting).toMatchObject({
      where: shop(),
      sinceMs: NOW_MS + 2,
      events: 2,
      reason: expect.stringMatching(/no node has|not active/i),
    });
    await othersGoOn(10);
    expect(await figure('slices')).toBe(1);
    expect(await figure('events')).toBe(12);
    expect(await figure('seconds')).toBeGreaterThan(0);
    // What everybody was told stays true, and others are told more.
    await vi.waitFor(() => expect(kit.engine.completeToMs('small')).toBeGreaterThan(NOW_MS + 20), PATIENCE);
    expect(kit.engine.completeToMs('shop')).toBe(NOW_MS + 2);
    expect(kit.engine.completeToMs('shop', 0, NOW_MS + 1)).toBeGreaterThan(NOW_MS + 20);
    expect(kit.engine.completeToMs()).toBe(NOW_MS + 2);
    await expect(count('shop')).rejects.toHaveProperty('code', 'UNAVAILABLE');

    await close();
    await start(true);
    await found('small', 13);
    await othersGoOn(4);
    await vi.waitFor(() => expect(indexer.waiting()).toMatchObject([{ where: shop(), sinceMs: NOW_MS + 2 }]), PATIENCE);
    expect(kit.engine.completeToMs('shop')).toBe(NOW_MS + 2);

    await unred();
    await kit.settled();
    expect([await count('shop'), await count('small')]).toEqual([16, 17]);
    const numbers = { ...ask('shop'), field: { root: 'payload', path: ['number'] }, limit: 100 } as const;
    expect((await kit.engine.values(numbers)).values.every(({ count: times }) => times === 1)).toBe(true);
    expect(indexer.waiting()).toEqual([]);
    expect(await figure('slices')).toBe(0);
    expect(await lettersOf(kit)).toEqual([]);
    await vi.waitFor(() => expect(kit.engine.completeToMs('shop')).toBeGreaterThan(NOW_MS + 20), PATIENCE);
    await kit.append(0, events('shop', 1));
    await found('shop', 17);
  });

  test('has what waited also where events among it become dead letters, each of which is written once', async () => {
    await start(true);
    await kit.append(0, [eventOf('small'), eventOf('shop'), 'no JSON at all', eventOf('small')]);
    await found('small', 2);
    await vi.waitFor(() => expect(indexer.waiting()).toHaveLength(1), PATIENCE);
    await kit.append(0, ['nor this', eventOf('shop'), eventOf('small')]);
    await found('small', 3);
    await close();
    await start(true);
    await kit.append(0, ['this neither', eventOf('small')]);
    await found('small', 4);
    await unred();
    await kit.settled();
    expect([await count('shop'), await count('small')]).toEqual([2, 4]);
    expect((await lettersOf(kit)).map(({ value }) => value)).toEqual(['no JSON at all', 'nor this', 'this neither']);
  });
});
