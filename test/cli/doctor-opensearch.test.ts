/** `spillway doctor` and an OpenSearch that is away, refuses, is full, or may not have more shards. */
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { down, status, up } from '../../tools/engines/lifecycle.ts';
import { askDoctor, type Told } from '../support/doctor.ts';
import { lacks } from '../support/needs.ts';

const LONG_MS = 180_000;
const BOUND_MS = 30_000;
const OTHERS = ['health', 'disk', 'shards', 'slices', 'settings', 'rights', 'clock'].map(
  (name) => `opensearch-${name}`,
);
const needs = { server: 'SPILLWAY_TEST_OPENSEARCH', long: 'it starts and stops a server of its own' } as const;

describe.skipIf(lacks('doctor and OpenSearch', needs))('doctor and OpenSearch', () => {
  // Others may enter it: OpenSearch does not run as root.
  let data: string;
  let url: string;
  const start = async (settings: Readonly<Record<string, string>> = {}) => {
    const [node] = await up('opensearch', { data: join(data, 'engine'), settings });
    url = `http://${node?.address}`;
  };
  const stop = () => down('opensearch', { data: join(data, 'engine') });
  const ask = (search: object = {}, under: readonly string[] = []) =>
    askDoctor({
      data: join(data, 'spillway'),
      config: { search: { engine: 'opensearch', nodes: [url], index: { replicas: 0 }, ...search } },
      args: ['--role', 'store'],
      under,
    });
  const call = async (method: string, path: string, body: object) => {
    const init = { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(`${url}/${path}`, init);
    if (!response.ok) throw new Error(await response.text());
  };
  beforeAll(async () => {
    data = await mkdtemp('/var/tmp/spillway-doctor-');
    await chmod(data, 0o755);
    await start();
  }, LONG_MS);
  afterAll(async () => {
    await down('opensearch', { data: join(data, 'engine'), wipe: true });
    await rm(data, { recursive: true, force: true });
  }, LONG_MS);

  test('says of a right one that it is', async () => {
    const { status: exit, findings, of } = await ask();
    expect(findings.filter(({ state }) => state === 'wrong')).toEqual([]);
    expect(exit).toBe(0);
    expect(of('opensearch-nodes')[0]?.found).toMatch(/1 of 1 node answers, with OpenSearch \d/);
    expect(of('opensearch-clock')[0]?.state).toBe('well');
  });

  test('warns of copies that have nowhere to go, and of a slice without them', async () => {
    await call('PUT', 'spillway-slice-30d-2026-11-25', { settings: { number_of_replicas: 1 } });
    const { status: exit, of } = await ask({ index: { replicas: 1 } });
    expect(exit).toBe(0);
    expect(of('opensearch-health')).toMatchObject([
      { state: 'warning', mend: expect.stringContaining('search.index.replicas: 0') },
      { state: 'warning', found: expect.stringContaining('yellow: 1 copy is not there') },
    ]);
  });

  test('says which setting refuses queries, and which slices are blocked', async () => {
    await call('PUT', '_cluster/settings', { persistent: { 'search.allow_expensive_queries': false } });
    await call('PUT', 'spillway-slice-30d-2026-11-25/_settings', { 'index.blocks.read_only_allow_delete': true });
    const closed = 'spillway-slice-30d-2026-11-24';
    await call('PUT', closed, { settings: { number_of_replicas: 0 } });
    await call('POST', `${closed}/_close`, {});
    const { status: exit, of } = await ask();
    await call('PUT', '_cluster/settings', { persistent: { 'search.allow_expensive_queries': null } });
    expect(of('opensearch-health').find(({ state }) => state === 'wrong')?.found).toContain(closed);
    expect(exit).toBe(1);
    expect(of('opensearch-settings')[0]).toMatchObject({ state: 'wrong', mend: expect.stringContaining('PUT') });
    expect(of('opensearch-disk').find(({ state }) => state === 'wrong')?.found).toContain('slice-30d-2026-11-25');
  });

  test('says so where the index that stores share is blocked, closed, or has a pipeline, with the request that mends it', async () => {
    const shared = 'spillway-shared';
    const ofShared = ({ of }: Told, check: string) =>
      of(check).find(({ state, found }) => state === 'wrong' && found.includes(shared));
    const mend = async (told: Told, check: string) => {
      const finding = ofShared(told, check);
      expect(finding?.found).toContain('questions are answered 503');
      const [, method = '', path = '', body = '{}'] =
        /^(PUT|POST) \/(\S+?)(?: (\{.*?\}))?,? /.exec(finding?.mend ?? '') ?? [];
      expect(path.split(/[,/]/)).toContain(shared);
      await call(method, path, JSON.parse(body));
    };
    await call('PUT', shared, { settings: { number_of_replicas: 0, 'index.final_pipeline': 'no-such' } });
    // As a flood stage leaves all of them.
    await call('PUT', `${shared},spillway-slice-*/_settings`, { 'index.blocks.read_only_allow_delete': true });
    const blocked = await ask();
    expect(blocked.status).toBe(1);
    for (const check of ['opensearch-disk', 'opensearch-slices']) await mend(blocked, check);
    await call('POST', `${shared}/_close`, {});
    const closed = await ask();
    for (const check of ['opensearch-disk', 'opensearch-slices']) expect(ofShared(closed, check)).toBeUndefined();
    await mend(closed, 'opensearch-health');
    await call('DELETE', shared, {});
    const settings = { number_of_replicas: 0, 'index.routing.allocation.require.box': 'no-such' };
    await call('PUT', `${shared}?wait_for_active_shards=0`, { settings });
    const red = ofShared(await ask(), 'opensearch-health');
    await call('DELETE', shared, {});
    expect(red?.found).toMatch(/is red: .*spillway-shared/);
  });

  test('says of each setting that keeps writes or questions away what it does, and the request that mends it', async () => {
    const set = (level: string, settings: object) => call('PUT', '_cluster/settings', { [level]: settings });
    const allocation = 'cluster.routing.allocation.enable';
    const clauses = 'indices.query.bool.max_clause_count';
    await set('persistent', { [clauses]: 10, 'search.max_buckets': 10, [allocation]: 'none' });
    await set('transient', { 'cluster.blocks.create_index': true });
    // The last one: a cluster that is read-only takes no other setting.
    await set('persistent', { 'cluster.blocks.read_only': true });
    const { status: exit, of } = await ask();
    expect(exit).toBe(1);
    expect(of('opensearch-settings').map(({ state }) => state)).toEqual(Array(5).fill('wrong'));
    for (const { found, mend = '' } of of('opensearch-settings')) {
      const [, body = '{}'] = /PUT \/_cluster\/settings (\{.*\})/.exec(mend) ?? [];
      const [[level, one]] = Object.entries<object>(JSON.parse(body)) as [[string, object]];
      expect(found).toContain(Object.keys(one)[0]);
      await set(level, one);
    }
    const mended = await ask();
    expect(mended.of('opensearch-settings')).toMatchObject([{ state: 'well' }]);
    await set('persistent', { [allocation]: 'primaries', 'cluster.blocks.read_only_allow_delete': true });
    const { of: again } = await ask({ index: { replicas: 1 } });
    await set('persistent', { 'cluster.blocks.read_only_allow_delete': null });
    await set('persistent', { [allocation]: null });
    expect(again('opensearch-settings')).toMatchObject([
      { state: 'wrong', found: expect.stringContaining('read_only_allow_delete is true') },
      { state: 'warning', found: expect.stringContaining('copies of shards are not made') },
    ]);
  });

  test('says once that the cluster has no cluster manager, or stands still behind a node that answers', async () => {
    const door = await Door.open(url);
    const { username, password } = door;
    door.hasManager = false;
    const alone = await ask({ nodes: [door.url], username, password });
    expect(alone.status).toBe(1);
    expect(alone.of('opensearch-nodes')).toMatchObject([
      { state: 'wrong', found: `the cluster has no cluster manager, says ${door.url}: nothing can be written` },
      { state: 'well' },
    ]);
    for (const other of OTHERS) {
      expect(alone.of(other), other).toMatchObject([
        { state: 'unknown', found: expect.stringContaining('no cluster manager') },
      ]);
    }
    // A node whose manager is not there waits for it for half a minute before it says so.
    door.hasManager = true;
    door.silent = /^\/_cluster\/settings/;
    const still = await ask({ nodes: [door.url], username, password });
    expect(still.status).toBe(1);
    expect(still.tookMs).toBeLessThan(BOUND_MS);
    expect(still.of('opensearch-nodes')).toMatchObject([
      {
        state: 'wrong',
        found: expect.stringContaining(`${door.url} did not answer GET /_cluster/settings within 5 s`),
      },
      { state: 'well' },
    ]);
    for (const other of OTHERS) {
      expect(still.of(other), other).toMatchObject([
        { state: 'unknown', found: expect.stringContaining('does not answer') },
      ]);
    }
    await door.close();
  });

  test('says what makes slices refuse good events: no node for a tier, an alias of another index, a pipeline', async () => {
    const slice = 'spillway-slice-30d-2026-11-26';
    await call('PUT', `${slice}?wait_for_active_shards=0`, {
      settings: {
        number_of_replicas: 0,
        'index.final_pipeline': 'no-such',
        'index.routing.allocation.require.box': 'hot',
      },
    });
    await call('PUT', 'restored', { aliases: { [`${slice}-write`]: {} } });
    const tiers = [{ name: 'shared' }, { name: 'hot', own: true, storage: { nodes: { box: 'hot' } } }];
    const { status: exit, of } = await ask({ tiers });
    for (const index of [slice, 'restored']) await call('DELETE', index, {});
    expect(exit).toBe(1);
    expect(of('opensearch-health').find(({ state }) => state === 'wrong')?.found).toContain(slice);
    expect(of('opensearch-slices')).toMatchObject([
      { state: 'wrong', found: expect.stringMatching(/tier hot wants \(box: hot\)/) },
      { state: 'warning', found: expect.stringContaining('restored') },
      { state: 'wrong', found: expect.stringContaining('final_pipeline') },
    ]);
    const found = await ask();
    expect(found.of('opensearch-slices').map(({ state }) => state)).toEqual(['well']);
  });

  test.skipIf(lacks('doctor and a wrong clock', { programs: { faketime: 'faketime' } }))(
    'says how far the clocks are apart',
    async () => {
      const { of } = await ask({}, ['env', 'FAKETIME_DONT_FAKE_MONOTONIC=1', 'faketime', '-f', '+10s']);
      expect(of('opensearch-clock')[0]).toMatchObject({
        state: 'warning',
        found: expect.stringMatching(/(9|10)\.\d s behind/),
      });
    },
  );

  test('tells wrong credentials, and a right that lacks', async () => {
    const door = await Door.open(url);
    const login = { username: door.username, password: door.password };
    const right = await ask({ nodes: [door.url], ...login });
    expect(right.findings.filter(({ state, check }) => state === 'wrong' && check.endsWith('nodes'))).toEqual([]);
    const wrong = await ask({ nodes: [door.url], ...login, password: 'wrong' });
    expect(wrong.status).toBe(1);
    expect(wrong.of('opensearch-nodes')[0]).toMatchObject({
      state: 'wrong',
      mend: expect.stringContaining('search.password'),
    });
    expect(wrong.of('opensearch-health')).toMatchObject([{ state: 'unknown' }]);
    door.forbidden = /^\/_index_template/;
    const guest = await ask({ nodes: [door.url], ...login });
    expect(guest.of('opensearch-rights')[0]?.found).toContain('lacks manage_index_templates');
    await door.close();
  });

  test(
    'says so in bounded time where the only node stands still, and where it is stopped',
    async () => {
      const pid = (await status('opensearch', join(data, 'engine')))[0]?.pid ?? 0;
      process.kill(pid, 'SIGSTOP');
      const paused = await ask().finally(() => process.kill(pid, 'SIGCONT'));
      expect(paused.status).toBe(1);
      expect(paused.tookMs).toBeLessThan(BOUND_MS);
      expect(paused.of('opensearch-nodes')).toMatchObject([
        {
          state: 'wrong',
          found: `${url} did not answer GET / within 4 s`,
          mend: expect.stringMatching(/process stands still .*disk is full/),
        },
      ]);
      for (const other of OTHERS) {
        expect(paused.of(other), other).toEqual([
          { check: other, state: 'unknown', found: 'not asked: no node could be asked' },
        ]);
      }
      await stop();
      const { status: exit, of, tookMs } = await ask();
      expect(exit).toBe(1);
      expect(tookMs).toBeLessThan(BOUND_MS);
      expect(of('opensearch-nodes')).toMatchObject([
        { state: 'wrong', found: expect.stringContaining('ECONNREFUSED') },
      ]);
      for (const other of OTHERS) expect(of(other), other).toMatchObject([{ state: 'unknown' }]);
    },
    LONG_MS,
  );

  test(
    'knows a disk past its watermarks, and a cluster that may not have another shard',
    async () => {
      // Any disk is fuller than that.
      const watermark = 'cluster.routing.allocation.disk.watermark';
      await start({
        'cluster.routing.allocation.disk.threshold_enabled': 'true',
        [`${watermark}.low`]: '0.1%',
        [`${watermark}.high`]: '0.2%',
        [`${watermark}.flood_stage`]: '0.3%',
        'cluster.max_shards_per_node': '1',
      });
      const { status: exit, of } = await ask();
      expect(exit).toBe(1);
      expect(of('opensearch-disk')[0]).toMatchObject({ state: 'wrong', found: expect.stringContaining('flood stage') });
      expect(of('opensearch-shards')[0]).toMatchObject({
        state: 'wrong',
        mend: expect.stringContaining('max_shards_per_node'),
      });
    },
    LONG_MS,
  );
});

/** A door in front of a node that asks for a password, as the node's own would: OpenSearch's has no package to install. */
class Door {
  readonly #server: Server;
  readonly username = 'spillway';
  readonly password = 'right';
  /** Paths that this user may not ask. */
  forbidden: RegExp | undefined;
  /** Paths that are never answered. */
  silent: RegExp | undefined;
  /** False: it says what a node says that finds no cluster manager. */
  hasManager = true;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(node: string): Promise<Door> {
    const right = `Basic ${Buffer.from('spillway:right').toString('base64')}`;
    const server = createServer(async (request, response) => {
      const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
      const path = request.url ?? '';
      const refusal = request.headers.authorization !== right ? 401 : door.forbidden?.test(path) === true ? 403 : 0;
      if (refusal !== 0) return void response.writeHead(refusal).end('{}');
      if (door.silent?.test(path) === true) return;
      if (!door.hasManager && path !== '/') {
        const isLocal = path.includes('local=true');
        const answer = { discovered_master: false, discovered_cluster_manager: false, status: 'red' };
        return isLocal ? void response.end(JSON.stringify(answer)) : undefined;
      }
      const { method = 'GET' } = request;
      const init = body.length > 0 ? { body, headers: { 'content-type': 'application/json' } } : {};
      const answer = await fetch(node + path, { method, ...init });
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    }).listen(0, '127.0.0.1');
    const door = new Door(server);
    await once(server, 'listening');
    return door;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
