/**
 * Producing to a topic of one's own over HTTP and consuming it as a group, on the embedded queue: 300-byte values with keys,
 * in requests of 1,000 records and of one, answered when they are durable; pages of 1,000 records, each committed. Beside it,
 * in turns, the least that one would write oneself: a server of Node.js that parses each line, appends the body to one
 * file and fdatasyncs it, without partitions, keys, groups, limits or recovery.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SpillwayProcess } from '../test/support/spillway.ts';
import { TopicClient } from '../test/support/topic-client.ts';
import { type Bench, hundredths, inTurns, type Measured, median, percentile, say, spawnScript } from './harness.ts';
import { type Answered, httpClient, postWhile } from './load/http-load.ts';

const VALUE_BYTES = 300;
const RECORDS = 1_000;
const CLIENTS = 8;
const SINGLE_CLIENTS = 32;
const PARTITIONS = 4;
/** Of what the bare server gives, which does far less. */
const SHARE = 0.3;
const NDJSON = 'application/x-ndjson';
const TOPIC = 'bench';
const PATH = `/api/topics/${TOPIC}/records`;

interface Round {
  readonly batches: Answered;
  readonly singles: Answered;
  readonly consumedPerS: number;
}

export const run: Bench = async ({ quick, rounds = quick ? 1 : 3, seconds = quick ? 1 : 10 }) => {
  const [own = [], bare = []] = await inTurns<Round>(
    rounds,
    () => ours(seconds),
    () => theirs(seconds),
  );
  const produced = (all: readonly Round[]) => Math.round(median(all.map((one) => one.batches.requestsPerS * RECORDS)));
  const singles = (all: readonly Round[]) => Math.round(median(all.map((one) => one.singles.requestsPerS)));
  const consumed = (all: readonly Round[]) => Math.round(median(all.map(({ consumedPerS }) => consumedPerS)));
  const p99 = (answers: readonly Answered[]) =>
    hundredths(
      percentile(
        answers.flatMap(({ tookMs }) => tookMs),
        0.99,
      ),
    );
  const name = 'a bare server, one file, fdatasync';
  const row = (value: number, peer: number, unit: string): Measured => {
    return { value, unit, peer: { name, value: peer }, ratio: hundredths(value / peer) };
  };
  return {
    ...row(produced(own), produced(bare), 'records/s'),
    p99Ms: p99(own.map(({ batches }) => batches)),
    target: Math.round(produced(bare) * SHARE),
    rows: {
      'one record a request': {
        ...row(singles(own), singles(bare), 'requests/s'),
        p99Ms: p99(own.map((one) => one.singles)),
      },
      'consumed by one member, each page committed': row(consumed(own), consumed(bare), 'records/s'),
    },
    notes: [
      `${rounds} rounds of ${seconds} s each, ${CLIENTS} clients that send ${RECORDS} records a request, ${SINGLE_CLIENTS} that send one; ${PARTITIONS} partitions. The load generator shares the machine. The target is ${SHARE} of what the bare server gives in the same run: that keeps no record by itself, and its reader commits nothing.`,
    ],
  };
};

function records(count: number): Buffer {
  const record = (i: number) => JSON.stringify({ key: `key ${i % 97}`, value: `${i}`.padEnd(VALUE_BYTES - 2, 'x') });
  return Buffer.from(Array.from({ length: count }, (_, i) => `${record(i)}\n`).join(''));
}

async function produce(url: string, path: string, seconds: number): Promise<Pick<Round, 'batches' | 'singles'>> {
  const load = { seconds, contentType: NDJSON };
  const batches = await postWhile(url, path, records(RECORDS), { ...load, clients: CLIENTS });
  const singles = await postWhile(url, path, records(1), { ...load, clients: SINGLE_CLIENTS });
  return { batches, singles };
}

async function ours(seconds: number): Promise<Round> {
  const spillway = await SpillwayProcess.start({ script: 'test/support/start-collector.ts' });
  try {
    const client = new TopicClient(() => spillway.url);
    await client.create(TOPIC, { partitions: PARTITIONS });
    const produced = await produce(spillway.url, PATH, seconds);
    const { path } = await client.join('readers', [TOPIC], { start: 'earliest' });
    const http = httpClient(spillway.url, 'application/json');
    // It has its partitions then; what is not committed is given again.
    await http.ask('GET', `${path}/records?limit=1&wait=10s`);
    const consumedPerS = await readFor(seconds, async () => {
      const page: { records: unknown[]; next?: string } = JSON.parse(
        await http.ask('GET', `${path}/records?limit=${RECORDS}`),
      );
      const { next } = page;
      if (next !== undefined) await http.ask('POST', `${path}/commit`, Buffer.from(JSON.stringify({ next })));
      return page.records.length;
    });
    http.close();
    return said('ours', { ...produced, consumedPerS });
  } finally {
    await spillway.dispose();
  }
}

async function theirs(seconds: number): Promise<Round> {
  const directory = await mkdtemp(join(tmpdir(), 'spillway-bench-'));
  const server = spawnScript('bench/load/bare-topic.ts', ['--directory', directory]);
  try {
    const [{ port }] = (await once(server, 'message')) as [{ port: number }];
    const url = `http://127.0.0.1:${port}`;
    const produced = await produce(url, '/', seconds);
    const http = httpClient(url, NDJSON);
    let from = 0;
    const consumedPerS = await readFor(seconds, async () => {
      const page: { records: unknown[]; next: number } = JSON.parse(
        await http.ask('GET', `/?from=${from}&limit=${RECORDS}`),
      );
      from = page.next;
      return page.records.length;
    });
    http.close();
    return said('bare', { ...produced, consumedPerS });
  } finally {
    server.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}

/** Until there is nothing more, or the time is over. */
async function readFor(seconds: number, next: () => Promise<number>): Promise<number> {
  const startMs = performance.now();
  let read = 0;
  for (let found = 1; found > 0 && performance.now() < startMs + seconds * 1_000; read += found) found = await next();
  return read / ((performance.now() - startMs) / 1_000);
}

function said(who: string, round: Round): Round {
  const { batches, singles, consumedPerS } = round;
  const figures = [batches.requestsPerS * RECORDS, singles.requestsPerS, consumedPerS].map(Math.round);
  say(`  ${who}: ${figures[0]} records/s, ${figures[1]} requests of one record a second, ${figures[2]} records/s read`);
  return round;
}
