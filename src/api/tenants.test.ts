import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ApiServers, startApiServers } from '../../test/support/api-servers.ts';
import { MemoryReader } from '../../test/support/memory-reader.ts';
import { sampleEvent } from '../../test/support/sample-events.ts';
import type { StoredEvent } from '../event/event.ts';
import type { Scope } from '../lib/principal.ts';
import { compileToSql } from '../search/clickhouse/compile.ts';
import type { SearchReader, SliceReader } from '../search/port.ts';
import { openStoreKit } from '../search/testing/store-kit.ts';
import { accounts, inputs, probes, questions } from './catalogue/index.ts';
import type { LedgerReport, SearchAnswer, SlicesAnswer } from './schemas/index.ts';

type RouteName = keyof typeof questions | keyof typeof accounts | keyof typeof probes | keyof typeof inputs;

const TENANTS = ['shop', 'bank'] as const;
type Tenant = (typeof TENANTS)[number];
const other = (tenant: Tenant): Tenant => (tenant === 'shop' ? 'bank' : 'shop');
/** Stands in everything that belongs to a tenant and nowhere else. */
const marker = (tenant: Tenant) => `private-to-${tenant}`;
const RANGE = 'from=now-1d&to=now%2B1d';
const bankId = (number: number) => `local.raw.0.${number}.0`;

interface Engine {
  readonly reader: SearchReader;
  readonly slices?: SliceReader;
  readonly close: () => Promise<void>;
}

type OpenEngine = (events: readonly StoredEvent[]) => Promise<Engine>;

const theModel: OpenEngine = async (events) => {
  const reader = new MemoryReader();
  reader.events = [...events];
  return { reader, close: async () => {} };
};

const theEmbeddedEngine: OpenEngine = async (events) => {
  const directory = await mkdtemp(join(tmpdir(), 'spillway-tenants-'));
  const tiers = [
    { name: 'everyone', hours: 24, own: false },
    { name: 'alone', hours: 1, own: true },
  ];
  const indexer = { tiers, pinned: { bank: 'alone' } };
  const kit = await openStoreKit({ directory, engine: { compile: compileToSql }, indexer });
  kit.startIndexer();
  await kit.append(0, events);
  await kit.settled();
  const close = async () => {
    await kit.close();
    await rm(directory, { recursive: true, force: true });
  };
  return { reader: kit.engine, slices: kit.engine.slices, close };
};

let api: ApiServers;
let engine: Engine;
const tokens = new Map<string, string>();

const authorization = (tenant: Tenant, scope: Scope) => ({
  authorization: `Bearer ${tokens.get(`${tenant} ${scope}`)}`,
});
const ask = (tenant: Tenant, path: string, init: RequestInit = {}, scope: Scope = 'read') =>
  fetch(`${api.frontUrl}${path}`, { ...init, headers: { ...init.headers, ...authorization(tenant, scope) } });

const EVENTS = TENANTS.flatMap((tenant, t) =>
  [0, 1, 2].map((i) => ({
    ...sampleEvent(t * 3 + i, {
      tenant,
      timestamp: Date.now() - 1_000 + i,
      message: marker(tenant),
      app: marker(tenant),
      payload: { [marker(tenant)]: marker(tenant), same: marker(tenant) },
    }),
    source: 'same:source',
    tags: [marker(tenant)],
  })),
);

async function start(open: OpenEngine): Promise<void> {
  engine = await open(EVENTS);
  api = await startApiServers({ reader: engine.reader, ...(engine.slices && { slices: engine.slices }) });
  for (const tenant of TENANTS) {
    for (const scope of ['read', 'ingest', 'admin'] as const)
      tokens.set(`${tenant} ${scope}`, api.token(tenant, scope));
  }
  await api.publish(EVENTS);
  for (const tenant of TENANTS) await startTopics(tenant);
  for (const tenant of TENANTS) {
    await ask(tenant, `/api/logs?app=${marker(tenant)}`, { method: 'POST', body: `${marker(tenant)} raw` }, 'ingest');
    const ndjson = { 'content-type': 'application/x-ndjson' };
    const body = `{"broken ${marker(tenant)}\n{"message":"whole"}\n`;
    await ask(tenant, '/api/logs', { method: 'POST', body, headers: ndjson }, 'ingest');
  }
}

