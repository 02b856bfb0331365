/** The search store on a real OpenSearch that stops, dies, stands still, is full, refuses, and is reached by a bad wire. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TOPICS } from '../../src/event/topics.ts';
import { createLog } from '../../src/lib/log.ts';
import { parseQuery } from '../../src/query/parse.ts';
import type { OpenSearchOptions } from '../../src/search/opensearch/engine.ts';
import { allSlices } from '../../src/search/opensearch/mapping.ts';
import { openClusterKit, prefixOf } from '../../src/search/opensearch/testing/cluster-kit.ts';
import type { SearchEngine } from '../../src/search/port.ts';
import { numberedEvent } from '../../src/search/testing/numbered-event.ts';
import type { StoreKit } from '../../src/search/testing/store-kit.ts';
import { FaultyWire } from '../support/faulty-wire.ts';
import { lacksOwnOpenSearch, type OwnOpenSearch, startOwnOpenSearch } from '../support/opensearch.ts';
import { seededRandom } from '../support/seeded.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
const LONG_MS = 240_000;
const PATIENCE = { timeout: 90_000, interval: 100 };
/** Less than one insert: the cluster refuses some of it with 429, and the whole of it for its size. */
const PRESSURE = { 'indexing_pressure.memory.limit': '2mb' };
/** How often it looks at its disk, and lifts blocks: else once in 30 and 60 s. */
const SOONER = {
  'cluster.info.update.interval': '10s',
  'cluster.routing.allocation.disk.reroute_interval': '1s',
};
const suite = 'faults of OpenSearch';

