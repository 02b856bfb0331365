/**
 * What real programs send is found again: whole, in order, counted exactly. Log files of real systems are read from the
 * folder that SPILLWAY_TEST_LOGS names (each `*.log` in it); they are not part of the repository.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AnsweredEvent, SearchAnswer } from '../../src/api/schemas/index.ts';
import { compareOrigins, parseOrigin } from '../../src/event/origin.ts';
import { lacks } from '../support/needs.ts';
import { startNginxThroughRsyslog } from '../support/nginx-rsyslog.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const run = promisify(execFile);
const LOGS = process.env.SPILLWAY_TEST_LOGS;
const ALL_TIMES = 'from=0&to=now%2B1d';

let spillway: SpillwayProcess;

beforeAll(async () => {
  spillway = await SpillwayProcess.start();
});

afterAll(() => spillway?.dispose());

const count = async (q: string) =>
  (await spillway.json<{ count: number }>(`/api/count?q=${encodeURIComponent(q)}&${ALL_TIMES}`)).count;

async function findAll(q: string): Promise<readonly AnsweredEvent[]> {
  const events: AnsweredEvent[] = [];
  let after = '';
  do {
    const page = await spillway.json<SearchAnswer>(
      `/api/search?q=${encodeURIComponent(q)}&${ALL_TIMES}&order=asc&limit=1000${after}`,
    );
    events.push(...page.events);
    after = page.next === undefined ? '' : `&after=${encodeURIComponent(page.next)}`;
  } while (after !== '');
  return events;
}

/** In the order in which they came. */
function byOrigin(events: readonly AnsweredEvent[]): readonly AnsweredEvent[] {
  const origin = (event: AnsweredEvent) => {
    const parsed = parseOrigin(event.id);
    if (parsed === undefined) throw new Error(`${event.id} is no origin`);
    return parsed;
  };
  return [...events].sort((a, b) => compareOrigins(origin(a), origin(b)));
}

describe.skipIf(lacks('logger', { programs: { logger: 'bsdutils' } }))('logger', () => {
  test.each([
    ['UDP, RFC 5424', ['-d', '--rfc5424']],
    ['UDP, RFC 3164', ['-d', '--rfc3164']],
    ['TCP, RFC 5424', ['-T', '--rfc5424']],
    ['TCP, RFC 3164', ['-T', '--rfc3164']],
    ['TCP, RFC 5424, octet counted', ['-T', '--rfc5424', '--octet-count']],
  ])('over %s', async (name, options) => {
    const word = `logger${name.replaceAll(/[^a-z0-9]/gi, '')}`;
    const port = String(spillway.port('syslog TCP'));
    await run('logger', [
      '-n',
      '127.0.0.1',
      '-P',
      port,
      ...options,
      '-p',
      'user.err',
      '-t',
      'shop',
      '--id=77',
      `sent by ${word}`,
    ]);
    await until('it is found', async () => (await count(word)) === 1);
    const [event] = await findAll(word);
    expect(event).toMatchObject({
      message: `sent by ${word}`,
      level: 'error',
      metadata: { app: 'shop', procid: '77' },
    });
    expect(Math.abs(Date.parse(event?.timestamp ?? '') - Date.now())).toBeLessThan(60_000);
  });
});

describe.skipIf(lacks('curl', { programs: { curl: 'curl' } }))('curl', () => {
  test.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('sends NDJSON compressed with %s', async (encoding, compress) => {
    const lines = Array.from({ length: 200 }, (_, i) => `{"message":"curled ${encoding} ${i}","n":${i}}`);
    const curl = spawn('curl', [
      ...['-sS', '--data-binary', '@-', '-H', 'content-type: application/x-ndjson'],
      ...['-H', `content-encoding: ${encoding}`, `${spillway.url}/api/logs`],
    ]);
    let answer = '';
    curl.stdout.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
    });
    curl.stdin.end(compress(lines.join('\n')));
    await once(curl, 'close');
    expect(JSON.parse(answer)).toMatchObject({ accepted: 200, deadLettered: 0 });
    await until('all are found', async () => (await count(`curled AND ${encoding}`)) === 200);
    const found = byOrigin(await findAll(`curled AND ${encoding}`));
    expect(found.map(({ payload }) => payload)).toEqual(lines.map((_, n) => ({ n })));
  });
});

const senders = { programs: { nginx: 'nginx-light', wrk: 'wrk', rsyslogd: 'rsyslog' } };
describe.skipIf(lacks('nginx through rsyslog', senders))('nginx through rsyslog', () => {
  test('every request is an event with its fields', { timeout: 60_000 }, async () => {
    const nginx = await startNginxThroughRsyslog(spillway.port('syslog TCP'));
    try {
      await Promise.all(Array.from({ length: 50 }, (_, i) => fetch(`${nginx.url}/missing/page${i}?secret=${i}`)));
      await until('all are found', async () => (await count('app:nginx AND status:404')) === 50);
      const [event] = await findAll('app:nginx AND path:*page7*');
      expect(event).toMatchObject({ metadata: { app: 'nginx' }, payload: { status: 404, method: 'GET' } });
    } finally {
      await nginx.stop();
    }
  });
});

const files = LOGS === undefined ? [] : readdirSync(LOGS).filter((name) => name.endsWith('.log'));
describe.skipIf(files.length === 0)('log files of real systems', () => {
  test.each(files)('%s by syslog and by HTTP', async (name) => {
    const lines = readFileSync(join(LOGS ?? '', name), 'utf8')
      .split(/\r?\n/)
      .filter((line) => line !== '');
    const socket = connect(spillway.port('syslog TCP'), '127.0.0.1');
    const team = `t-${name.toLowerCase().replaceAll(/[^a-z0-9]/g, '-')}`;
    socket.end(`${lines.join('\n')}\n`);
    await once(socket, 'close');
    const answer = await fetch(`${spillway.url}/api/logs?team=${team}`, {
      method: 'POST',
      body: lines.join('\n'),
      headers: { 'content-type': 'text/plain' },
    });
    expect(await answer.json()).toMatchObject({ accepted: lines.length, deadLettered: 0 });
    await until('all of HTTP are found', async () => (await count(`team:${team}`)) === lines.length);
    const found = byOrigin(await findAll(`team:${team}`));
    expect(found.map(({ original }) => original)).toEqual(lines);
  });
});
