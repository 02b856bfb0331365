import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AnsweredEvent } from '../../src/event/event.ts';
import type { LedgerCounts } from '../../src/monitor/ledger/ledger.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

let spillway: SpillwayProcess;

beforeAll(async () => {
  const topology = [{ stage: 'filter', when: 'app:lb AND message:"I am alive"', drop: true }];
  spillway = await SpillwayProcess.start({ config: { topology } });
});

afterAll(() => spillway?.dispose());

const search = (q: string, extra = '') =>
  spillway.json<{ events: AnsweredEvent[] }>(`/api/search?q=${encodeURIComponent(q)}&from=now-1d&to=now%2B1d${extra}`);
const count = async (q: string) =>
  (await spillway.json<{ count: number }>(`/api/count?q=${encodeURIComponent(q)}&from=now-1d&to=now%2B1d`)).count;

async function sendSyslog(lines: readonly string[]): Promise<void> {
  const socket = connect(spillway.port('syslog TCP'), '127.0.0.1');
  socket.end(`${lines.join('\n')}\n`);
  await once(socket, 'close');
}

const postLogs = (body: string, type: string, headers: Record<string, string> = {}) =>
  fetch(`${spillway.url}/api/logs`, { method: 'POST', body, headers: { 'content-type': type, ...headers } });

describe('a line that was sent is found', () => {
  test('over syslog RFC 5424, with its structured data as typed fields', async () => {
    const timestamp = new Date().toISOString();
    await sendSyslog([
      `<134>1 ${timestamp} web-1 shop 42 REQ [c@1 status="503" path="/cart"] checkout failed zanzibar`,
    ]);
    const event = await until('the event is found', async () => (await search('zanzibar')).events[0]);
    expect(event).toMatchObject({
      tenant: 'default',
      timestamp,
      level: 'info',
      message: 'checkout failed zanzibar',
      source: 'shop:web-1',
      metadata: { app: 'shop', host: 'web-1', procid: '42', msgid: 'REQ' },
      payload: { status: 503, path: '/cart' },
    });
    expect(await count('zanzibar AND status:>=500 AND app:shop')).toBe(1);
    expect(await count('zanzibar AND status:<500')).toBe(0);
  });

  test('over HTTP as NDJSON, after an answer that says how many are durable', async () => {
    const answer = await postLogs(
      '{"message":"first kumquat","n":1}\n{"message":"second kumquat","n":2}\n',
      'application/x-ndjson',
    );
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ accepted: 2, deadLettered: 0 });
    await until('both are found', async () => (await count('kumquat')) === 2);
    expect(await count('kumquat AND n:2')).toBe(1);
  });

  test('in the order in which it was sent, where the time is the same', async () => {
    const lines = Array.from({ length: 500 }, (_, i) => `<13>1 2026-01-01T00:00:00Z h ordered - - - pomegranate ${i}`);
    await sendSyslog(
      lines.map((line) => line.replace('2026-01-01T00:00:00Z', new Date().toISOString().replace(/\d{3}Z$/, '000Z'))),
    );
    await until('all are found', async () => (await count('pomegranate')) === 500);
    const { events } = await search('pomegranate', '&order=asc&limit=1000');
    expect(events.map((event) => Number(event.message?.split(' ')[1]))).toEqual(lines.map((_, i) => i));
  });
});

test('an Idempotency-Key makes a repeated request harmless', async () => {
  const send = () => postLogs('{"message":"mangosteen"}', 'application/json', { 'idempotency-key': 'once' });
  expect((await send()).status).toBe(200);
  expect((await send()).status).toBe(200);
  await until('it is found', async () => (await count('mangosteen')) > 0);
  await postLogs('{"message":"after the mangosteen"}', 'application/json');
  await until('what came later is found', async () => (await count('after')) > 0);
  expect(await count('mangosteen')).toBe(2);
});

test('a rule of the topology drops noise, and the ledger says that it did', async () => {
  const lines = ['{"app":"lb","message":"I am alive"}', '{"app":"lb","message":"I am rambutan"}'];
  await postLogs(lines.join('\n'), 'application/x-ndjson');
  await until('the other line is found', async () => (await count('rambutan')) === 1);
  expect(await count('app:lb')).toBe(1);
  await until('the ledger says so', async () => {
    const { total } = await spillway.json<{ total: LedgerCounts }>('/api/ledger');
    return total.dropped === 1 && total.inFlight === 0;
  });
});

test('the ledger balances to zero at rest', async () => {
  // What the ledger hears comes a moment after what it tells of: at rest it agrees with what can be found.
  const counts = await until('the ledger has written what is found, and nothing is in flight', async () => {
    const { total } = await spillway.json<{ total: LedgerCounts }>('/api/ledger');
    return total.inFlight === 0 && total.written === (await count('*')) && total;
  });
  expect(counts.written).toBeGreaterThan(500);
  expect(counts).toMatchObject({ accepted: counts.written + 1, dropped: 1, deadLettered: 0 });
});

test('a role that is killed comes back, and nothing is lost or doubled', async () => {
  const before = await count('*');
  let sent = 0;
  for (const role of ['processor', 'store', 'collector'] as const) {
    await until(`the ${role} is killed`, async () => (await spillway.kill(role)) > 0);
    await until('a request is answered again', async () => {
      const answer = await postLogs(`{"message":"durian ${role}"}`, 'application/json', {
        'idempotency-key': `durian-${role}`,
      });
      return answer.status === 200;
    });
    sent++;
  }
  await until('all is found', async () => (await count('durian')) === sent, 60_000);
  expect(await count('*')).toBe(before + sent);
}, 90_000);

test('a second start on the same data folder is refused, naming the process that has it', async () => {
  const second = SpillwayProcess.start({ folder: spillway.folder });
  await expect(second).rejects.toThrow(/ended with 1/);
});

test('SIGTERM drains and ends with 0 within 10 s, and everything is there at the next start', async () => {
  const before = await count('*');
  const begin = Date.now();
  expect(await spillway.stop()).toBe(0);
  expect(Date.now() - begin).toBeLessThan(10_000);
  spillway = await SpillwayProcess.start({ folder: spillway.folder });
  expect(await until('the store answers', () => count('*'))).toBe(before);
});
