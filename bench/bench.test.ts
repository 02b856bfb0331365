/** The benchmarks' own parts: load of the stated shape, results of the stated shape. How fast it is, no test says. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { percentile, ROOT } from './harness.ts';
import { COMMON_WORD, generateEvents, RARE_WORD } from './load/events.ts';
import { exactLines } from './load/lines.ts';
import { QUICKEST } from './names.ts';
import { type KeptResult, renderReport } from './report.ts';

const run = promisify(execFile);
const START_MS = Date.UTC(2026, 10, 22);
const COUNT = 20_000;

it('generates the same events from the same seed, and others from another', () => {
  const ids = (seed: number) => [...generateEvents({ count: 50, seed, startMs: START_MS })].map(({ syslog }) => syslog);
  expect(ids(1)).toEqual(ids(1));
  expect(ids(1)).not.toEqual(ids(2));
});

it('generates traffic of the stated shape: bytes, words, statuses, streams, times', () => {
  const events = [...generateEvents({ count: COUNT, seed: 42, startMs: START_MS })];
  const parsed = events.map(({ ndjson }) => JSON.parse(ndjson) as Record<string, string | number>);
  const share = (holds: (event: Record<string, string | number>) => boolean) => parsed.filter(holds).length / COUNT;
  const bytes = (form: 'syslog' | 'ndjson') => events.reduce((sum, event) => sum + event[form].length + 1, 0) / COUNT;
  expect(bytes('syslog')).toBeGreaterThan(320);
  expect(bytes('syslog')).toBeLessThan(340);
  expect(bytes('ndjson')).toBeGreaterThan(346);
  expect(bytes('ndjson')).toBeLessThan(366);
  expect(parsed.filter(({ _msg }) => String(_msg).includes(RARE_WORD))).toHaveLength(250);
  expect(share(({ _msg }) => String(_msg).includes(COMMON_WORD))).toBeCloseTo(0.02, 2);
  expect(share(({ status }) => status === 200)).toBeCloseTo(0.8, 1);
  expect(share(({ level }) => level === 'error')).toBeCloseTo(0.03, 2);
  expect(new Set(parsed.map(({ host, app }) => `${host} ${app}`)).size).toBe(1_200);
  expect(new Set(parsed.map(({ request_id }) => request_id)).size).toBe(COUNT);
  const times = events.map(({ timestampMs }) => timestampMs);
  expect(Math.min(...times)).toBeGreaterThan(START_MS - 2_001);
  expect(Math.max(...times)).toBeLessThan(START_MS + 6 * 3_600_000);
  expect(times.some((time, i) => time < (times[i - 1] ?? 0))).toBe(true);
  expect(events[0]?.syslog).toMatch(/^<\d+>1 2026-11-2\dT[\d:.]+Z [\w-]+ \w+ \d{4} REQ \[c@1 team=".*"\] ./);
});

it('pads lines to one exact length', () => {
  const lines = exactLines(30_000, 300).toString().split('\n').slice(0, -1);
  expect(lines).toHaveLength(100);
  expect(new Set(lines.map(({ length }) => length))).toEqual(new Set([299]));
});

it('sends exactly as many events as it was told, and ends', async () => {
  let received = 0;
  const server = createServer((socket) => {
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const args = ['--port', String(port), '--events', '12345', '--connections', '3', '--line-bytes', '100'];
  const { stdout } = await run(process.execPath, [join(ROOT, 'bench/load/tcp-load.ts'), ...args]);
  expect(JSON.parse(stdout)).toMatchObject({ events: 12_345, bytes: 1_234_500 });
  expect(received).toBe(1_234_500);
  server.close();
});

it('sends each line of a file once, over several connections', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-load-'));
  const sent = Array.from({ length: 40_000 }, (_, i) => `line ${i} ${'x'.repeat(80)}`);
  await writeFile(join(folder, 'lines'), `${sent.join('\n')}\n`);
  const received: string[] = [];
  const server = createServer((socket) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on('end', () => received.push(...text.split('\n').slice(0, -1)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const args = ['--port', String(port), '--events', String(sent.length), '--connections', '4'];
  await run(process.execPath, [join(ROOT, 'bench/load/tcp-load.ts'), ...args, '--file', join(folder, 'lines')]);
  expect(received.toSorted()).toEqual(sent.toSorted());
  server.close();
  await rm(folder, { recursive: true });
});

it('finds percentiles by nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect([0.5, 0.99, 1].map((share) => percentile(values, share))).toEqual([50, 99, 100]);
  expect(percentile([7], 0.01)).toBe(7);
});

const UNITS: Readonly<Record<(typeof QUICKEST)[number], string>> = {
  'collect-tcp': 'events/s',
  'queue-append': 'records/s',
  'queue-latency': 'ms',
  'queue-read': 'records/s',
  tenants: 'us/event',
  'topics-http': 'records/s',
};

it.each(QUICKEST)('prints one JSON object as the last line of a run of %s', async (bench) => {
  const { stdout } = await run(process.execPath, [join(ROOT, 'bench/run.ts'), bench, '--quick']);
  const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  expect(result).toMatchObject({ bench, unit: UNITS[bench], machine: expect.any(String), notes: expect.any(Array) });
  expect(result.value).toBeGreaterThan(0);
  expect(result.target).toBeGreaterThan(0);
});

it('names the benchmarks where it is asked for one that is not there', async () => {
  const failed = run(process.execPath, [join(ROOT, 'bench/run.ts'), 'nothing']);
  await expect(failed).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('collect-tcp') });
});

it('reports what was reached and what was not', () => {
  const base = { machine: 'a machine', at: '2026-11-23T00:00:00.000Z', about: 'What it does.' };
  const results: KeptResult[] = [
    {
      ...base,
      bench: 'fast',
      value: 2_000_000,
      unit: 'events/s',
      target: 1_000_000,
      peer: { name: 'other', value: 1 },
    },
    { ...base, bench: 'late', value: 900, unit: 'ms', target: 500, rows: { idle: { value: 3, unit: 'ms' } } },
  ];
  const report = renderReport(results);
  expect(renderReport([])).toContain('No full run');
  expect(report).toContain(
    '| [`fast`](#fast) | 2,000,000 events/s |  | 1,000,000 events/s: reached | 1 events/s, other |',
  );
  expect(report).toContain('500 ms: **not reached**');
  expect(report).toContain('| idle | 3 ms |');
});
