/**
 * The search store on an OpenSearch with its security plugin: TLS by an authority of its own, passwords, and a user who
 * may do what docs/engines/opensearch.md lists and nothing else. The role is read from that page.
 */
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { StoredEvent } from '../../src/event/event.ts';
import { parseQuery } from '../../src/query/parse.ts';
import { BULK_PATH } from '../../src/search/opensearch/bulk.ts';
import { type Call, Client } from '../../src/search/opensearch/client.ts';
import { openClusterKit } from '../../src/search/opensearch/testing/cluster-kit.ts';
import type { SearchEngine } from '../../src/search/port.ts';
import type { StoreKit } from '../../src/search/testing/store-kit.ts';
import { findJava } from '../../tools/engines/java.ts';
import { down, up } from '../../tools/engines/lifecycle.ts';
import { SECURED } from '../../tools/engines/opensearch-release.ts';
import { ADMIN, AUTHORITY } from '../../tools/engines/opensearch-security.ts';
import { makeCertificate } from '../support/certificate.ts';
import { lacks } from '../support/needs.ts';

const PAGE = join(import.meta.dirname, '../../docs/engines/opensearch.md');
const USER = { username: 'spillway', password: 'Quiet-Harbour-7719-Lantern' };
const OTHER_PASSWORD = 'Brisk-Meadow-4402-Compass';
const PREFIX = 'spillway';
const PATIENCE = { timeout: 60_000, interval: 100 };
const LONG_MS = 300_000;
const DAY_MS = 86_400_000;
const suite = "OpenSearch's security plugin";
const needs = {
  programs: { java: 'openjdk-17-jre-headless', mvn: 'maven', openssl: 'openssl' },
  long: 'it installs and starts an OpenSearch of its own',
} as const;

// Debian 12 has no package of it, so it is not among what every machine must have.
const hasJava = (await findJava(SECURED.leastJava)) !== undefined;
if (!hasJava) console.info(`skipped: ${suite} (it needs Java ${SECURED.leastJava})`);

interface Role {
  readonly cluster_permissions: readonly string[];
  readonly index_permissions: readonly { readonly index_patterns: string[]; readonly allowed_actions: string[] }[];
}

