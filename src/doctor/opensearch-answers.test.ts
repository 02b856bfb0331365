/** What doctor says of a node that answers something else than a node would, and what it asks then. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createRawServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { makeCertificate } from '../../test/support/certificate.ts';
import { findProgram } from '../../test/support/needs.ts';
import { loadConfig } from '../config/load.ts';
import { clusterOf } from '../roles/search-engine.ts';
import type { Installation } from './check.ts';
import { CHECK_NAMES, CHECKS } from './checks.ts';
import { type Finding, NotAsked } from './finding.ts';
import { OpenSearchProbe } from './opensearch-probe.ts';

const servers: Pick<Server, 'close'>[] = [];
const asked: string[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  asked.splice(0);
});

async function address(server: Server, scheme = 'http'): Promise<string> {
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answering(status: number, body: string | object): Promise<string> {
  const answer: RequestListener = (request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(status, { connection: 'close' }).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  return address(createServer(answer));
}

/** What each check of the search engine says. */
async function told(
  nodes: readonly string[],
  search: object = {},
): Promise<Readonly<Record<string, readonly Finding[]>>> {
  const config = loadConfig({ env: {}, overrides: { search: { engine: 'opensearch', nodes, ...search } } });
  const probe = await OpenSearchProbe.open(clusterOf(config));
  const refuse = () => Promise.reject(new Error('not asked'));
  const openSearch = () => Promise.resolve(probe);
  const installation: Installation = {
    config,
    role: 'store',
    token: undefined,
    holder: undefined,
    kafka: refuse,
    openSearch,
  };
  try {
    const checks = CHECK_NAMES.filter((name) => name.startsWith('opensearch')).map(async (name) => {
      const findings = await CHECKS[name].examine(installation).catch((thrown: unknown): readonly Finding[] => {
        if (thrown instanceof NotAsked) return [{ state: 'unknown', found: thrown.message }];
        throw thrown;
      });
      return [name, findings] as const;
    });
    return Object.fromEntries(await Promise.all(checks));
  } finally {
    probe.close();
  }
}

/** Of the nodes; the other checks have asked nothing. */
async function onlyVerdict(
  nodes: readonly string[],
  search: object = {},
): Promise<Finding & { readonly mend?: string }> {
  const { 'opensearch-nodes': verdicts = [], ...others } = await told(nodes, search);
  for (const findings of Object.values(others)) expect(findings.map(({ state }) => state)).toEqual(['unknown']);
  expect(verdicts).toHaveLength(1);
  return verdicts[0] as Finding;
}

const LOGIN = { username: 'spillway', password: 'secret' };
const HTML = '<html><body><h1>Welcome</h1></body></html>';
const lacking = 'no permissions for [cluster:monitor/main] and User [name=spillway, backend_roles=[]]';
const FORBIDDEN = {
  error: { root_cause: [{ type: 'security_exception', reason: lacking }], type: 'security_exception', reason: lacking },
  status: 403,
};

test('a right that lacks is told from a password that is wrong, with its name', async () => {
  expect(await onlyVerdict([await answering(403, FORBIDDEN)], LOGIN)).toMatchObject({
    state: 'wrong',
    found: expect.stringMatching(/the user spillway ask .*: it lacks cluster:monitor\/main$/),
    mend: expect.stringContaining('rights'),
  });
  expect(await onlyVerdict([await answering(401, 'Unauthorized')], LOGIN)).toMatchObject({
    state: 'wrong',
    mend: 'Look at search.username and search.password.',
  });
  expect((await onlyVerdict([await answering(401, 'Unauthorized')])).mend).toContain('Set search.username');
  const proxy = await onlyVerdict([await answering(403, HTML)], LOGIN);
  expect(proxy).toMatchObject({ found: expect.stringContaining('not as OpenSearch would') });
  expect(proxy.mend).toContain('proxy');
});

test('a page of a proxy is told from a node, and one that reaches no node from a wrong address', async () => {
  expect(await onlyVerdict([await answering(200, HTML)])).toMatchObject({
    state: 'wrong',
    found: expect.stringMatching(/is not OpenSearch: it says "<html>/),
    mend: expect.stringContaining('address'),
  });
  expect((await onlyVerdict([await answering(200, { hello: 1 })])).found).toContain('is not OpenSearch');
  for (const status of [502, 503]) {
    expect(await onlyVerdict([await answering(status, HTML)])).toMatchObject({
      state: 'wrong',
      found: expect.stringContaining(`answers ${status}`),
      mend: expect.stringContaining('whether the nodes behind it run'),
    });
  }
  expect((await onlyVerdict([await answering(404, HTML)])).mend).toContain('address');
});

test.skipIf(findProgram('openssl') === undefined)(
  'TLS where a node speaks none, and none where it does, are told by their names',
  async () => {
    const plain = (await answering(200, {})).replace('http:', 'https:');
    expect(await onlyVerdict([plain])).toEqual({
      state: 'wrong',
      found: `${plain} cannot be reached: it does not speak TLS`,
      mend: 'Write http:// in search.nodes, or turn TLS on there.',
    });
    const secure = await address(
      createSecureServer(await makeCertificate(), (_, response) => response.end()),
      'http',
    );
    expect(await onlyVerdict([secure])).toMatchObject({
      state: 'wrong',
      mend: expect.stringMatching(/^Write https:\/\//),
    });
    // A TLS alert, as most other servers answer.
    const raw = createRawServer((socket) =>
      socket.once('data', () => socket.end(Buffer.from('15030100020246', 'hex'))),
    );
    const alert = await address(raw as unknown as Server);
    expect(await onlyVerdict([alert])).toMatchObject({ mend: expect.stringMatching(/^Write https:\/\//) });
    const nginx = await answering(400, 'The plain HTTP request was sent to HTTPS port');
    expect((await onlyVerdict([nginx])).mend).toBe('Write https:// in search.nodes.');
  },
);

test.each([
  ['1.3.20', 'opensearch', 'OpenSearch 1.3.20'],
  ['2.11.0', 'opensearch', 'OpenSearch 2.11.0'],
  ['7.17.9', undefined, 'Elasticsearch 7.17.9'],
])('a version that cannot be used is asked nothing more: %s of %s', async (number, distribution, name) => {
  const node = await answering(200, { version: { number, distribution } });
  expect(await onlyVerdict([node])).toMatchObject({
    state: 'wrong',
    found: `search.nodes is ${name}`,
    mend: expect.stringContaining('2.19'),
  });
  expect(asked.sort()).toEqual(['/', '/_cluster/health?local=true']);
});