const asJson = (method: string, body: unknown): RequestInit => ({
  method,
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
});

/** Both tenants have a topic and a group of the same name, and one that only they have. */
async function startTopics(tenant: Tenant): Promise<void> {
  const done = async (path: string, init: RequestInit, scope: Scope): Promise<unknown> => {
    const response = await ask(tenant, path, init, scope);
    expect(response.status, await response.clone().text()).toBe(200);
    return response.json();
  };
  for (const topic of ['same', marker(tenant)]) {
    await done(`/api/topics/${topic}`, asJson('PUT', { partitions: 2, required: ['readers'] }), 'admin');
    const record = { key: marker(tenant), value: marker(tenant), headers: { of: marker(tenant) } };
    await done(`/api/topics/${topic}/records`, asJson('POST', [record, { value: marker(tenant) }]), 'ingest');
  }
  for (const group of ['readers', marker(tenant)]) {
    const init = asJson('POST', { topics: ['same', marker(tenant)] });
    const { member } = (await done(`/api/groups/${group}/members`, init, 'read')) as { member: string };
    members.set(`${tenant} ${group}`, member);
  }
}

const members = new Map<string, string>();

async function stop(): Promise<void> {
  await api.close();
  await engine.close();
}

/** What a tenant may ask of each route, as cunningly as it can. A route without an entry does not compile. */
const REQUESTS: Record<RouteName, (tenant: Tenant) => readonly string[]> = {
  search: (tenant) => [
    `/api/search?${RANGE}`,
    `/api/search?${RANGE}&q=tenant:${other(tenant)}`,
    `/api/search?${RANGE}&q=NOT tenant:${tenant}`,
    `/api/search?${RANGE}&q=${marker(other(tenant))}`,
    `/api/search?${RANGE}&q=_exists_:${marker(other(tenant))}`,
    `/api/search?${RANGE}&q=* OR tenant:*&fields=message,tags,payload`,
  ],
  searchByPost: () => [],
  count: (tenant) => [`/api/count?${RANGE}&q=tenant:${other(tenant)}`],
  histogram: () => [`/api/histogram?${RANGE}&by=tags`, `/api/histogram?${RANGE}&by=tenant`],
  fields: () => [`/api/fields?${RANGE}`],
  values: () => ['tenant', 'app', 'tags', 'same'].map((field) => `/api/values?${RANGE}&field=${field}`),
  stats: () => [`/api/stats?${RANGE}&by=tenant,app`, `/api/stats?${RANGE}&fn=unique&of=same&by=same`],
  context: (tenant) =>
    [0, 1, 2, 3, 4, 5].map((i) => `/api/context?id=${bankId(i)}&before=9&after=9&q=NOT tenant:${tenant}`),
  slices: (tenant) => ['/api/slices', '/api/slices?from=now-1d', `/api/slices?tenant=${other(tenant)}`],
  tail: () => [],
  ledger: () => ['/api/ledger?by=tenant,minute,partition', '/api/ledger?by=tenant&from=0'],
  status: () => ['/api/status'],
  topics: () => ['/api/topics'],
  records: () =>
    ['raw', 'events', 'dead-letter', 'same', 'private-to-shop', 'private-to-bank', 'bank.same', 'shop.same'].flatMap(
      (topic) => [0, 1].map((p) => `/api/topics/${topic}/records?partition=${p}`),
    ),
  groups: () => ['/api/groups'],
  addPartitions: () => [],
  createTopic: () => [],
  topic: (tenant) => ['same', marker(other(tenant))].map((topic) => `/api/topics/${topic}`),
  changeTopic: () => [],
  deleteTopic: () => [],
  group: (tenant) => ['readers', marker(other(tenant))].map((group) => `/api/groups/${group}`),
  deleteGroup: () => [],
  resetOffsets: () => [],
  join: () => [],
  member: () => [],
  consume: () => [],
  commit: () => [],
  leave: () => [],
  produce: () => [],
  metrics: () => ['/metrics'],
  live: () => ['/health/live'],
  ready: () => ['/health/ready'],
  logs: () => [],
};

