/** A whole Spillway that is started while all brokers of its Kafka are away, as after a power cut of everything. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusAnswer } from '../../src/api/schemas/index.ts';
import { readAll } from '../../src/queue/test-records.ts';
import { down, up } from '../../tools/engines/lifecycle.ts';
import { ledgerAtRest } from '../support/accounts.ts';
import { kafkaOptions, lacksKafka, openKafka, startKafka } from '../support/kafka.ts';
import { freePort } from '../support/ports.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const LONG_MS = 240_000;
const PREFIX = 'away.';

describe.skipIf(lacksKafka('a start while Kafka is away', { own: true }))('started while all brokers are away', () => {
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  let spillway: SpillwayProcess;
  let config: Record<string, unknown>;
  const sent: string[] = [];
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
  /** One after another, from one sender: their order is to be kept. */
  const post = async (key?: string) => {
    const text = `tamarillo ${sent.length}`;
    const headers = {
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    };
    const body = JSON.stringify({ message: text });
    const answer = await fetch(`${spillway.url}/api/logs`, { method: 'POST', body, headers });
    expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ accepted: 1 })]);
    sent.push(text);
  };
  const postMany = async (count: number) => {
    for (let i = 0; i < count; i++) await post();
  };

  it(
    'accepts by what it knew, over kills of all of it, and everything is found once and in order when they are back',
    async () => {
      spillway = await SpillwayProcess.start({ config });
      await postMany(5);
      await until('they are in Kafka', async () => (await spillway.json<{ count: number }>(COUNT)).count === 5, 90_000);
      expect(await spillway.stop()).toBe(0);
      await stopKafka();

      await start();
      await postMany(5);
      const { roles } = await spillway.json<StatusAnswer>('/api/status');
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
      await postMany(5);
      await spillway.killAll();
      await start();
      await postMany(5);

      await up('kafka', { data: kafka.data });
      await postMany(5);
      const found = async () => (await spillway.json<{ count: number }>(COUNT)).count === sent.length;
      await until('all are found', found, 120_000);
      const total = await until('the ledger is at rest', () => ledgerAtRest(spillway), 60_000);
      expect(total).toMatchObject({ accepted: sent.length, written: sent.length });
      expect(await (await fetch(`${spillway.url}/health/ready`)).json()).toEqual({ status: 'ok' });
      expect((await spillway.roles()).map(({ state }) => state)).toEqual(['ready', 'ready', 'ready']);
      expect(await spillway.stop()).toBe(0);
      expect(await rawTexts()).toEqual(sent);
    },
    LONG_MS,
  );

  /** As they are in Kafka, of the one sender that there was. */
  async function rawTexts(): Promise<string[]> {
    const topics = { raw: { partitions: 2, compression: 'none', writers: 'many' } } as const;
    const queue = await openKafka(kafkaOptions(kafka.brokers, { prefix: PREFIX, topics }));
    try {
      const each = await Promise.all(
        [0, 1].map(async (partition) => readAll(queue.openReader({ topic: 'raw', partition }), 0)),
      );
      return each.flat().map(({ value }) => JSON.parse(value).message);
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
