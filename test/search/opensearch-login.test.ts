/**
 * The search store on an OpenSearch behind TLS and a login: certificates that are not trusted, passwords that are wrong
 * or become so. No registry has the security plugin of the newest versions (opensearch-security.test.ts runs it on an
 * older one), so a server of the test's own asks for both and hands the rest on.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { StoredEvent } from '../../src/event/event.ts';
import { parseQuery } from '../../src/query/parse.ts';
import { openClusterKit, removeSlices, TEST_NODE } from '../../src/search/opensearch/testing/cluster-kit.ts';
import type { SearchEngine } from '../../src/search/port.ts';
import type { StoreKit } from '../../src/search/testing/store-kit.ts';
import { type Certificate, makeCertificate } from '../support/certificate.ts';
import { lacks } from '../support/needs.ts';

const suite = 'OpenSearch with TLS and a login';
const needs = { server: 'SPILLWAY_TEST_OPENSEARCH', programs: { openssl: 'openssl' } } as const;
const DAY_MS = 86_400_000;

describe.skipIf(lacks(suite, needs))(suite, { timeout: 120_000 }, () => {
  let certificate: Certificate;
  let server: Server;
  let folder: string;
  let password = 'right';
  let refusals = 0;
  const kits: StoreKit<SearchEngine>[] = [];

  beforeAll(async () => {
    certificate = await makeCertificate();
    server = createServer(certificate, async (request, response) => {
      const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
      const expected = `Basic ${Buffer.from(`spillway:${password}`).toString('base64')}`;
      if (request.headers.authorization !== expected) {
        refusals++;
        // As the plugin does.
        return void response.writeHead(401, { 'content-type': 'text/plain' }).end('Unauthorized');
      }
      const { method = 'GET', headers } = request;
      const answer = await fetch(TEST_NODE + request.url, {
        method,
        ...(body.length > 0 && { body, headers: { 'content-type': headers['content-type'] ?? '' } }),
      });
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => void server?.close(resolve)));
  afterEach(async () => {
    vi.useRealTimers();
    password = 'right';
    for (const kit of kits.splice(0)) await kit.close();
    await removeSlices(folder);
    await rm(folder, { recursive: true, force: true });
  });

  const node = (host = '127.0.0.1') => `https://${host}:${(server.address() as AddressInfo).port}`;
  async function open(cluster: { readonly nodes?: string[]; readonly ca?: string; readonly password?: string } = {}) {
    folder = await mkdtemp(join(tmpdir(), 'spillway-login-'));
    const access = { nodes: [node()], ca: certificate.cert, username: 'spillway', password: 'right', ...cluster };
    const kit = await openClusterKit({ directory: folder }, { cluster: access });
    kits.push(kit);
    return kit;
  }
  const numbered = (count: number, from = 0) =>
    Array.from({ length: count }, (_, i): StoredEvent => {
      const timestamp = Date.now();
      const id = `local.raw.0.${from + i}.0`;
      const fixed = { tenant: 'default', type: 'log', source: 'app:host', metadata: {}, payload: {} };
      return { id, timestamp, received: timestamp, ...fixed };
    });
  const ask = (query = '*') => ({
    tenant: 'default',
    query: parseQuery(query),
    fromMs: 0,
    toMs: Date.now() + 10 * DAY_MS,
    signal: new AbortController().signal,
  });

  test('events are stored and found by TLS and with a password', async () => {
    const kit = await open();
    await kit.startIndexer().started;
    await kit.append(0, numbered(20));
    await kit.settled();
    expect(await kit.engine.count(ask())).toBe(20);
  });

  test('a start with a wrong password or a certificate that is not trusted is refused, and says what to look at', async () => {
    await expect(open({ password: 'wrong' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('search.password'),
    });
    const system = open({ ca: (await makeCertificate()).cert });
    await expect(system).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('search.tls.ca'),
    });
    await expect(open({ nodes: [node('localhost')] })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/ALTNAME.*names in the certificate/),
    });
  });

  test('while its password is refused events wait and questions say so; when it is right again nothing is lost', async () => {
    const kit = await open();
    await kit.startIndexer().started;
    await kit.append(0, numbered(20));
    await kit.settled();
    password = 'changed';
    const before = refusals;
    await kit.append(0, numbered(20, 20));
    await expect(kit.engine.count(ask())).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('search.password'),
    });
    await vi.waitFor(() => expect(refusals - before).toBeGreaterThan(4), 60_000);
    password = 'right';
    await kit.settled();
    expect(await kit.engine.count(ask())).toBe(40);
  });

  test.each([-3, 3])('a clock that is %i days from the cluster’s makes no difference', async (days) => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + days * DAY_MS });
    const kit = await open();
    await kit.startIndexer().started;
    await kit.append(0, numbered(20));
    await kit.settled();
    expect(await kit.engine.count(ask('timestamp:[now-1h TO now]'))).toBe(20);
    expect(await kit.engine.count(ask('timestamp:<now-1h OR timestamp:>now'))).toBe(0);
    expect(await kit.engine.writer.slices()).toMatchObject([
      { slice: { hours: 24, start: Math.floor(Date.now() / DAY_MS) }, rows: 20 },
    ]);
  });
});