describe.each([
  ['the model', theModel],
  ['the embedded engine', theEmbeddedEngine],
] as const)('over %s', (_, open) => {
  beforeAll(() => start(open));
  afterAll(stop);
  describe.each(TENANTS)('the tenant %s', theTenant);
});

function theTenant(tenant: Tenant): void {
  const paths = Object.values(REQUESTS).flatMap((requests) => requests(tenant));

  it.each(paths)("finds nothing of the other's at %s", async (path) => {
    const response = await ask(tenant, path);
    // A hint or a refusal repeats the name that was asked for.
    const text = (await response.text())
      .replace(/No event of this range has the field [\w-]+\./, '')
      .replace(/There is no (topic|group) [\w-]+\./, '');
    expect(text).not.toContain(marker(other(tenant)));
    if (!path.includes(other(tenant))) expect(text).not.toMatch(new RegExp(`\\b${other(tenant)}\\b`));
  });

  it('finds its own', async () => {
    for (const path of [`/api/search?${RANGE}`, `/api/fields?${RANGE}`, `/api/values?${RANGE}&field=app`]) {
      expect(await (await ask(tenant, path)).text(), path).toContain(marker(tenant));
    }
    const answer: SearchAnswer = await (await ask(tenant, `/api/search?${RANGE}`)).json();
    expect(answer.events.map((event) => event.tenant)).toEqual([tenant, tenant, tenant]);
    const raw = await Promise.all(
      [0, 1].map(async (p) => (await ask(tenant, `/api/topics/raw/records?partition=${p}`)).text()),
    );
    expect(raw.join()).toContain(`${marker(tenant)} raw`);
    const dead = await (await ask(tenant, '/api/topics/dead-letter/records')).text();
    expect(dead).toContain(`broken ${marker(tenant)}`);
    const ledger: LedgerReport = await (await ask(tenant, '/api/ledger?by=tenant')).json();
    expect(ledger.lines).toMatchObject([{ tenant, accepted: 2 }]);
    expect(ledger.total.accepted).toBe(2);
  });

  it('is told that the account of all process trees is not complete, and not how much others have to do with it', async () => {
    const missing = [{ log: 'accepted/0', why: 'not yet', offsets: 3 } as const];
    const ledgerOf = async (path: string): Promise<LedgerReport> => (await ask(tenant, path)).json();
    api.ledger.state('all', [], false, { asOfMs: Date.now(), missing });
    const ledger = await ledgerOf('/api/ledger');
    expect(ledger).toMatchObject({ asOf: expect.any(String), complete: false });
    expect(ledger).not.toHaveProperty('missing');
  });

  it("cannot use the other's cursor", async () => {
    const mine: SearchAnswer = await (await ask(other(tenant), `/api/search?${RANGE}&limit=1`)).json();
    const response = await ask(tenant, `/api/search?${RANGE}&after=${mine.next}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'CURSOR_INVALID' });
  });

  it('cannot name another tenant in headers, parameters or bodies', async () => {
    const forged = { 'x-spillway-forwarded': '127.0.0.1', 'x-spillway-internal': 'x', 'x-tenant': other(tenant) };
    expect(await (await ask(tenant, `/api/search?${RANGE}`, { headers: forged })).text()).not.toContain(
      marker(other(tenant)),
    );
    expect((await ask(tenant, `/api/search?${RANGE}&tenant=${other(tenant)}`)).status).toBe(400);
    const body = JSON.stringify({ tenant: other(tenant), q: '*' });
    const posted = await ask(tenant, '/api/search', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect(posted.status).toBe(400);
  });

  it('is followed by itself only', async () => {
    const gone = new AbortController();
    const response = await ask(tenant, '/api/tail', { signal: gone.signal });
    let text = '';
    const write = (part: string): void => {
      text += part;
    };
    const stream = response.body?.pipeThrough(new TextDecoderStream());
    const reading = stream?.pipeTo(new WritableStream({ write })).catch(() => {});
    await vi.waitFor(() => expect(text).toContain(': following'));
    const event = (of: Tenant) => sampleEvent(99, { tenant: of, timestamp: Date.now(), message: marker(of) });
    await api.publish([event(other(tenant)), event(tenant)]);
    await vi.waitFor(() => expect(text).toContain(marker(tenant)));
    expect(text).not.toContain(marker(other(tenant)));
    gone.abort();
    await reading;
  });

  it("cannot touch the other's topics and groups, not even as an admin, nor tell them from what is not there", async () => {
    const theirs = marker(other(tenant));
    const theirMember = members.get(`${other(tenant)} readers`);
    const member = `/api/groups/readers/members/${theirMember}`;
    const attempts: readonly (readonly [string, RequestInit, string])[] = [
      [`/api/topics/${theirs}`, asJson('PATCH', { retention: '1s' }), 'NOT_FOUND'],
      [`/api/topics/${theirs}`, { method: 'DELETE' }, 'NOT_FOUND'],
      [`/api/topics/${other(tenant)}.same`, asJson('PUT', {}), 'BAD_REQUEST'],
      [`/api/topics/${theirs}/records`, asJson('POST', { value: 'forged' }), 'NOT_FOUND'],
      [`/api/groups/${theirs}`, { method: 'DELETE' }, 'NOT_FOUND'],
      [`/api/groups/mine/offsets`, asJson('POST', { topic: theirs, to: 'latest' }), 'NOT_FOUND'],
      [`/api/groups/mine/members`, asJson('POST', { topics: [theirs] }), 'NOT_FOUND'],
      [member, {}, 'MEMBER_UNKNOWN'],
      [`${member}/records`, {}, 'MEMBER_UNKNOWN'],
      [`${member}/commit`, asJson('POST', { offsets: [{ topic: 'same', partition: 0, offset: 0 }] }), 'MEMBER_UNKNOWN'],
      [member, { method: 'DELETE' }, 'MEMBER_UNKNOWN'],
    ];
    for (const [path, init, code] of attempts) {
      const answer = await (await ask(tenant, path, init, 'admin')).json();
      expect(answer, `${init.method} ${path}`).toMatchObject({ code });
    }
    const { assigned } = await (await ask(other(tenant), member)).json();
    expect(assigned).toHaveLength(4);
  });

  it('has its own topics and groups, though the other has some of the same name', async () => {
    const own = await (await ask(tenant, '/api/topics')).json();
    const created = own.topics.filter((topic: { tenant?: string }) => topic.tenant !== undefined);
    expect(created.map((topic: { topic: string }) => topic.topic).sort()).toEqual(['same', marker(tenant)].sort());
    const member = members.get(`${tenant} readers`);
    const { records } = await (await ask(tenant, `/api/groups/readers/members/${member}/records`)).json();
    expect(new Set(records.map(({ value }: { value: string }) => value))).toEqual(
      new Set([JSON.stringify(marker(tenant))]),
    );
    expect(records).toHaveLength(4);
    const { groups } = await (await ask(tenant, '/api/groups')).json();
    const named = groups.filter((group: { tenant?: string }) => group.tenant !== undefined);
    expect(named.map((group: { group: string }) => group.group).sort()).toEqual(['readers', marker(tenant)].sort());
  });

  it('as an admin sees how large the topics of all are, and who reads them', async () => {
    for (const path of ['/api/topics', '/api/groups']) {
      const text = await (await ask(tenant, path, {}, 'admin')).text();
      expect(text, path).toContain(`"tenant":"${other(tenant)}"`);
    }
  });

  it('sees all tenants of the queue and the ledger as an admin, and its own events only', async () => {
    const admin = async (path: string) => (await ask(tenant, path, {}, 'admin')).text();
    const raw = await Promise.all([0, 1].map((p) => admin(`/api/topics/raw/records?partition=${p}`)));
    for (const of of TENANTS) expect(raw.join()).toContain(marker(of));
    expect(await admin('/api/ledger?by=tenant')).toContain(`"tenant":"${other(tenant)}"`);
    expect(await admin(`/api/search?${RANGE}`)).not.toContain(marker(other(tenant)));
  });
}

describe('slices', () => {
  beforeAll(() => start(theEmbeddedEngine));
  afterAll(stop);

  it('are shown to a tenant where its questions touch them, and how large the shared ones are only to an admin', async () => {
    const slices = async (tenant: Tenant, path = '', scope: Scope = 'read'): Promise<SlicesAnswer> =>
      (await ask(tenant, `/api/slices${path}`, {}, scope)).json();
    const shop = await slices('shop');
    expect(shop.slices).toMatchObject([{ tier: 'everyone', where: expect.any(String) }]);
    for (const hidden of ['tenant', 'docs', 'bytes', 'tenants', 'oldest'])
      expect(shop.slices[0]).not.toHaveProperty(hidden);
    expect(shop.decisions.map(({ tenant, tier }) => [tenant, tier])).toEqual([[undefined, 'everyone']]);
    const bank = await slices('bank');
    expect(bank.slices).toMatchObject([{ tier: 'alone', tenant: 'bank', docs: 3, bytes: expect.any(Number) }]);
    expect(bank.decisions).toContainEqual(
      expect.objectContaining({ tenant: 'bank', tier: 'alone', why: 'the configuration' }),
    );
    expect((await slices('bank', '?to=now-3h')).slices).toEqual([]);
    expect((await ask('bank', '/api/slices?tenant=shop')).status).toBe(403);
    const all = await slices('shop', '', 'admin');
    expect(all.slices.map(({ where }) => where).sort()).toEqual(
      [...shop.slices, ...bank.slices].map(({ where }) => where).sort(),
    );
    expect(all.slices.find(({ tier }) => tier === 'everyone')).toMatchObject({ docs: 3, tenants: 1 });
    expect((await slices('shop', '?tenant=bank', 'admin')).slices).toHaveLength(1);
    const first = await slices('shop', '?limit=1', 'admin');
    const second = await slices('shop', `?limit=1&after=${first.next}`, 'admin');
    expect([...first.slices, ...second.slices]).toEqual(all.slices);
    expect(second.next).toBeUndefined();
    expect((await ask('shop', '/api/slices?from=now-1h', {}, 'admin')).status).toBe(400);
  });
});

describe('a scope', () => {
  beforeAll(() => start(theModel));
  afterAll(stop);
  const all = [...Object.values(questions), ...Object.values(accounts), ...Object.values(inputs)];
  const pathOf = (url: string) =>
    url.replace(':topic', 'nobodys').replace(':group', 'nobodys').replace(':member', 'nobody');
  const send = async (method: string, url: string, headers: Record<string, string>) => {
    const gone = new AbortController();
    const body =
      method !== 'GET' && method !== 'DELETE'
        ? { body: '{}', headers: { ...headers, 'content-type': 'application/json' } }
        : { headers };
    const response = await fetch(`${api.frontUrl}${pathOf(url)}`, { method, signal: gone.signal, ...body });
    const { status } = response;
    gone.abort();
    return status;
  };

  it.each(all.map((route) => [route.method, route.url, route.config.scope] as const))(
    'is needed for %s %s: %s',
    async (method, url, needed) => {
      for (const scope of ['read', 'ingest', 'admin'] as const) {
        const status = await send(method, url, authorization('shop', scope));
        const allowed = scope === needed || scope === 'admin';
        expect(status === 403, `${scope} got ${status}`).toBe(!allowed);
      }
      expect(await send(method, url, { authorization: 'Bearer nonsense' })).toBe(401);
      expect(await send(method, url, { 'x-forwarded-for': '203.0.113.9' })).toBe(401);
    },
  );

  it('is not needed for probes', async () => {
    for (const { url } of Object.values(probes))
      expect(await send('GET', url, { 'x-forwarded-for': '203.0.113.9' })).toBe(200);
  });
});