describe.skipIf(!hasJava || lacks(suite, needs))(suite, { timeout: 120_000 }, () => {
  let data: string;
  let node: string;
  let ca: string;
  let admin: Client;
  let role: Role;
  let folder: string;
  let number = 0;
  const kits: StoreKit<SearchEngine>[] = [];
  const clients: Client[] = [];

  beforeAll(async () => {
    const parent = await mkdtemp('/var/tmp/spillway-security-');
    // The server does not run as root.
    await chmod(parent, 0o755);
    data = join(parent, 'data');
    const [started] = await up('opensearch-security', { data });
    node = `https://${started?.address}`;
    ca = await readFile(join(data, AUTHORITY), 'utf8');
    admin = new Client({ nodes: [node], ca, ...ADMIN });
    role = roleOf(await readFile(PAGE, 'utf8'));
    await setPassword(USER.password);
    await setRole(role);
    await giveRole();
  }, LONG_MS);
  afterAll(async () => {
    admin?.close();
    await down('opensearch-security', { data, wipe: true });
    await rm(join(data, '..'), { recursive: true, force: true });
  }, LONG_MS);
  afterEach(async () => {
    for (const kit of kits.splice(0)) await kit.close();
    for (const client of clients.splice(0)) client.close();
    await clear();
    await rm(folder, { recursive: true, force: true });
  });

  const clear = () =>
    admin.call({ method: 'DELETE', path: `${PREFIX}-slice-*,${PREFIX}-shared*?ignore_unavailable=true` });

  /** By the plugin's REST API. */
  async function manage(method: 'PUT' | 'DELETE', path: string, body?: object): Promise<void> {
    const call: Call = { method, path: `_plugins/_security/api/${path}`, ...(body && { body: { ...body } }) };
    const answer = await admin.call(call);
    if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
  }
  const setPassword = (password: string) => manage('PUT', `internalusers/${USER.username}`, { password });
  const setRole = (next: Role) => manage('PUT', `roles/${PREFIX}`, next);
  const giveRole = () => manage('PUT', `rolesmapping/${PREFIX}`, { users: [USER.username] });

  async function open(cluster: { readonly nodes?: string[]; readonly ca?: string; readonly password?: string } = {}) {
    folder = await mkdtemp(join(tmpdir(), 'spillway-security-'));
    const index = { prefix: PREFIX, shards: 1, replicas: 0 };
    const kit = await openClusterKit(
      { directory: folder },
      { index, cluster: { nodes: [node], ca, ...USER, ...cluster } },
    );
    kits.push(kit);
    return kit;
  }
  const events = (count: number): StoredEvent[] =>
    Array.from({ length: count }, () => {
      const timestamp = Date.now();
      const fixed = { tenant: 'default', type: 'log', source: 'app:host', metadata: {} };
      return { id: `local.raw.0.${number++}.0`, timestamp, received: timestamp, ...fixed, payload: { status: 200 } };
    });
  const ask = () => ({
    ...{ tenant: 'default', query: parseQuery('*'), fromMs: 0, toMs: Date.now() + DAY_MS },
    signal: new AbortController().signal,
  });

  const userClient = (): Client => {
    const client = new Client({ nodes: [node], ca, ...USER });
    clients.push(client);
    return client;
  };

  /** Everything that a store does to a cluster. */
  async function everything(): Promise<void> {
    const kit = await open();
    const { engine } = kit;
    const indexer = kit.startIndexer();
    await indexer.started;
    const some = events(20);
    await kit.append(0, some);
    await kit.settled();
    // Rows that are there already are compared.
    const block = engine.writer.createBlock();
    const [slice] = (await engine.writer.slices()).map((one) => one.slice);
    if (slice === undefined) throw new Error('no slice');
    for (const event of some) {
      const bytes = Buffer.from(JSON.stringify(event));
      const record = { partition: 0, offset: 0, timestampMs: event.timestamp };
      block.add(bytes, 0, bytes.length, record, () => ({ slice, tier: 'shared' }));
    }
    const batch = await block.finish();
    if (batch === undefined) throw new Error('no rows');
    expect(await engine.writer.insert(batch)).toEqual({ refused: [], waiting: [] });
    expect(await engine.count(ask())).toBe(20);
    const by = [{ root: 'payload', path: ['status'] }] as const;
    expect(await engine.stats({ ...ask(), fn: 'count', by, limit: 9 })).toEqual([{ by: [200], value: 20 }]);
    expect((await engine.search({ ...ask(), limit: 5, order: 'desc' })).events).toHaveLength(5);
    expect(await engine.slices.describe()).toHaveLength(1);
    // As questions to very many slices are asked.
    const header = { index: [`${PREFIX}-slice-1`], ignore_unavailable: true, allow_no_indices: true };
    const lines = [header, { size: 0 }].map((line) => Buffer.from(`${JSON.stringify(line)}\n`));
    const many = await userClient().call({ method: 'POST', path: '_msearch', body: lines });
    expect(many).toMatchObject({ status: 200, body: { responses: [{ status: 200 }] } });
    await engine.writer.dropSlice(slice);
    expect(await engine.slices.describe()).toEqual([]);
  }

  test('a user with the role of the documentation may do all that a store does, and nothing to what others have', async () => {
    await setRole(role);
    await everything();
    const user = userClient();
    await admin.call({ method: 'PUT', path: 'others/_doc/1?refresh=true', body: { secret: true } });
    const foreign: readonly Call[] = [
      { method: 'POST', path: 'others/_search', body: {} },
      { method: 'PUT', path: 'others/_doc/2', body: {} },
      { method: 'DELETE', path: 'others' },
      { method: 'PUT', path: '_cluster/settings', body: { transient: { 'search.default_search_timeout': '50s' } } },
      { method: 'PUT', path: `_plugins/_security/api/internalusers/${USER.username}`, body: { password: 'x' } },
    ];
    for (const call of foreign) expect([call.path, (await user.call(call)).status]).toEqual([call.path, 403]);
    const bulk = [{ create: { _index: 'others', _id: '3' } }, {}].map((line) =>
      Buffer.from(`${JSON.stringify(line)}\n`),
    );
    const sent = await user.call({ method: 'POST', path: BULK_PATH.replace('require_alias=true&', ''), body: bulk });
    expect(JSON.stringify(sent.body)).toContain('security_exception');
    const all = await user.call({ method: 'POST', path: '_search?ignore_unavailable=true', body: {} });
    expect(JSON.stringify(all.body)).not.toContain('secret');
  });

  test('the role has no right that a store could do without', async () => {
    for (const lesser of withoutOne(role)) {
      await setRole(lesser.role);
      await expect(everything(), `without ${lesser.lacks}`).rejects.toThrow();
      for (const kit of kits.splice(0)) await kit.close();
      // What a store has made once it need not make again.
      await clear();
    }
    await setRole({ ...role, cluster_permissions: [] });
    await expect(open()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/cluster:monitor\/main.*docs\/engines\/opensearch.md/),
    });
  });

  test('a start is refused, and says what to look at, where the password or the certificate is not right', async () => {
    await setRole(role);
    const refusal = (what: string | RegExp) => ({ code: 'CONFIG_INVALID', message: expect.stringMatching(what) });
    await expect(open({ password: 'wrong' })).rejects.toMatchObject(refusal('search.password'));
    const stranger = (await makeCertificate()).cert;
    await expect(open({ ca: stranger })).rejects.toMatchObject(refusal('search.tls.ca'));
    const elsewhere = node.replace('127.0.0.1', 'localhost');
    await expect(open({ nodes: [elsewhere] })).rejects.toMatchObject(refusal(/ALTNAME.*names in the certificate/));
  });

  test('while its password or its rights are taken away events wait and questions say so; given back, nothing is lost', async () => {
    await setRole(role);
    const kit = await open();
    await kit.startIndexer().started;
    await kit.append(0, events(20));
    await kit.settled();
    const refuses = (what: string) =>
      vi.waitFor(
        () =>
          expect(kit.engine.count(ask())).rejects.toMatchObject({
            code: 'UNAVAILABLE',
            message: expect.stringContaining(what),
          }),
        PATIENCE,
      );
    await setPassword(OTHER_PASSWORD);
    await refuses('search.password');
    await kit.append(0, events(20));
    await setPassword(USER.password);
    await kit.settled();
    await manage('DELETE', `rolesmapping/${PREFIX}`);
    await refuses('security_exception');
    await kit.append(0, events(20));
    await giveRole();
    await kit.settled();
    expect(await kit.engine.count(ask())).toBe(60);
  });
});

/** The role as the page says it: its only block of JSON with permissions. */
function roleOf(page: string): Role {
  const blocks = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text = '']) => text);
  const [block = '', ...others] = blocks.filter((text) => text.includes('cluster_permissions'));
  if (others.length > 0) throw new Error('the page has several roles');
  return JSON.parse(block) as Role;
}

function withoutOne(role: Role): { readonly lacks: string; readonly role: Role }[] {
  const cluster = role.cluster_permissions.map((lacked) => ({
    lacks: lacked,
    role: { ...role, cluster_permissions: role.cluster_permissions.filter((one) => one !== lacked) },
  }));
  const index = role.index_permissions.flatMap((permission, i) =>
    permission.allowed_actions.map((lacked) => ({
      lacks: `${lacked} on ${permission.index_patterns}`,
      role: {
        ...role,
        index_permissions: role.index_permissions.with(i, {
          ...permission,
          allowed_actions: permission.allowed_actions.filter((one) => one !== lacked),
        }),
      },
    })),
  );
  return [...cluster, ...index];
}
