/** What a sender over HTTP may rely on; each limit at the limit and one past it. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lacks } from '../../test/support/needs.ts';
import { COLLECT_LIMITS } from '../lib/limits.ts';
import { type Fixture, type FixtureOptions, startCollector } from './collector.fixture.ts';

const run = promisify(execFile);
let fixture: Fixture;

beforeEach(async () => {
  fixture = await startCollector();
});
afterEach(async () => {
  await fixture.stop();
  await fixture.remove();
});

async function restart(options: FixtureOptions): Promise<void> {
  await fixture.stop();
  fixture = await startCollector({ folder: fixture.folder, ...options });
}

interface Posted {
  readonly status: number;
  readonly answer: Record<string, unknown>;
  readonly retryAfter: string | null;
}

async function post(body: string | Buffer, headers: Record<string, string> = {}, query = ''): Promise<Posted> {
  const response = await fetch(`${fixture.url}/api/logs${query}`, {
    method: 'POST',
    headers,
    body: new Uint8Array(Buffer.from(body)),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  return { status: response.status, answer, retryAfter: response.headers.get('retry-after') };
}

const texts = async (): Promise<string[]> => (await fixture.records()).map(({ text }) => text);

const NDJSON = { 'content-type': 'application/x-ndjson' };
const TEXT = { 'content-type': 'text/plain' };

describe('what a body may be', () => {
  it('is NDJSON, with the broken lines kept as dead letters and named', async () => {
    const { status, answer } = await post('{"a":1}\n{broken\n {"b": [2]} \r\n', NDJSON);
    expect(status).toBe(200);
    expect(answer).toMatchObject({ accepted: 2, deadLettered: 1, errors: [{ line: 2, code: 'JSON_INVALID' }] });
    expect(await texts()).toEqual(['{"a":1}', ' {"b": [2]} ']);
    const [letter] = await fixture.letters();
    expect(letter?.bytes.toString()).toBe('{broken');
    expect(letter?.reason).toMatchObject({
      code: 'JSON_INVALID',
      last: true,
      origin: expect.stringMatching(/^test\./),
    });
    expect(letter?.meta).toMatchObject({ tenant: 'default', input: 'http' });
  });

  it('is a JSON array, of which the elements are kept as they were sent', async () => {
    const { answer } = await post('[{"a" : 1.50}, {"__proto__": 123456789012345678901234567890}]', {
      'content-type': 'application/json; charset=utf-8',
    });
    expect(answer).toEqual({ accepted: 2, deadLettered: 0 });
    expect(await texts()).toEqual(['{"a" : 1.50}', '{"__proto__": 123456789012345678901234567890}']);
    expect((await fixture.records())[0]?.meta.format).toBe('json');
  });

  it.each([
    ['text/plain', TEXT],
    ['a form, as `curl -d` says of anything', { 'content-type': 'application/x-www-form-urlencoded' }],
  ])('is lines of %s, which are events with their text', async (_, headers) => {
    expect((await post('{"a":1\nGET /a?b=c&d 200\n\n', headers)).answer).toEqual({ accepted: 2, deadLettered: 0 });
    expect(await texts()).toEqual(['{"a":1', 'GET /a?b=c&d 200']);
    expect((await fixture.records())[0]?.meta.format).toBe('text');
  });

  it('needs no Content-Type', async () => {
    const response = await fetch(`${fixture.url}/api/logs`, { method: 'POST', body: new Blob(['a line']) });
    expect(await response.json()).toEqual({ accepted: 1, deadLettered: 0 });
  });

  it('is compressed or not', async () => {
    const bodies = {
      gzip: gzipSync('one\n'),
      deflate: deflateSync('two\n'),
      zstd: zstdCompressSync('four\n'),
      identity: Buffer.from('five\n'),
    };
    for (const [encoding, body] of Object.entries(bodies)) {
      expect((await post(body, { ...TEXT, 'content-encoding': encoding })).status).toBe(200);
    }
    expect((await post(deflateRawSync('three\n'), { ...TEXT, 'content-encoding': 'deflate' })).status).toBe(200);
    expect((await texts()).sort()).toEqual(['five', 'four', 'one', 'three', 'two']);
  });

  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const)('may be several parts of %s, one after the other', async (encoding, compress) => {
    // As pzstd does, with a frame before them that readers skip.
    const skipped = encoding === 'zstd' ? Buffer.from('502a4d180400000001020304', 'hex') : Buffer.alloc(0);
    const large = `${'x'.repeat(100_000)}\n`;
    const body = Buffer.concat([skipped, ...['one\n', large, '', 'two\n'].map((text) => compress(text))]);
    expect((await post(body, { ...TEXT, 'content-encoding': encoding })).answer.accepted).toBe(3);
    expect(await texts()).toEqual(['one', large.trim(), 'two']);
  });

  it('has team, app and host from the query where a line lacks them', async () => {
    await post('x', TEXT, '?team=core&app=cart&host=web%201');
    expect((await fixture.records())[0]?.meta).toMatchObject({ team: 'core', app: 'cart', host: 'web 1' });
  });

  it('keeps the order of a stream in one partition', async () => {
    for (let i = 0; i < 20; i++) await post(`line ${i}`, TEXT, '?app=cart');
    const records = await fixture.records();
    expect(new Set(records.map(({ partition }) => partition)).size).toBe(1);
    expect(records.map(({ text }) => text)).toEqual(Array.from({ length: 20 }, (_, i) => `line ${i}`));
  });
});

describe('what is refused', () => {
  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['zstd', zstdCompressSync],
  ] as const)('is a body of %s with other bytes behind it, and one that is cut off', async (encoding, compress) => {
    const whole = compress('one\n');
    for (const body of [Buffer.concat([whole, Buffer.from('two\n')]), whole.subarray(0, -1)]) {
      const { status, answer } = await post(body, { ...TEXT, 'content-encoding': encoding });
      expect([status, answer.code]).toEqual([400, 'BAD_REQUEST']);
    }
    expect(await texts()).toEqual([]);
  });

  it('is a body of more compressed parts than the limit', async () => {
    const part = zstdCompressSync('one\n');
    await restart({ limits: { httpCompressedParts: 3 } });
    const send = (parts: number) =>
      post(Buffer.concat(Array<Buffer>(parts).fill(part)), { ...TEXT, 'content-encoding': 'zstd' });
    expect((await send(3)).answer.accepted).toBe(3);
    expect((await send(4)).answer.code).toBe('BODY_TOO_LARGE');
    expect(await texts()).toHaveLength(3);
  });

  it.each([
    ['an unknown encoding', 415, 'UNSUPPORTED_MEDIA_TYPE', { ...TEXT, 'content-encoding': 'br' }, 'x', ''],
    ['two encodings', 415, 'UNSUPPORTED_MEDIA_TYPE', { ...TEXT, 'content-encoding': 'gzip, gzip' }, 'x', ''],
    ['an unknown type', 415, 'UNSUPPORTED_MEDIA_TYPE', { 'content-type': 'image/png' }, 'x', ''],
    ['a body that is not what its encoding says', 400, 'BAD_REQUEST', { ...TEXT, 'content-encoding': 'gzip' }, 'x', ''],
    ['an empty body', 400, 'BAD_REQUEST', TEXT, '', ''],
    ['JSON of which nothing can be read', 400, 'BAD_REQUEST', NDJSON, '{a\n{b\n', ''],
    ['an unknown parameter', 400, 'UNKNOWN_PARAMETER', TEXT, 'x', '?source=a'],
    ['a parameter that is given twice', 400, 'BAD_REQUEST', TEXT, 'x', '?app=a&app=b'],
    [
      'a parameter past its limit',
      400,
      'BAD_REQUEST',
      TEXT,
      'x',
      `?app=${'a'.repeat(COLLECT_LIMITS.httpParameterBytes + 1)}`,
    ],
  ])('is %s', async (_, status, code, headers, body, query) => {
    expect(await post(body, headers as Record<string, string>, query)).toMatchObject({ status, answer: { code } });
    expect(await texts()).toEqual([]);
    expect(await fixture.letters()).toEqual([]);
  });

  it('is not a parameter at its limit', async () => {
    expect((await post('x', TEXT, `?app=${'a'.repeat(COLLECT_LIMITS.httpParameterBytes)}`)).status).toBe(200);
  });

  it('is a sender without the scope to ingest', async () => {
    await restart({ authenticate: () => ({ tenant: 'shop', scopes: new Set(['read']) }) });
    expect(await post('x', TEXT)).toMatchObject({ status: 403, answer: { code: 'FORBIDDEN' } });
  });

  it('is a message past the limit, which is kept whole as a dead letter while the rest goes on', async () => {
    const longest = 'x'.repeat(COLLECT_LIMITS.messageBytes);
    const { answer } = await post(`a\n${longest}\n${longest}y\nb\n`, TEXT);
    expect(answer).toMatchObject({ accepted: 3, deadLettered: 1, errors: [{ line: 3, code: 'MESSAGE_TOO_LARGE' }] });
    expect((await texts()).map(({ length }) => length)).toEqual([1, longest.length, 1]);
    const letters = await fixture.letters();
    expect(letters.map(({ bytes }) => bytes.length)).toEqual([longest.length + 1]);
    expect(letters[0]?.chunks).toBeGreaterThan(1);
  });

  it('is a message past the limit alone, with its own code', async () => {
    expect(await post('x'.repeat(COLLECT_LIMITS.messageBytes + 1), TEXT)).toMatchObject({ status: 413 });
  });
});

describe('limits of the body', () => {
  it('takes one at the limit and refuses one byte more, announced or not', async () => {
    await restart({ limits: { httpBodyBytes: 1_000 } });
    expect((await post('x'.repeat(1_000), TEXT)).status).toBe(200);
    expect(await post('x'.repeat(1_001), TEXT)).toMatchObject({ status: 413, answer: { code: 'BODY_TOO_LARGE' } });
    const chunked = new Blob(['x'.repeat(1_001)]).stream();
    const init = { method: 'POST', headers: TEXT, body: chunked, duplex: 'half' } as const;
    expect((await fetch(`${fixture.url}/api/logs`, init)).status).toBe(413);
  });

  it('decompresses up to the limit and not a byte more', async () => {
    await restart({ limits: { httpDecompressedBytes: 100_000 } });
    for (const compress of [gzipSync, zstdCompressSync]) {
      const headers = { ...TEXT, 'content-encoding': compress === gzipSync ? 'gzip' : 'zstd' };
      expect((await post(compress('x'.repeat(100_000)), headers)).status).toBe(200);
      expect(await post(compress('x'.repeat(100_001)), headers)).toMatchObject({
        status: 413,
        answer: { code: 'BODY_TOO_LARGE' },
      });
    }
  });

  it('refuses a gzip bomb at the cap, without harm to others', async () => {
    const memberBytes = 4 * 1_024 * 1_024;
    const members = 2 + COLLECT_LIMITS.httpDecompressedBytes / memberBytes;
    const bomb = Buffer.concat(Array<Buffer>(members).fill(gzipSync(Buffer.alloc(memberBytes))));
    const refused = post(bomb, { ...TEXT, 'content-encoding': 'gzip' });
    const others = await Promise.all(Array.from({ length: 10 }, () => post('x', TEXT)));
    expect(others.every(({ status }) => status === 200)).toBe(true);
    expect(await refused).toMatchObject({ status: 413 });
  });

  it('refuses bodies past what all together may have, with Retry-After, and takes them when there is room', async () => {
    await restart({ limits: { httpConcurrentBodiesBytes: 2_500 } });
    const slow = openRequest(1_200, 1_100);
    await slow.sent;
    expect(await post('x'.repeat(1_500), TEXT)).toMatchObject({ status: 429, retryAfter: '1' });
    expect((await post('x'.repeat(700), TEXT)).status).toBe(200);
    slow.socket.write('x'.repeat(100));
    expect(await slow.answer).toContain('200 OK');
    expect((await post('x'.repeat(1_250), TEXT)).status).toBe(200);
  });

  it('answers a sender that is too slow with 408 and closes the connection', async () => {
    await restart({ limits: { httpBodyTimeoutMs: 200 } });
    const slow = openRequest(100, 10);
    expect((await post('x', TEXT)).status).toBe(200);
    const answer = await slow.answer;
    expect(answer).toContain('408');
    expect(answer).toContain('REQUEST_TIMEOUT');
    expect(await texts()).toEqual(['x']);
  });

  it('takes nothing of a body that ends too early', async () => {
    const cut = openRequest(100, 50);
    await cut.sent;
    cut.socket.destroy();
    expect((await post('y', TEXT)).status).toBe(200);
    expect(await texts()).toEqual(['y']);
  });
});

/** A request that announces more than it sends at first. */
function openRequest(announced: number, first: number) {
  const { port } = new URL(fixture.url);
  const socket = connect(Number(port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const head = `POST /api/logs HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: ${announced}\r\nconnection: close\r\n\r\n`;
  return {
    socket,
    // The server has read it when its metric says so.
    sent: (async () => {
      await new Promise<void>((resolve) => socket.write(head + 'x'.repeat(first), () => resolve()));
      while ((await fixture.metric('spillway_collect_http_bodies_bytes')) < first) await new Promise(setImmediate);
    })(),
    answer: once(socket, 'close').then(() => text),
  };
}

async function curl(...args: string[]): Promise<{ stdout: string }> {
  return await run('curl', ['-sS', '-w', '%{http_code}', ...args, `${fixture.url}/api/logs`]);
}

describe.skipIf(lacks('curl', { programs: { curl: 'curl' } }))('curl', () => {
  it('sends a gzipped file of NDJSON', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'spillway-curl-'));
    try {
      const lines = Array.from({ length: 5_000 }, (_, i) => `{"n":${i}}`);
      await writeFile(join(folder, 'a.gz'), gzipSync(`${lines.join('\n')}\n`));
      const args = ['-H', 'content-type: application/x-ndjson', '-H', 'content-encoding: gzip'];
      const { stdout } = await curl(...args, '--data-binary', `@${join(folder, 'a.gz')}`);
      expect(stdout).toBe('{"accepted":5000,"deadLettered":0}200');
      expect(await texts()).toEqual(lines);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('sends a line without more ado', async () => {
    expect((await curl('-d', 'payment failed for order 7')).stdout).toBe('{"accepted":1,"deadLettered":0}200');
    expect(await texts()).toEqual(['payment failed for order 7']);
  });
});
