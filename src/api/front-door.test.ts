import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ApiServers, startApiServers } from '../../test/support/api-servers.ts';
import { MemoryReader } from '../../test/support/memory-reader.ts';
import { sampleEvent } from '../../test/support/sample-events.ts';
import { readBody } from '../collect/inputs/http/body.ts';
import { BodyBudget } from '../collect/inputs/http/body-budget.ts';
import { COLLECT_LIMITS, HTTP_LIMITS, PROXY_LIMITS, QUERY_LIMITS } from '../lib/limits.ts';

const consoleRoot = join(mkdtempSync(join(tmpdir(), 'spillway-console-')), 'dist');
const reader = new MemoryReader();
let api: ApiServers;

beforeAll(async () => {
  mkdirSync(join(consoleRoot, 'assets'), { recursive: true });
  writeFileSync(join(consoleRoot, 'index.html'), '<!doctype html><title>Spillway</title>');
  writeFileSync(join(consoleRoot, 'assets', 'index-abc123.js'), 'export {};');
  writeFileSync(join(consoleRoot, '..', 'secret.txt'), 'not for you');
  api = await startApiServers({
    reader,
    consoleRoot,
    plugins: [
      async (app) => {
        app.get('/failing', { config: { scope: 'nobody' } }, () => {
          throw new Error('cannot open /var/lib/secret/data.bin');
        });
        app.removeAllContentTypeParsers();
        app.addContentTypeParser('*', (_request, _body, done) => done(null));
        app.post('/small', { config: { scope: 'nobody' } }, (request) => {
          const share = new BodyBudget(() => {}, COLLECT_LIMITS.httpConcurrentBodiesBytes).open();
          return readBody(request.raw, undefined, share, { ...COLLECT_LIMITS, httpBodyBytes: 1_000 });
        });
      },
    ],
  });
});
afterAll(() => api.close());
beforeEach(() => {
  reader.before = async () => {};
  api.where.store = { port: (api.store.server.address() as AddressInfo).port };
});

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${api.frontUrl}${path}`, { headers });

/** Sends bytes as they are and gives back all that comes until the server closes. */
async function raw(text: string, url = api.frontUrl): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  socket.write(text);
  await closed;
  return Buffer.concat(chunks).toString();
}

describe('with the store dead', () => {
  beforeEach(() => {
    api.where.store = undefined;
  });

  it('questions are answered with when to try again', async () => {
    const response = await get('/api/search');
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await response.json()).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('so are they when it only seems to be there', async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    api.where.store = { port: (gone.address() as AddressInfo).port };
    await new Promise((resolve) => gone.close(resolve));
    const response = await get('/api/count');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('everything else works', async () => {
    const accepted = await fetch(`${api.frontUrl}/api/logs`, { method: 'POST', body: 'still here' });
    expect(await accepted.json()).toMatchObject({ accepted: 1 });
    for (const path of [
      ...['/health/live', '/health/ready', '/metrics', '/api/ledger', '/api/topics', '/api/groups', '/api/status'],
      ...['/api/topics/raw/records', '/api/openapi.json', '/'],
    ]) {
      expect((await get(path)).status, path).toBe(200);
    }
  });
});

describe('a question streamed to the store', () => {
  let upstream: Server;
  let handle: (request: IncomingMessage, response: ServerResponse) => void;
  beforeEach(async () => {
    upstream = createServer((request, response) => handle(request, response));
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    api.where.store = { port: (upstream.address() as AddressInfo).port };
  });
  afterEach(() => {
    upstream.closeAllConnections();
    upstream.close();
  });

  it('passes byte for byte, status and headers with it', async () => {
    const bytes = Buffer.from([0, 1, 2, 255, 254, 10, 13]);
    const seen: { url: string | undefined; body: string } = { url: undefined, body: '' };
    handle = (request, response) => {
      seen.url = request.url;
      request.on('data', (chunk) => {
        seen.body += chunk;
      });
      request.on('end', () => {
        response.writeHead(418, { 'content-type': 'application/x-odd', 'x-own': 'kept', connection: 'close' });
        response.end(bytes);
      });
    };
    const body = '{ "q" : "ü" , "q": 1e400 }';
    const response = await fetch(`${api.frontUrl}/api/search?a=%20b&&c`, { method: 'POST', body });
    expect(response.status).toBe(418);
    expect(response.headers.get('content-type')).toBe('application/x-odd');
    expect(response.headers.get('x-own')).toBe('kept');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
    expect(seen).toEqual({ url: '/api/search?a=%20b&&c', body });
  });

  it("does not carry a client's own internal headers", async () => {
    let headers: IncomingMessage['headers'] = {};
    handle = (request, response) => {
      headers = request.headers;
      response.end('{}');
    };
    await get('/api/count', { 'X-Spillway-Internal': 'guess', 'x-spillway-forwarded': '9.9.9.9', 'x-spillway-z': '1' });
    expect(headers).toMatchObject({ 'x-spillway-internal': api.secret, 'x-spillway-forwarded': '127.0.0.1' });
    expect(headers).not.toHaveProperty('x-spillway-z');
  });

  it('finds a place as long as there is one, for each tenant and for all', async () => {
    const waiting: ServerResponse[] = [];
    handle = (_request, response) => waiting.push(response);
    const as = (tenant: string) => ({ authorization: `Bearer ${api.token(tenant, 'read')}` });
    const fill = (headers: Record<string, string>) =>
      Array.from({ length: PROXY_LIMITS.concurrentPerTenant }, () => get('/api/count', headers));
    const refused = async (headers: Record<string, string>) => {
      const response = await get('/api/count', headers);
      expect(response.status).toBe(429);
      expect(response.headers.get('retry-after')).not.toBeNull();
      expect(await response.json()).toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    };
    const [one, two, three] = ['one', 'two', 'three'].map(as);
    const first = fill(one ?? {});
    await vi.waitFor(() => expect(waiting).toHaveLength(PROXY_LIMITS.concurrentPerTenant));
    await refused(one ?? {});
    const second = fill(two ?? {});
    await vi.waitFor(() => expect(waiting).toHaveLength(PROXY_LIMITS.concurrent));
    await refused(three ?? {});
    expect((await get('/api/ledger')).status).toBe(200);
    for (const response of waiting.splice(0)) response.end('{}');
    await Promise.all([...first, ...second]);
    const next = get('/api/count', one);
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    waiting[0]?.end('{}');
    expect((await next).status).toBe(200);
  });

  it('whose body does not come gives its place back', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const begun = Promise.withResolvers<void>();
      handle = (request) => {
        request.resume().on('error', () => {});
        begun.resolve();
      };
      const head = 'POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n';
      const answer = raw(`${head}{`);
      await begun.promise;
      await vi.advanceTimersByTimeAsync(PROXY_LIMITS.bodyTimeoutMs);
      expect(await answer).toMatch(/^HTTP\/1.1 408 .*"code":"REQUEST_TIMEOUT"/s);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is let go when its client goes, and its place is free again', async () => {
    let closed = 0;
    handle = (_request, response) => response.once('close', () => closed++);
    const leaving = Array.from({ length: PROXY_LIMITS.concurrent * 2 }, async () => {
      const gone = new AbortController();
      const asked = fetch(`${api.frontUrl}/api/count`, { signal: gone.signal }).catch(() => {});
      setImmediate(() => gone.abort());
      await asked;
    });
    await Promise.all(leaving);
    handle = (_request, response) => response.end('{}');
    await vi.waitFor(async () => expect((await get('/api/count')).status).toBe(200));
    expect(closed).toBeLessThanOrEqual(PROXY_LIMITS.concurrent * 2);
    await vi.waitFor(async () => {
      const gauge = await api.registries.front.getSingleMetric('spillway_proxy_requests_under_way')?.get();
      expect(gauge?.values).toMatchObject([{ labels: { kind: 'query' }, value: 0 }]);
    });
  });

  it('is broken off, and never looks whole, when the store dies in the middle', async () => {
    handle = (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"events":[');
      setImmediate(() => response.destroy());
    };
    const response = await get('/api/search');
    await expect(response.text()).rejects.toThrow();
  });

  it('is read from the store no faster than the client reads it', async () => {
    const chunk = Buffer.alloc(1_000_000, 'x');
    let written = 0;
    handle = (_request, response) => {
      const more = (): unknown => {
        while (written++ < 400) if (!response.write(chunk)) return response.once('drain', more);
        return response.end();
      };
      more();
    };
    const socket = connect(Number(new URL(api.frontUrl).port), '127.0.0.1');
    socket.pause();
    socket.write('GET /api/search HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await vi.waitFor(() => expect(written).toBeGreaterThan(0));
    await settled(() => written);
    expect(written).toBeLessThan(100);
    socket.destroy();
  });

  it('whose answer is read drop by drop ends after its time, and gives its place back', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      handle = (_request, response) => {
        response.writeHead(200).write('{"events":[');
      };
      const response = await get('/api/search');
      const text = response.text().catch(() => 'cut off');
      await vi.advanceTimersByTimeAsync(PROXY_LIMITS.answerTimeoutMs);
      expect(await text).toBe('cut off');
    } finally {
      vi.useRealTimers();
    }
  });

  it('may have a body as large as the limit and not one byte more', async () => {
    handle = (request, response) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      request.on('end', () => response.end(String(bytes)));
    };
    const send = (bytes: number) => fetch(`${api.frontUrl}/api/search`, { method: 'POST', body: Buffer.alloc(bytes) });
    expect(await (await send(PROXY_LIMITS.bodyBytes)).text()).toBe(String(PROXY_LIMITS.bodyBytes));
    const refused = await send(PROXY_LIMITS.bodyBytes + 1);
    expect(refused.status).toBe(413);
    expect(await refused.json()).toMatchObject({ code: 'BODY_TOO_LARGE' });
  });

  const next = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  const statuses = async (length: string, body: string): Promise<string[]> => {
    const head = `POST /api/search HTTP/1.1\r\nHost: localhost\r\n${length}\r\n\r\n`;
    return (await raw(`${head}${body}${next}`)).match(/(?<=HTTP\/1\.1 )\d+/g) ?? [];
  };

  it.each([
    ['refused by the store before it has come', '403', (response: ServerResponse) => response.writeHead(403).end('{}')],
    ['cut off by the store', '503', (response: ServerResponse) => response.destroy()],
  ])('whose body is %s is answered, and so is what follows on its connection', async (_, status, answer) => {
    handle = (_request, response) => void answer(response);
    const bytes = PROXY_LIMITS.bodyBytes;
    expect(await statuses(`Content-Length: ${bytes}`, 'x'.repeat(bytes))).toEqual([status, '200']);
  });

  it('whose body is too large is answered so, announced or not, whatever the store does', async () => {
    handle = (_request, response) => void response.destroy();
    const bytes = 8 * PROXY_LIMITS.bodyBytes;
    const body = 'x'.repeat(bytes);
    expect(await statuses(`Content-Length: ${bytes}`, body)).toEqual(['413', '200']);
    handle = () => {};
    const chunked = `${bytes.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    expect(await statuses('Transfer-Encoding: chunked', chunked)).toEqual(['413', '200']);
  });
});