describe.skipIf(lacksOwnOpenSearch(suite))(suite, { timeout: LONG_MS }, () => {
  let server: OwnOpenSearch;
  let wire: FaultyWire;
  let folder: string;
  let kit: StoreKit<SearchEngine>;
  let appended: number;

  beforeAll(async () => {
    server = await startOwnOpenSearch({ ...SOONER, ...PRESSURE });
    wire = await FaultyWire.start(server.port);
  }, LONG_MS);
  afterAll(async () => {
    await wire?.close();
    await server?.dispose();
  }, LONG_MS);
  afterEach(async () => {
    wire.faults = {};
    await kit.close();
    await server.ask('DELETE', allSlices(prefixOf(folder)));
    await rm(folder, { recursive: true, force: true });
  }, LONG_MS);

  async function open(engine: Partial<OpenSearchOptions> = {}) {
    folder = await mkdtemp(join(tmpdir(), 'spillway-opensearch-'));
    appended = 0;
    kit = await openClusterKit({ directory: folder }, { cluster: { nodes: [`http://${wire.address}`] }, ...engine });
    await kit.startIndexer().started;
  }

  const ask = (query = '*') => ({
    tenant: 'default',
    query: parseQuery(query),
    fromMs: 0,
    toMs: NOW_MS * 2,
    signal: new AbortController().signal,
  });

  /** Each with a number of its own. */
  async function append(count: number, text = '') {
    const events = Array.from({ length: count }, () => {
      const number = appended++;
      return numberedEvent(NOW_MS, number, { message: `event ${number}${text}` });
    });
    await kit.append(0, events);
  }

  /** All that was appended is there once, and nothing became a dead letter. */
  async function expectAllOnce() {
    await kit.settled();
    const of = { root: 'payload', path: ['number'] } as const;
    const statistic = async (fn: 'sum' | 'max' | 'unique') =>
      (await kit.engine.stats({ ...ask(), fn, of, by: [], limit: 1 }))[0]?.value;
    expect(await kit.engine.count(ask())).toBe(appended);
    expect(await statistic('sum')).toBe((appended * (appended - 1)) / 2);
    expect(await statistic('max')).toBe(appended - 1);
    for (let partition = 0; partition < 3; partition++) {
      const letters = kit.queue.openReader({ topic: TOPICS.deadLetter, partition });
      expect(await letters.endOffset()).toBe(0);
      await letters.close();
    }
  }

  /** Appends while it goes on. */
  async function under<T>(work: () => Promise<T>): Promise<void> {
    let isOver = false;
    const working = work().finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await append(50);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await working;
  }

  test.each([
    ['is stopped and started again', async () => server.stop()],
    ['is killed and started again', async () => server.signal('SIGKILL')],
  ])('under load nothing is lost or doubled where it %s', async (_, end) => {
    await open();
    await append(500);
    await kit.settled();
    await under(async () => {
      await end();
      await expect.poll(() => kit.engine.count(ask()).then(String, ({ code }) => code), PATIENCE).toBe('UNAVAILABLE');
      await server.stop();
      await server.start();
    });
    await append(50);
    await expectAllOnce();
  });

  test('while it stands still questions end at their time and say so, events wait, and nothing is lost or doubled', async () => {
    await open({ limits: { timeMs: 2_000 } });
    await append(500);
    await kit.settled();
    await server.signal('SIGSTOP');
    const standsStill = {
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/did not answer within 2 s.*look at the cluster/),
    };
    try {
      await append(500);
      // The second has to look first whether there are other slices.
      for (let question = 0; question < 2; question++) {
        const beganMs = performance.now();
        await expect(kit.engine.count(ask())).rejects.toMatchObject(standsStill);
        expect(performance.now() - beganMs).toBeLessThan(20_000);
      }
      await expect(kit.engine.slices.describe()).rejects.toMatchObject(standsStill);
      await append(500);
    } finally {
      await server.signal('SIGCONT');
    }
    await kit.settled();
    await kit.close();
    kit = await openClusterKit({ directory: folder }, { cluster: { nodes: [server.url] } });
    await kit.startIndexer().started;
    await expectAllOnce();
  });

  test('over a wire that is slow and cuts connections anywhere nothing is lost or doubled', async () => {
    const random = seededRandom();
    await open();
    const before = wire.cuts;
    wire.faults = {
      delayMs: 20,
      cutAfterBytes: () => random.between(200, random.chance(0.6) ? 50_000 : 5_000_000),
    };
    wire.cut();
    // As many as it takes until connections were cut.
    while (wire.cuts - before < 8) {
      await append(200, ' '.repeat(100));
      await kit.settled();
    }
    wire.faults = {};
    await expectAllOnce();
  });

  test('an index that was made read-only because the disk is full takes the rest when there is room', async () => {
    await open();
    await append(500);
    await kit.settled();
    const index = allSlices(prefixOf(folder));
    const isBlocked = async () =>
      JSON.stringify(await server.ask('GET', `${index}/_settings?flat_settings=true`)).includes(
        '"index.blocks.read_only_allow_delete":"true"',
      );
    // As if no disk had so much room.
    const marks = Object.fromEntries(
      ['low', 'high', 'flood_stage'].map((mark) => [`cluster.routing.allocation.disk.watermark.${mark}`, '900000gb']),
    );
    const threshold = 'cluster.routing.allocation.disk.threshold_enabled';
    const set = (persistent: object) => server.ask('PUT', '_cluster/settings', { persistent });
    await set({ ...marks, [threshold]: true });
    await expect.poll(isBlocked, PATIENCE).toBe(true);
    await append(500);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await kit.engine.count(ask())).toBe(500);
    const none = Object.fromEntries(Object.keys(marks).map((name) => [name, null]));
    await set(none);
    await expectAllOnce();
    expect(await isBlocked()).toBe(false);
    await set({ [threshold]: null });
  });

  test('a cluster that refuses what is too much for it (429) gets less at a time, and takes all of it', async () => {
    await open();
    await append(3_000, 'x'.repeat(2_000));
    await expectAllOnce();
    const nodes = Object.values((await server.ask('GET', '_nodes/stats/indexing_pressure')).nodes as object);
    const { coordinating_rejections: coordinating, primary_rejections: primary } =
      nodes[0].indexing_pressure.memory.total;
    expect(coordinating + primary).toBeGreaterThan(0);
  });

  test('an index that somebody removed while it is used is made again, and that is said', async () => {
    const errors: string[] = [];
    await open();
    await append(100);
    await kit.settled();
    await kit.close();
    const quiet = createLog('test', 'fatal');
    const log = Object.assign(Object.create(quiet), { error: (_: object, text: string) => errors.push(text) });
    kit = await openClusterKit({ directory: folder }, { cluster: { nodes: [server.url] }, log });
    await kit.startIndexer().started;
    await append(10);
    await kit.settled();
    await server.ask('DELETE', allSlices(prefixOf(folder)));
    await append(20);
    await kit.settled();
    expect(await kit.engine.count(ask())).toBe(20);
    expect(errors.join()).toMatch(/was removed by somebody/);
  });

  test('a field that somebody has mapped to something else is searched, not counted, and holds nobody up', async () => {
    await open();
    await append(10);
    await kit.settled();
    const conflict = { v: { properties: { number: { properties: { 'p/late': { type: 'keyword' } } } } } };
    await server.ask('PUT', `${allSlices(prefixOf(folder))}/_mapping`, { properties: conflict });
    const number = appended++;
    const event = {
      id: `local.raw.0.${number}.0`,
      tenant: 'default',
      timestamp: NOW_MS + number,
      received: NOW_MS + number,
      type: 'log',
      source: 'app:host',
      metadata: {},
      payload: { number, late: 7, other: 8 },
    };
    await kit.append(0, [event]);
    await expectAllOnce();
    expect(await kit.engine.count(ask('late:7'))).toBe(1);
    expect(await kit.engine.count(ask('late:[5 TO 9]'))).toBe(1);
    expect(await kit.engine.count(ask('late:>7'))).toBe(0);
    const values = (name: string) =>
      kit.engine.values({ ...ask(), field: { root: 'payload', path: [name] }, limit: 5 });
    expect((await values('other')).values).toEqual([{ value: 8, count: 1 }]);
    await expect(values('late')).rejects.toHaveProperty('code', 'QUERY_UNSUPPORTED');
  });
});
