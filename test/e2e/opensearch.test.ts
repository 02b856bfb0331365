/** A real Spillway on a real OpenSearch beside one on the embedded engine: the same input, the same answers. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HealthAnswer } from '../../src/api/schemas/account.ts';
import type { AnsweredEvent } from '../../src/event/event.ts';
import { lacks } from '../support/needs.ts';
import { freePort } from '../support/ports.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const EVENTS = 10_000;
const suite = 'Spillway on OpenSearch';
const node = process.env.SPILLWAY_TEST_OPENSEARCH ?? '';

describe.skipIf(lacks(suite, { server: 'SPILLWAY_TEST_OPENSEARCH' }))(suite, { timeout: 180_000 }, () => {
  const prefix = `test-${process.pid}-${Date.now().toString(36)}`;
  let embedded: SpillwayProcess;
  let clustered: SpillwayProcess;
  let shopPort: number;
  const both = () => [embedded, clustered] as const;
  const nowMs = Math.floor(Date.now() / 60_000) * 60_000;

  beforeAll(async () => {
    // One partition and one request at a time: then both give the same ids.
    const queue = { partitions: 1 };
    embedded = await SpillwayProcess.start({ config: { queue } });
    // No node may have what belongs to the shop.
    const tiers = [{ name: 'shared' }, { name: 'hot', own: true, storage: { nodes: { box: 'hot' } } }];
    const index = { prefix, replicas: 0, refresh: '100ms' };
    const search = { engine: 'opensearch', nodes: [node], index, tiers };
    shopPort = await freePort();
    const inputs = { syslog: [{ port: shopPort, tenant: 'shop' }] };
    clustered = await SpillwayProcess.start({ config: { queue, search, inputs, tenants: { shop: { tier: 'hot' } } } });
    for (const spillway of both()) {
      for (let from = 0; from < EVENTS; from += 2_500) await post(spillway, from, from + 2_500);
    }
    for (const spillway of both()) {
      await until('all are found', async () => (await count(spillway, '*')) === EVENTS, 90_000);
    }
  }, 180_000);

  afterAll(async () => {
    await embedded?.dispose();
    await clustered?.dispose();
    await fetch(`${node}/${prefix}-slice-*`, { method: 'DELETE' });
    await fetch(`${node}/_index_template/${prefix}*`, { method: 'DELETE' });
  });

  async function post(spillway: SpillwayProcess, from: number, to: number): Promise<void> {
    const lines = Array.from({ length: to - from }, (_, i) => JSON.stringify(lineOf(from + i)));
    const headers = { 'content-type': 'application/x-ndjson' };
    const answer = await fetch(`${spillway.url}/api/logs?app=shop`, {
      method: 'POST',
      body: lines.join('\n'),
      headers,
    });
    expect(await answer.json()).toMatchObject({ accepted: to - from, deadLettered: 0 });
  }

  const lineOf = (n: number) => ({
    timestamp: new Date(nowMs - (n % 3_000) * 1_000).toISOString(),
    level: ['info', 'warn', 'error'][n % 3],
    message: `Request ${n} to /v1/cart/${n % 50} took ${n % 900} ms`,
    status: n % 10 === 0 ? '503' : 200 + (n % 5),
    ms: (n % 900) / 4,
    user: { id: n % 70, tags: [`t${n % 4}`, 'all'] },
    items: [{ id: n % 6 }, { id: n % 11 }],
    'dotted.key': n % 2 === 0,
  });

  const path = (what: string, q: string, extra = '') =>
    `/api/${what}?q=${encodeURIComponent(q)}&from=now-1d&to=now%2B1d${extra}`;
  const count = async (spillway: SpillwayProcess, q: string) =>
    (await spillway.json<{ count: number }>(path('count', q))).count;

  async function same<T>(asked: string, of: (answer: T) => unknown): Promise<unknown> {
    const [one, other] = await Promise.all(both().map(async (spillway) => of(await spillway.json<T>(asked))));
    expect(other, asked).toEqual(one);
    return other;
  }

  test.each([
    'status:503',
    'status:[200 TO 202]',
    'status:(201 OR 503) -level:info',
    'ms:>=200 ms:<210.5',
    '"cart 7 took"',
    'took NOT v1',
    'message:*art cart',
    'message:/[0-9]{2}/',
    'user.id:[10 TO 20} level:>=warn',
    'items.id:5',
    'items.id:>9',
    'user.tags:t3',
    'dotted.key:true',
    '_exists_:items.id _exists_:user',
    'app:sh?p source:*',
    'nope:1 OR user.id:69',
  ])('%s', async (q) => {
    expect(await same(path('count', q), ({ count: found }: { count: number }) => found)).toBeGreaterThanOrEqual(0);
    await same(path('search', q, '&limit=50'), ({ events }: { events: AnsweredEvent[] }) =>
      events.map(({ received: _, ...event }) => event),
    );
  });

  test('the events themselves come back as they were sent, in pages', async () => {
    let after = '';
    const seen = new Set<string>();
    for (let page = 0; page < 10; page++) {
      const asked = path('search', '*', `&limit=1000&order=asc${after}`);
      const found = await clustered.json<{ events: AnsweredEvent[]; next?: string }>(asked);
      for (const { id, original } of found.events) {
        seen.add(id);
        expect(lineOf(numberOf(original))).toEqual(JSON.parse(original ?? ''));
      }
      after = found.next === undefined ? '' : `&after=${encodeURIComponent(found.next)}`;
    }
    expect(seen.size).toBe(EVENTS);
  });

  const numberOf = (original = '') => Number(/Request (\d+)/.exec(original)?.[1]);

  test('histograms, values, statistics and fields are the same', async () => {
    await same(
      path('histogram', 'level:error', '&interval=5m&by=status'),
      ({ buckets }: { buckets: unknown }) => buckets,
    );
    for (const field of ['level', 'status', 'user.tags', 'ms', 'dotted.key', 'source']) {
      await same(path('values', '*', `&field=${field}&limit=1000`), ({ values }: { values: unknown }) => values);
    }
    for (const asked of [
      '&fn=count&by=level,status',
      '&fn=avg&of=ms&by=level',
      '&fn=max&of=ms',
      '&fn=unique&of=user.id',
    ]) {
      await same(path('stats', '*', asked), ({ rows }: { rows: { value: number }[] }) =>
        rows.map((row) => ({ ...row, value: Number(row.value.toFixed(6)) })).sort(byText),
      );
    }
    await same(path('fields', '*'), ({ fields }: { fields: { name: string; types: string[] }[] }) =>
      fields.map((field) => ({ ...field, types: field.types.toSorted() })).sort(byText),
    );
  });

  const byText = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

  test('while a slice takes nothing, for many inserts and over a kill of the store, others are found at once, health says it, and then it has all', async () => {
    const health = () => clustered.json<HealthAnswer>('/health/ready');
    const ofShop = `${node}/${prefix}-slice-*-own-shop-*`;
    const shop = connect({ host: '127.0.0.1', port: shopPort });
    let has = await count(clustered, '*');
    let sent = 0;
    await until('it is well', async () => (await health()).status === 'ok');
    const rounds = async (times: number) => {
      for (let round = 0; round < times; round++) {
        shop.write(`<13>event ${sent++} of the shop\n`);
        await post(clustered, EVENTS, EVENTS + 1);
        has++;
        await until('others are found', async () => (await count(clustered, '*')) === has);
      }
    };
    await rounds(10);
    const said = await until('health says so', async () => {
      const answer = await health();
      return answer.status === 'degraded' ? answer : undefined;
    });
    expect(said.reasons).toEqual([expect.stringMatching(/^1 slice cannot be written: .* since 20\d\d-.*accepted/)]);
    await until('the figure says so', async () => {
      const figures = await (await fetch(`${clustered.url}/metrics`)).text();
      return /^spillway_store_waiting_events\{.*\} [1-9]/m.test(figures);
    });
    await rounds(10);
    await clustered.kill('store');
    await rounds(10);
    shop.end();
    const body = JSON.stringify({ 'index.routing.allocation.require.box': null });
    await fetch(`${ofShop}/_settings`, { method: 'PUT', body, headers: { 'content-type': 'application/json' } });
    await until('all of the shop are there', async () => {
      const answer = await fetch(`${ofShop}/_count`);
      return answer.status === 200 && Object(await answer.json()).count === sent;
    });
    await until('it is well again', async () => (await health()).status === 'ok');
    expect(await count(clustered, '*')).toBe(has);
  });

  test('a store that is killed while it writes loses and doubles nothing', async () => {
    const has = await count(clustered, '*');
    await post(clustered, EVENTS, EVENTS + 2_500);
    await clustered.kill('store');
    await post(clustered, EVENTS + 2_500, EVENTS + 5_000);
    await until('all are found', async () => (await count(clustered, '*')) === has + 5_000, 90_000);
    const { values } = await clustered.json<{ values: { count: number }[] }>(
      path('stats', '*', '&fn=count').replace('stats', 'values').replace('&fn=count', '&field=id&limit=1000'),
    );
    expect(values.every(({ count: found }) => found === 1)).toBe(true);
  });
});
