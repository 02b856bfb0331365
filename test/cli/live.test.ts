/** The verbs against a running Spillway. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SpillwayProcess, until } from '../support/spillway.ts';

const BIN = join(import.meta.dirname, '../../bin/spillway.mjs');
const WAIT = { timeout: 20_000 };

let spillway: SpillwayProcess;
beforeAll(async () => {
  spillway = await SpillwayProcess.start();
});
afterAll(() => spillway?.dispose());

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[]) {
  const env = { ...process.env, SPILLWAY_URL: spillway.url };
  return spawn(process.execPath, [BIN, ...args], { cwd: spillway.folder, env, stdio: ['pipe', 'pipe', 'pipe'] });
}

async function run(args: readonly string[], input = ''): Promise<Ended> {
  const child = start(args);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  // One that is refused may have ended before it reads.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

async function objects(...args: string[]): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await run(args);
  if (code !== 0) throw new Error(`${args.join(' ')}: ${code} ${stderr}`);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

describe('send, then search', () => {
  test('lines of a pipe are found, in order, with the app they were sent for', async () => {
    const lines = Array.from({ length: 2_500 }, (_, index) => `piped line ${index}`);
    const sent = await run(['send', '--app', 'piped'], `${lines.join('\n')}\n`);
    expect(JSON.parse(sent.stdout)).toEqual({ lines: 2_500, accepted: 2_500, deadLettered: 0 });
    const found = await until('all are found', async () => {
      const events = await objects('search', 'app:piped', '--limit', '5000', '--oldest-first');
      return events.length === lines.length && events;
    });
    expect(found.map((event) => event.message)).toEqual(lines);
  });

  test('a file of JSON lines keeps its fields, and a line that is not JSON is a dead letter that is named', async () => {
    const file = join(spillway.folder, 'lines.json');
    writeFileSync(file, '{"app":"filed","n":1}\n{broken\n{"app":"filed","n":2}\n');
    const sent = await run(['send', '--format', 'json', file]);
    expect(JSON.parse(sent.stdout)).toEqual({ lines: 3, accepted: 2, deadLettered: 1 });
    expect(sent.stderr).toMatch(/^Line 2 is kept as a dead letter/);
    await until('both are found', async () => (await objects('search', 'app:filed AND n:>=1')).length === 2);
    const letters = await objects('read', 'dead-letter');
    expect(letters.map((letter) => letter.value)).toContain('{broken');
  });

  test('a line that only looks like JSON is an event with its text, so that it does not end the sending', async () => {
    const sent = await run(['send', '--app', 'template'], '{{ greeting }}\n');
    expect(sent).toMatchObject({ code: 0 });
    expect(JSON.parse(sent.stdout)).toEqual({ lines: 1, accepted: 1, deadLettered: 0 });
    const found = await until('it is found', async () => (await objects('search', 'app:template'))[0]);
    expect(found).toMatchObject({ message: '{{ greeting }}' });
  });

  test('search as CSV has a header and a row an event', async () => {
    await run(['send', '--app', 'comma'], 'one, "two"\n');
    const row = await until(
      'it is found',
      async () => (await run(['search', 'app:comma', '--format', 'csv'])).stdout.split('\r\n')[1] || undefined,
    );
    expect(row).toContain('"one, ""two"""');
  });

  test('a query that cannot be parsed is refused with its place: exit 2', async () => {
    const { code, stderr } = await run(['search', 'app:(a OR']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/\[QUERY_SYNTAX\]\n {2}app:\(a OR\n +\^/);
  });
});

test('tail shows what arrives, and ends in order on SIGINT', WAIT, async () => {
  const tail = start(['tail', 'app:tailed']);
  const lines = createInterface({ input: tail.stdout });
  const first = once(lines, 'line');
  await until('the tail is open and shows something', async () => {
    await run(['send', '--app', 'tailed'], 'seen live\n');
    return Promise.race([first.then(() => true), new Promise<false>((resolve) => setImmediate(resolve, false))]);
  });
  const [line] = await first;
  expect(JSON.parse(line)).toMatchObject({ message: 'seen live', metadata: { app: 'tailed' } });
  tail.kill('SIGINT');
  const [code] = await once(tail, 'close');
  expect(code).toBe(0);
});

describe('the queue', () => {
  test('topics lists every partition with its readers', async () => {
    const partitions = await objects('topics');
    expect(new Set(partitions.map(({ topic }) => topic))).toEqual(new Set(['raw', 'events', 'dead-letter']));
    expect(partitions.filter(({ topic }) => topic === 'raw')).toHaveLength(4);
  });

  test('read prints records as they were sent, from an offset, a time or the beginning', async () => {
    await run(['send', '--app', 'read'], 'to be read again\n');
    const all = await objects('read', 'raw', '--limit', '100000', '--from', '10m');
    const record = all.find(({ value }) => value === 'to be read again');
    if (record === undefined) throw new Error('the record is not in raw');
    const { partition, offset } = record;
    const [again] = await objects(
      'read',
      'raw',
      '--partition',
      String(partition),
      '--from',
      String(offset),
      '--limit',
      '1',
    );
    expect(again).toEqual(record);
  });

  test('topics are created, filled by send, read, listed and deleted', async () => {
    const create = ['topics', 'create', 'orders', '--partitions', '2', '--retention', '3d', '--required', 'billing'];
    expect(await objects(...create)).toMatchObject([{ topic: 'orders', retention: '3d', required: ['billing'] }]);
    expect((await objects(...create))[0]?.partitions).toHaveLength(2);
    // More than one request may have.
    const lines = Array.from({ length: 60_000 }, (_, index) => `${index}`);
    const sent = await run(['send', '--topic', 'orders', '--key', 'k'], `${lines.join('\n')}\n`);
    expect(JSON.parse(sent.stdout)).toEqual({ lines: 60_000, accepted: 60_000, deadLettered: 0 });
    const records = await objects('read', 'orders', '--limit', '100000');
    expect(records.map(({ value }) => value)).toEqual(lines);
    expect(records[0]).toMatchObject({ topic: 'orders', offset: 0, key: 'k' });
    const listed = (await objects('topics')).filter(({ topic }) => topic === 'orders');
    expect(listed.map(({ tenant, partition }) => `${tenant} ${partition}`)).toEqual(['default 0', 'default 1']);
    const added = await objects('topics', 'add-partitions', '2', 'orders');
    expect(added).toEqual([{ topic: 'orders', before: 2, partitions: 4 }]);
    expect(await objects('topics', 'delete', 'orders')).toEqual([{ topic: 'orders', deleted: true }]);
    expect(await run(['read', 'orders'])).toMatchObject({ code: 1, stderr: expect.stringContaining('no topic') });
    for (const wrong of [
      ['create'],
      ['create', 'x', 'y'],
      ['delete'],
      ['--retention', '1d'],
      ['create', 'x', '--partitions', '0'],
    ]) {
      expect(await run(['topics', ...wrong])).toMatchObject({ code: 2 });
    }
    expect(await run(['send', '--topic', 'orders', '--app', 'x'], 'x')).toMatchObject({ code: 2 });
  });

  test('topics add-partitions adds to raw and events, for good, and none can be taken away', async () => {
    expect(await objects('topics', 'add-partitions', '2')).toEqual([{ before: 4, partitions: 6 }]);
    await until('they are there', async () => {
      const partitions = await objects('topics');
      return ['raw', 'events'].every((name) => partitions.filter(({ topic }) => topic === name).length === 6);
    });
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ partitions: 4 });
    const refused = await fetch(`${spillway.url}/api/topics/partitions`, { method: 'POST', headers, body });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('There are 6 partitions already');
    for (const wrong of [['add-partitions'], ['add-partitions', '0'], ['remove', '2']]) {
      expect(await run(['topics', ...wrong])).toMatchObject({ code: 2 });
    }
  });

  test('a topic that does not exist is refused with a suggestion', async () => {
    const { code, stderr } = await run(['read', 'evnets']);
    expect(code).toBe(1);
    expect(stderr).toContain('Did you mean events?');
  });

  test('where follows an event to the store, and says so of one that never was', async () => {
    await run(['send', '--app', 'where'], 'where is it\n');
    const [event] = await until('it is found', async () => {
      const events = await objects('search', 'app:where');
      return events.length > 0 && events;
    });
    const stations = await objects('where', String(event?.id));
    expect(stations.map(({ station, was }) => [station, was])).toEqual([
      ['received', 'yes'],
      ['processed', 'yes'],
      ['searchable', 'yes'],
    ]);
    const never = await run(['where', 'local.raw.0.999999.0']);
    expect(never.code).toBe(1);
    expect(JSON.parse(never.stdout)).toMatchObject({ station: 'received', was: 'no' });
  });
});

test('demo sends over syslog and HTTP, and the ledger balances afterwards', WAIT, async () => {
  const syslog = `127.0.0.1:${spillway.port('syslog TCP')}`;
  // The ledger hears of what the tests before have sent a moment after it can be found.
  const before = await until('the ledger has what can be found', async () => {
    const total = await ledgerTotal();
    const { count } = await spillway.json<{ count: number }>('/api/count?q=*&from=now-1d&to=now%2B1d');
    return total.inFlight === 0 && total.written === count && total;
  });
  const { code, stdout } = await run(['demo', '--rate', '500', '--for', '2s', '--seed', '7', '--syslog', syslog]);
  expect(code).toBe(0);
  const { sent } = JSON.parse(stdout);
  expect(sent).toBeGreaterThan(900);
  await until('the ledger balances', async () => {
    const { accepted, inFlight } = await ledgerTotal();
    return accepted === before.accepted + sent && inFlight === 0;
  });
  expect((await run(['ledger', '--check'])).code).toBe(0);
  expect((await objects('search', 'app:(nginx OR payments OR catalog)', '--limit', '1000')).length).toBeGreaterThan(
    100,
  );
});

async function ledgerTotal(): Promise<{ accepted: number; written: number; inFlight: number }> {
  const lines = await objects('ledger', '--from', '1d');
  const total = lines.find((line) => line.total === true);
  return {
    accepted: Number(total?.accepted),
    written: Number(total?.written),
    inFlight: Number(total?.inFlight),
  };
}
