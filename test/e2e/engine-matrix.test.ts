/** Each queue with each search engine: what a user is promised of one pair, every pair keeps. And what cannot be combined. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnsweredEvent } from '../../src/event/event.ts';
import { ledgerAtRest } from '../support/accounts.ts';
import { kafkaOptions, lacksKafka, removeTopics, startKafka, type TestKafka } from '../support/kafka.ts';
import { lacks } from '../support/needs.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const EVENTS = 10_000;
const REQUEST = 2_500;
const LONG_MS = 180_000;
const node = process.env.SPILLWAY_TEST_OPENSEARCH ?? '';
const nowMs = Math.floor(Date.now() / 60_000) * 60_000;

type Config = Readonly<Record<string, unknown>>;

/** One partition and one request at a time: then the same input has the same origins everywhere. */
const embeddedQueue = { partitions: 1 };
const kafkaQueue = ({ brokers }: TestKafka, prefix: string) => {
  return { engine: 'kafka', brokers, prefix, replication: 1, minInsyncReplicas: 1, partitions: 1 };
};
const uniqueName = () => `matrix-${randomBytes(4).toString('hex')}`;
const withdrawn = (kafka: TestKafka, prefix: string) =>
  removeTopics(kafkaOptions(kafka.brokers, { prefix, topics: TOPICS }));
const TOPICS = Object.fromEntries(
  ['raw', 'events', 'dead-letter'].map(
    (topic) => [topic, { partitions: 1, compression: 'none', writers: 'one' }] as const,
  ),
);

const lineOf = (n: number) => ({
  timestamp: new Date(nowMs - (n % 3_000) * 1_000).toISOString(),
  level: ['info', 'warn', 'error', 'debug', undefined][n % 5],
  message: `Request ${n} to /v1/cart/${n % 50} took ${n % 900} ms`,
  status: n % 10 === 0 ? '503' : 200 + (n % 5),
  ms: (n % 900) / 4,
  user: { id: n % 70, tags: [`t${n % 4}`, 'all'] },
});

async function post(spillway: SpillwayProcess, from: number): Promise<void> {
  const lines = Array.from({ length: REQUEST }, (_, i) => JSON.stringify(lineOf(from + i)));
  const headers = { 'content-type': 'application/x-ndjson' };
  const answer = await fetch(`${spillway.url}/api/logs?app=shop`, { method: 'POST', body: lines.join('\n'), headers });
  expect(await answer.json()).toMatchObject({ accepted: REQUEST, deadLettered: 0 });
}

/** The same for all, however long each of them takes: a bucket of a histogram is not to begin or end in between. */
const DAY_MS = 86_400_000;
const span = `from=${new Date(nowMs - DAY_MS).toISOString()}&to=${new Date(nowMs + DAY_MS).toISOString()}`;
const path = (what: string, q: string, extra = '') => `/api/${what}?q=${encodeURIComponent(q)}&${span}${extra}`;
const byText = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

const COUNTED = [
  '*',
  'status:503',
  'status:[200 TO 202]',
  'level:error took',
  '"cart 7 took"',
  'user.tags:t3',
  '-level:*',
];
const COUNTED_BY = ['level', 'status', 'user.tags', 'ms', 'source'];

/** What a user sees of the events; without what depends on when they came. */
async function answersOf(spillway: SpillwayProcess) {
  const counts: Record<string, number> = {};
  for (const q of COUNTED) counts[q] = (await spillway.json<{ count: number }>(path('count', q))).count;
  const histograms: unknown[] = [];
  for (const by of ['level', 'status']) {
    histograms.push(
      (await spillway.json<{ buckets: unknown }>(path('histogram', '*', `&interval=5m&by=${by}`))).buckets,
    );
  }
  const values: Record<string, unknown> = {};
  for (const field of COUNTED_BY) {
    const answer = await spillway.json<{ values: unknown }>(path('values', '*', `&field=${field}&limit=1000`));
    values[field] = answer.values;
  }
  const { rows } = await spillway.json<{ rows: { value: number }[] }>(path('stats', '*', '&fn=avg&of=ms&by=level'));
  const page = await spillway.json<{ events: AnsweredEvent[]; next?: string }>(path('search', 'took', '&limit=100'));
  const further = await spillway.json<{ events: AnsweredEvent[] }>(
    path('search', 'took', `&limit=100&after=${encodeURIComponent(page.next ?? '')}`),
  );
  const { accepted, written, inFlight, ...ledger } = await until(
    'the ledger is at rest',
    () => ledgerAtRest(spillway),
    60_000,
  );
  return {
    counts,
    histograms,
    values,
    averages: rows.map((row) => ({ ...row, value: Number(row.value.toFixed(6)) })).sort(byText),
    events: [...page.events, ...further.events].map(({ received: _, ...event }) => event),
    ledger: { accepted, written, inFlight, ...ledger },
  };
}

