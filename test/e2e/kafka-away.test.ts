/** A whole Spillway that is started while all brokers of its Kafka are away, as after a power cut of everything. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusAnswer } from '../../src/api/schemas/index.ts';
import { readAll } from '../../src/queue/test-records.ts';
import { down, status, up } from '../../tools/engines/lifecycle.ts';
import { ledgerAtRest } from '../support/accounts.ts';
import { kafkaOptions, lacksKafka, openKafka, startKafka } from '../support/kafka.ts';
import { freePort } from '../support/ports.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const LONG_MS = 240_000;
const PREFIX = 'away.';
/** Each is a source of its own. */
const HOSTS = Array.from({ length: 12 }, (_, i) => `host-${i}`);
const MANY = HOSTS.length;

describe.skipIf(lacksKafka('a start while Kafka is away', { own: true }))('started while all brokers are away', () => {
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  let spillway: SpillwayProcess;
  let config: Record<string, unknown>;
  /** In the order in which it was sent. */
  const sent: { readonly host: string; readonly text: string }[] = [];
  beforeAll(async () => {
    kafka = await startKafka({ own: true });
    const queue = { engine: 'kafka', brokers: kafka.brokers, prefix: PREFIX, replication: 1, minInsyncReplicas: 1 };
    config = { queue: { ...queue, partitions: 2 } };
  }, LONG_MS);
  afterAll(async () => {
    await spillway?.dispose();
    await kafka?.stop();
  }, LONG_MS);

  const stopKafka = () => down('kafka', { data: kafka.data });
  const start = async () => {
    spillway = await SpillwayProcess.start({ config, folder: spillway.folder });
  };
  /** One after another; the order of each host is to be kept. */
  const post = async (key?: string) => {
    const text = `tamarillo ${sent.length}`;
    const host = HOSTS[sent.length % HOSTS.length] ?? '';
    const headers = {
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    };
    const body = JSON.stringify({ message: text });
    const answer = await fetch(`${spillway.url}/api/logs?host=${host}`, { method: 'POST', body, headers });
    expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ accepted: 1 })]);
    sent.push({ host, text });
  };
  const postMany = async (count: number) => {
    for (let i = 0; i < count; i++) await post();
  };

  it(
    'accepts by what it knew, over kills of all of it, and everything is found once and in order when they are back',
    async () => {
      spillway = await SpillwayProcess.start({ config });
      await postMany(MANY);
      await spillway.json('/api/topics/partitions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"partitions":3}',
      });
      await until('sources use the added partition', async () => {
        await postMany(MANY);
        return ((await rawTexts()).get(2)?.length ?? 0) > 0;
      });
      const moved = sent.length;
      await postMany(MANY);
      expect(await spillway.stop()).toBe(0);
      await stopKafka();

      await start();
      await postMany(MANY);
      const { roles, health, spool } = await spillway.json<StatusAnswer>('/api/status');
      expect(health.reasons?.join(), 'the same as /health/ready').toMatch(
        /kept on this machine's disk since 2\d{3}-.*Z/,
      );
      expect(spool?.records).toBeGreaterThan(0);
      const waiting = { state: 'waiting', waitsFor: expect.stringContaining('did not answer') };
      expect(roles).toMatchObject([
        { role: 'collector', state: 'ready' },
        { role: 'processor', ...waiting },
        { role: 'store', ...waiting },
      ]);
      const ready = await fetch(`${spillway.url}/health/ready`);
      expect([ready.status, await ready.json()]).toEqual([
        200,
        {
          status: 'degraded',
          reasons: expect.arrayContaining([expect.stringContaining("kept on this machine's disk")]),
        },
      ]);
      expect((await fetch(`${spillway.url}/api/topics`)).status).toBe(503);
      const produced = await fetch(`${spillway.url}/api/topics/mine/records`, { method: 'POST', body: '{}' });
      expect(produced.status).toBe(503);

      // A request that is sent again with its key is one, also now.
      await post('once');
      sent.pop();
      await post('once');

      expect(await spillway.kill('collector', 'processor')).toBe(2);
      await until('it is back', async () => (await fetch(`${spillway.url}/health/ready`)).ok);
      await postMany(MANY);
      await spillway.killAll();
      await start();
      await postMany(MANY);

      await up('kafka', { data: kafka.data });
      await postMany(MANY);
      const found = async () => (await spillway.json<{ count: number }>(COUNT)).count === sent.length;
      await until('all are found', found, 120_000);
      const total = await until('the ledger is at rest', () => ledgerAtRest(spillway), 60_000);
      expect(total).toMatchObject({ accepted: sent.length, written: sent.length });
      await until('it is well', async () => {
        return (await spillway.json<{ status: string }>('/health/ready')).status === 'ok';
      });
      expect((await spillway.roles()).map(({ state }) => state)).toEqual(['ready', 'ready', 'ready']);
      expect(await spillway.stop()).toBe(0);
      const log = await readFile(join(spillway.folder, 'spillway.log'), 'utf8');
      // By the supervisor, at each of the three starts.
      expect(log.match(/the queue is Kafka with one replica/g)).toHaveLength(3);
      // However many partitions there are, by each collector.
      expect(log.match(/is kept on this machine's disk until the queue takes it again/g)?.length).toBeLessThanOrEqual(
        6,
      );
      const texts = await rawTexts();
      expect([...texts.values()].flat().sort()).toEqual(sent.map(({ text }) => text).sort());
      for (const host of HOSTS) {
        const own = sent.slice(moved).flatMap((one) => (one.host === host ? one.text : []));
        const found = [...texts.values()].map((all) => all.filter((text) => own.includes(text)));
        expect(found.filter(({ length }) => length > 0)).toEqual([own]);
      }
    },
    LONG_MS,
  );

  it(
    'a store that runs alone says at its own address which brokers do not answer, and when they do again',
    async () => {
      const { queue } = config as { readonly queue: object };
      const store = await SpillwayProcess.start({ config: { queue: { ...queue, prefix: 'alone.' } }, role: 'store' });
      const health = () => store.json<{ status: string; reasons?: string[] }>('/health/ready');
      const says = (expected: string) => until(`it is ${expected}`, async () => (await health()).status === expected);
      try {
        await says('ok');
        const pid = (await status('kafka', kafka.data))[0]?.pid ?? 0;
        process.kill(pid, 'SIGSTOP');
        try {
          await says('degraded');
          const { reasons } = await health();
          expect(reasons).toEqual([expect.stringMatching(`none of its brokers .${kafka.brokers[0]}. since 20`)]);
        } finally {
          process.kill(pid, 'SIGCONT');
        }
        await says('ok');
      } finally {
        await store.dispose();
      }
    },
    LONG_MS,
  );

  /** By partition, as they are in Kafka. */
  async function rawTexts(): Promise<Map<number, string[]>> {
    const topics = { raw: { partitions: 2, compression: 'none', writers: 'many' } } as const;
    const queue = await openKafka(kafkaOptions(kafka.brokers, { prefix: PREFIX, topics, mayGrow: () => false }));
    try {
      const numbers = Array.from({ length: queue.partitionCount('raw') }, (_, partition) => partition);
      const each = numbers.map(async (partition) => {
        const records = await readAll(queue.openReader({ topic: 'raw', partition }), 0);
        return [partition, records.map(({ value }): string => JSON.parse(value).message)] as const;
      });
      return new Map(await Promise.all(each));
    } finally {
      await queue.close();
    }
  }
});

describe('a first start', () => {
  it(
    'is refused while its Kafka is away, and says that later ones are not',
    async () => {
      const queue = { engine: 'kafka', brokers: [`127.0.0.1:${await freePort()}`] };
      await expect(SpillwayProcess.start({ config: { queue } })).rejects.toThrow(
        /has not been started on this queue before.*later ones do not/s,
      );
    },
    LONG_MS,
  );
});

const COUNT = '/api/count?q=tamarillo&from=now-1d&to=now%2B1d';