describe('a body that an input does not take whole', () => {
  it('is read to its end all the same, so that its sender sees the answer and can go on', async () => {
    const bytes = 16 * 1024 * 1024;
    const head = `POST /small HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${bytes}\r\n\r\n`;
    const next = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    const text = await raw(`${head}${'x'.repeat(bytes)}${next}`);
    expect(text).toContain('"code":"BODY_TOO_LARGE"');
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 200']);
  });
});

/** Resolves when the figure has not moved over ten turns of 20 ms. */
async function settled(figure: () => number): Promise<void> {
  let same = 0;
  let last = figure();
  await vi.waitUntil(
    () => {
      same = figure() === last ? same + 1 : 0;
      last = figure();
      return same >= 10;
    },
    { interval: 20, timeout: 10_000 },
  );
}

describe('a client that goes', () => {
  it('cancels the work in the engine, through both servers', async () => {
    const signals: AbortSignal[] = [];
    reader.before = (signal) => {
      signals.push(signal);
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    };
    const gone = new AbortController();
    const asked = fetch(`${api.frontUrl}/api/count`, { signal: gone.signal }).catch((error: Error) => error.name);
    await vi.waitFor(() => expect(signals).toHaveLength(1));
    expect(signals[0]?.aborted).toBe(false);
    gone.abort();
    expect(await asked).toBe('AbortError');
    await vi.waitFor(() => expect(signals[0]?.aborted).toBe(true));
  });

  it('does not cancel what it waited for to the end', async () => {
    const signals: AbortSignal[] = [];
    reader.before = async (signal) => void signals.push(signal);
    const text = await raw('GET /api/count HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1.1 200/);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });
});

describe('an error', () => {
  it.each([
    ['/api/nothing', 404, 'NOT_FOUND'],
    ['/api/topics/nothing/records', 404, 'NOT_FOUND'],
    ['/api/topics/raw/records?partition=77', 404, 'NOT_FOUND'],
    ['/api/%ff', 400, 'BAD_REQUEST'],
    ['/api/topics/UPPER/records', 400, 'BAD_REQUEST'],
    ['/api/ledger?by=colour', 400, 'BAD_REQUEST'],
    ['/api/status?x=1', 400, 'UNKNOWN_PARAMETER'],
  ])('of %s is a problem document', async (path, status, code) => {
    const response = await get(path);
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code, status, type: `urn:spillway:error:${code}` });
  });

  it.each([
    ['/api/ledger?by=colour', 'by must be of minute or hour, tenant and partition, separated by commas.'],
    ['/api/topics/UPPER/records', 'topic must be up to 64 of a-z, 0-9, _ and -, beginning with a letter or digit.'],
    ['/api/topics/raw/records?wait=long', 'wait must be a duration such as 30s, 12h or 7d.'],
  ])('of %s says how it is written', async (path, how) => {
    expect(await (await get(path)).json()).toMatchObject({ detail: `The parameter ${how}` });
  });

  it('of ours tells no secrets', async () => {
    const response = await get('/failing');
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ code: 'INTERNAL' });
    expect(text).not.toMatch(/secret|data\.bin|\.ts|at /);
  });

  it('of a request that is no HTTP is one too', async () => {
    expect(await raw('\x16\x03\x01\x02\x00garbage\r\n\r\n')).toMatch(/^HTTP\/1.1 400 .*"code":"BAD_REQUEST"/s);
    expect(await raw('GET / HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1.1 400/);
    const both = 'Host: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
    expect(await raw(`POST /api/logs HTTP/1.1\r\n${both}`)).toMatch(/^HTTP\/1.1 400/);
  });

  it('is not what a query of the longest length gets, whatever its letters', async () => {
    const q = encodeURIComponent('東'.repeat(QUERY_LIMITS.queryChars));
    expect((await get(`/api/count?q=${q}`)).status).toBe(200);
  });

  it('of headers past their limit says how to send a long query', async () => {
    const text = await raw(
      `GET /api/count?q=${'x'.repeat(HTTP_LIMITS.headerBytes)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1.1 431 .*POST.*"code":"HEADERS_TOO_LARGE"/s);
  });
});

describe('the console', () => {
  it('is served with a policy that lets nothing else run', async () => {
    const response = await get('/');
    expect(await response.text()).toContain('<title>Spillway</title>');
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(response.headers.get('content-security-policy')).not.toMatch(/unsafe/);
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('answers its own addresses with its page, and only those', async () => {
    const html = { accept: 'text/html,*/*' };
    const page = await get('/live?q=x', html);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<title>Spillway</title>');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
    expect((await get('/api/nothing', html)).status).toBe(404);
    expect((await get('/assets/nothing.js', html)).status).toBe(404);
    expect((await fetch(`${api.frontUrl}/live`, { method: 'POST', headers: html })).status).toBe(404);
  });

  it('keeps hashed files for ever', async () => {
    const response = await get('/assets/index-abc123.js');
    expect(response.headers.get('cache-control')).toMatch(/immutable/);
    expect(response.headers.get('content-type')).toMatch(/javascript/);
  });

  it.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e%2fsecret.txt',
  ])('gives no file from outside its folder: %s', async (path) => {
    const text = await raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect(text).not.toContain('not for you');
  });
});

describe('an answer', () => {
  it.each(['/api/count', '/api/ledger', '/metrics', '/api/nothing', '/api/count?x=1'])(
    'of %s is kept by no cache and taken for nothing else',
    async (path) => {
      const { headers } = await get(path);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    },
  );
});

describe('a browser', () => {
  it.each(['/', '/api/count', '/api/ledger', '/api/topics', '/metrics', '/api/openapi.json', '/api/tail'])(
    'that was led here by a hostile name gets nothing of %s',
    async (path) => {
      const text = await raw(`GET ${path} HTTP/1.1\r\nHost: evil.example:7514\r\nConnection: close\r\n\r\n`);
      expect(text).toMatch(/^HTTP\/1.1 403 .*"code":"FORBIDDEN"/s);
    },
  );

  it('on a page of another origin can neither read nor send', async () => {
    const origin = 'http://evil.example';
    expect((await get('/api/count', { origin })).status).toBe(403);
    const sent = await fetch(`${api.frontUrl}/api/logs`, { method: 'POST', body: 'forged', headers: { origin } });
    expect(sent.status).toBe(403);
  });

  it('on our own page can do both', async () => {
    const origin = api.frontUrl;
    expect((await get('/api/count', { origin, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    const sent = await fetch(`${api.frontUrl}/api/logs`, { method: 'POST', body: 'ours', headers: { origin } });
    expect(sent.status).toBe(200);
  });

  it('of a load balancer gets its health by whatever name', async () => {
    const text = await raw('GET /health/ready HTTP/1.1\r\nHost: 10.0.0.7.lb\r\nConnection: close\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1.1 200/);
  });
});

describe('the store by itself', () => {
  const ask = (headers: Record<string, string>) => fetch(`${api.storeUrl}/api/count`, { headers });

  it('believes a forwarded address only with the secret of this start', async () => {
    const elsewhere = { 'x-spillway-forwarded': '203.0.113.9' };
    expect((await ask({ ...elsewhere, 'x-spillway-internal': api.secret })).status).toBe(401);
    expect((await ask({ ...elsewhere, 'x-spillway-internal': 'a guess' })).status).toBe(200);
    expect((await ask(elsewhere)).status).toBe(200);
  });

  it('checks Host and Origin of those who ask it directly', async () => {
    expect((await ask({ origin: 'http://evil.example' })).status).toBe(403);
    const text = await raw('GET /api/count HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n', api.storeUrl);
    expect(text).toMatch(/^HTTP\/1.1 403/);
  });
});

describe('a server that closes', () => {
  it('lets answers under way finish and ends connections that wait', async () => {
    const own = await startApiServers({ reader });
    const release = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    reader.before = async () => {
      begun.resolve();
      await release.promise;
    };
    const idle: Socket = connect(Number(new URL(own.frontUrl).port), '127.0.0.1');
    const idleEnded = new Promise((resolve) => idle.once('close', resolve));
    const asked = fetch(`${own.frontUrl}/api/count`);
    await begun.promise;
    const closed = own.close();
    release.resolve();
    expect((await asked).status).toBe(200);
    idle.resume();
    await idleEnded;
    await closed;
  });

  it('cuts off what does not finish in its time', async () => {
    const own = await startApiServers({ reader });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const signals: AbortSignal[] = [];
      reader.before = (signal) => {
        signals.push(signal);
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      };
      const asked = fetch(`${own.frontUrl}/api/count`).then(
        () => 'answered',
        () => 'cut off',
      );
      await vi.waitFor(() => expect(signals).toHaveLength(1));
      const closed = own.close();
      await vi.advanceTimersByTimeAsync(HTTP_LIMITS.closeGraceMs);
      expect(await asked).toBe('cut off');
      await vi.waitFor(() => expect(signals[0]?.aborted).toBe(true));
      await closed;
    } finally {
      vi.useRealTimers();
    }
  });

  it('finds events again after it came back', async () => {
    reader.events = [sampleEvent(1, { timestamp: Date.now() })];
    expect(await (await get('/api/count')).json()).toMatchObject({ count: 1 });
  });
});