const suite = 'each queue with each search engine';
const lacksEngines = [lacksKafka(suite), lacks(suite, { server: 'SPILLWAY_TEST_OPENSEARCH' })].includes(true);

describe.skipIf(lacksEngines)(suite, () => {
  let kafka: TestKafka;
  const names: string[] = [];
  let expected: Awaited<ReturnType<typeof answersOf>>;

  beforeAll(async () => {
    kafka = await startKafka();
    expected = await answersWith({ queue: embeddedQueue });
  }, LONG_MS);
  afterAll(async () => {
    for (const name of names) {
      await fetch(`${node}/${name}-slice-*`, { method: 'DELETE' });
      await fetch(`${node}/_index_template/${name}*`, { method: 'DELETE' });
      await withdrawn(kafka, `${name}.`);
    }
    await kafka?.stop();
  }, LONG_MS);

  async function answersWith(config: Config) {
    const spillway = await SpillwayProcess.start({ config });
    try {
      for (let from = 0; from < EVENTS; from += REQUEST) await post(spillway, from);
      const count = async () => (await spillway.json<{ count: number }>(path('count', '*'))).count;
      await until('all are found', async () => (await count()) === EVENTS, 90_000);
      const answers = await answersOf(spillway);
      expect(await spillway.stop()).toBe(0);
      return answers;
    } finally {
      await spillway.dispose();
    }
  }

  it('embedded and embedded is what the others are compared with', () => {
    expect(expected.counts['*']).toBe(EVENTS);
    expect(expected.counts['status:503']).toBe(EVENTS / 10);
    expect(expected.ledger).toMatchObject({ accepted: EVENTS, written: EVENTS, inFlight: 0 });
    expect(expected.events).toHaveLength(200);
  });

  it.each([
    ['embedded', 'opensearch'],
    ['kafka', 'embedded'],
    ['kafka', 'opensearch'],
  ] as const)(
    'the queue %s with the search engine %s answers the same, event by event',
    async (queueEngine, searchEngine) => {
      const name = uniqueName();
      names.push(name);
      const queue = queueEngine === 'kafka' ? kafkaQueue(kafka, `${name}.`) : embeddedQueue;
      const index = { prefix: name, replicas: 0, refresh: '100ms' };
      const search = searchEngine === 'opensearch' ? { search: { engine: 'opensearch', nodes: [node], index } } : {};
      expect(await answersWith({ queue, ...search })).toEqual(expected);
    },
    LONG_MS,
  );
});

interface Refusal {
  readonly said: string;
  readonly code: number | null;
}

/** Starts it on a folder of its own and waits until it has ended by itself. */
async function refusalOf(config: Config, args: readonly string[] = []): Promise<Refusal> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-matrix-'));
  try {
    const file = join(folder, 'spillway.yaml');
    const defaults = { data: join(folder, 'data'), http: { port: 0 }, inputs: { syslog: [] } };
    await writeFile(file, JSON.stringify({ ...defaults, ...config }));
    const command = [join(import.meta.dirname, '../../bin/spillway.mjs'), 'start', ...args, '--config', file];
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] });
    // One that starts is not to run on.
    child.stdout.on('data', (said: Buffer) => {
      if (said.includes('"ready":true')) child.kill();
    });
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    return { said, code };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('a role alone', () => {
  it.each(['collector', 'processor', 'store'])('is refused with the embedded queue: %s', async (role) => {
    const { said, code } = await refusalOf({}, ['--role', role]);
    expect(said).toContain(`The ${role} cannot run alone: the embedded queue is for all roles on one machine`);
    expect(said).toContain('set queue.engine: kafka');
    expect(code).toBe(1);
  });
});

describe.skipIf(lacksKafka('stores that share a queue'))('a second store', () => {
  let kafka: TestKafka;
  let first: SpillwayProcess | undefined;
  const prefix = `${uniqueName()}.`;
  beforeAll(async () => {
    kafka = await startKafka();
  }, LONG_MS);
  afterAll(async () => {
    await first?.dispose();
    await withdrawn(kafka, prefix);
    await kafka?.stop();
  }, LONG_MS);

  it(
    'is refused while one with the embedded search engine reads the same queue, which goes on and may start again',
    async () => {
      const queue = kafkaQueue(kafka, prefix);
      first = await SpillwayProcess.start({ config: { queue } });
      const second = await refusalOf({ queue });
      expect(second.said).toMatch(/The store cannot start\. Another store .* writes to the embedded engine/);
      expect(second.code).toBe(1);
      await post(first, 0);
      const isFound = async () => {
        const { count } = (await first?.json<{ count: number }>(path('count', '*'))) ?? {};
        return count === REQUEST;
      };
      await until('all are found', isFound, 90_000);
      expect(await first.stop()).toBe(0);
      first = await SpillwayProcess.start({ config: { queue }, folder: first.folder });
      await until('all are found again', isFound, 90_000);
      expect(await first.stop()).toBe(0);
    },
    LONG_MS,
  );
});
