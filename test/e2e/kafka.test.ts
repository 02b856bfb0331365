/** A whole Spillway whose queue is Kafka, on a real broker. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LedgerReport } from '../../src/api/schemas/index.ts';
import { LEDGER_LIMITS } from '../../src/lib/limits.ts';
import { down, up } from '../../tools/engines/lifecycle.ts';
import { ledgerAtRest } from '../support/accounts.ts';
import { lacksKafka, startKafka, type TestKafka } from '../support/kafka.ts';
import { sendNumbered } from '../support/send-numbered.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const LONG_MS = 180_000;
const EVENTS = 10_000;
const CONNECTIONS = 10;
const AWAY_MS = 40_000;
const COUNT = '/api/count?q=tamarillo&from=now-1d&to=now%2B1d';

describe.skipIf(lacksKafka('Spillway on Kafka'))('with Kafka as its queue', () => {
  let kafka: TestKafka;
  let spillway: SpillwayProcess;
  let config: Record<string, unknown>;
  beforeAll(async () => {
    kafka = await startKafka();
    const prefix = `e2e-${randomBytes(4).toString('hex')}.`;
    const { brokers } = kafka;
    config = { queue: { engine: 'kafka', brokers, prefix, replication: 1, minInsyncReplicas: 1, partitions: 2 } };
    spillway = await SpillwayProcess.start({ config });
  }, LONG_MS);
  afterAll(async () => {
    await spillway?.dispose();
    await kafka?.stop();
  }, LONG_MS);

  const count = async () =>
    (await spillway.json<{ count: number }>('/api/count?q=app:numbered&from=now-1d&to=now%2B1d')).count;
  const send = (firstConnection: number) =>
    sendNumbered({
      port: spillway.port('syslog TCP'),
      firstConnection,
      connections: CONNECTIONS,
      linesPerConnection: EVENTS / CONNECTIONS,
    });

  it(
    'finds what it was sent, accounts for it, and loses nothing by a restart or by killed roles',
    async () => {
      await send(0);
      await until('all are found', async () => (await count()) === EVENTS, 60_000);
      const total = await until('the ledger is at rest', () => ledgerAtRest(spillway), 60_000);
      expect(total).toMatchObject({ accepted: EVENTS, written: EVENTS, inFlight: 0 });
      const { groups } = await spillway.json<{ groups: { group: string; partitions: { lag: number }[] }[] }>(
        '/api/groups',
      );
      expect(groups.map(({ group }) => group).sort()).toEqual(['processor', 'store']);

      expect(await spillway.stop()).toBe(0);
      spillway = await SpillwayProcess.start({ config, folder: spillway.folder });
      expect(await until('it answers', async () => (await count()) || undefined)).toBe(EVENTS);

      const sending = send(CONNECTIONS);
      expect(await spillway.kill('processor', 'store')).toBe(2);
      await sending;
      await until('the new ones are found too', async () => (await count()) === 2 * EVENTS, 90_000);
      expect(await until('the ledger is at rest again', () => ledgerAtRest(spillway), 60_000)).toMatchObject({
        accepted: 2 * EVENTS,
        written: 2 * EVENTS,
      });

      await spillway.json('/api/topics/partitions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"partitions":4}',
      });
      await send(2 * CONNECTIONS);
      await until('those on added partitions are found as well', async () => (await count()) === 3 * EVENTS, 90_000);
      const { topics } = await spillway.json<{ topics: { topic: string; partitions: unknown[] }[] }>('/api/topics');
      expect(topics.find(({ topic }) => topic === 'raw')?.partitions).toHaveLength(4);
    },
    LONG_MS,
  );
});

describe.skipIf(lacksKafka('Spillway while Kafka is away', { own: true }))('while all brokers are away', () => {
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  let spillway: SpillwayProcess;
  beforeAll(async () => {
    kafka = await startKafka({ own: true });
    const { brokers } = kafka;
    const queue = { engine: 'kafka', brokers, replication: 1, minInsyncReplicas: 1, partitions: 2 };
    spillway = await SpillwayProcess.start({ config: { queue } });
  }, LONG_MS);
  afterAll(async () => {
    await spillway?.dispose();
    await kafka?.stop();
  }, LONG_MS);

  it(
    'a request is answered as ever, and its events are found once when they are back',
    async () => {
      const post = async (body: string) => {
        const headers = { 'content-type': 'application/json' };
        const answer = await fetch(`${spillway.url}/api/logs`, { method: 'POST', body, headers });
        return [answer.status, await answer.json()];
      };
      const accepted = [200, expect.objectContaining({ accepted: 1 })];
      const count = async () => (await spillway.json<{ count: number }>(COUNT)).count;
      expect(await post('{"message":"tamarillo before"}')).toEqual(accepted);
      await until('it is found', async () => (await count()) === 1);
      const processes = async () => (await spillway.roles()).map(({ role, pid }) => `${role} ${pid}`);
      const before = await processes();
      await down('kafka', { data: kafka.data });
      const [awayMs, awayAtMs] = [performance.now(), Date.now()];
      let isAway = true;
      const questions = (async () => {
        const answers = new Set<string>();
        for (; isAway; await delay(100)) {
          const answer = await fetch(`${spillway.url}${COUNT}`);
          const { count: found, completeTo } = await answer.json();
          answers.add(`${answer.status} ${found} ${Date.parse(completeTo) > 0 && Date.parse(completeTo) <= awayAtMs}`);
        }
        return [...answers];
      })();
      expect(await post('{"message":"tamarillo under way"}')).toEqual(accepted);
      for (let i = 0; i < 20; i++) expect(await post(`{"message":"tamarillo ${i}"}`)).toEqual(accepted);
      await until('the figures say so', async () => {
        const figures = await (await fetch(`${spillway.url}/metrics`)).text();
        const ready = await (await fetch(`${spillway.url}/health/ready`)).text();
        return (
          /^spillway_queue_spooling\{.*topic="raw".*\} 1$/m.test(figures) &&
          /^spillway_queue_spool_records\{.*topic="raw".*\} [1-9]/m.test(figures) &&
          /^spillway_queue_spool_age_seconds\{.*topic="raw".*\} [0-9.]*[1-9]/m.test(figures) &&
          /^spillway_queue_trouble_seconds\{.*topic="raw".*\} [0-9.]*[1-9]/m.test(figures) &&
          /^spillway_queue_append_retries_total\{.*\} [1-9]/m.test(figures) &&
          /^spillway_queue_answers 0$/m.test(figures) &&
          ready.includes("kept on this machine's disk")
        );
      });
      const account = () => spillway.json<LedgerReport>('/api/ledger?from=now-1d&to=now%2B1d');
      await until('the ledger says of when it is, and that this is not now', async () => {
        const { asOf, complete } = await account();
        const isStale = asOf !== undefined && Date.parse(asOf) < Date.now() - LEDGER_LIMITS.staleMs;
        if (isStale) expect(complete).toBe(false);
        return isStale;
      });
      // Longer than members once took to give up what they had.
      await until('it was long', async () => performance.now() - awayMs > AWAY_MS, AWAY_MS);
      isAway = false;
      expect(await questions).toEqual(['200 1 true']);
      await up('kafka', { data: kafka.data });
      const backMs = performance.now();
      await until('all are found', async () => (await count()) === 22, 90_000);
      const foundS = (performance.now() - backMs) / 1_000;
      expect(foundS, `they were found after ${foundS.toFixed(1)} s`).toBeLessThan(15);
      expect(await processes()).toEqual(before);
      const total = await until('the ledger is at rest', () => ledgerAtRest(spillway), 60_000);
      expect(total).toMatchObject({ accepted: 22, written: 22 });
      await until('nothing is unknown any more', async () => (await account()).complete, 60_000);
      expect(await spillway.stop()).toBe(0);
    },
    LONG_MS,
  );
});
