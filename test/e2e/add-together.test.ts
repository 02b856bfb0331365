/**
 * Partitions are added on a real Kafka while two collectors and two processors run, each a process tree of its own, and
 * senders go from one collector to the other by turns. In a random order one collector is killed, and one stands still for
 * longer than the other waits for it. What must hold: every record is processed once, and those of a source in their order,
 * also where it has moved. SPILLWAY_TEST_SEED gives the order again.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LedgerReport } from '../../src/api/schemas/index.ts';
import { MOVE_LIMITS } from '../../src/lib/limits.ts';
import { Random } from '../../src/lib/random.ts';
import { readAll } from '../../src/queue/test-records.ts';
import { kafkaOptions, lacksKafka, openKafka, removeTopics, startKafka, type TestKafka } from '../support/kafka.ts';
import { lacks } from '../support/needs.ts';
import { HttpSender, type Numbered, SyslogSender } from '../support/retrying-senders.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const LONG_MS = 240_000;
const SEED = Number(process.env.SPILLWAY_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const [FIRST, LAST] = [2, 4];
const suite = 'partitions that several collectors add together';
const isLacking = lacks(suite, { long: 'a collector stands still for seconds' }) || lacksKafka(suite);

describe.skipIf(isLacking)(suite, () => {
  const prefix = `together-${randomBytes(4).toString('hex')}.`;
  const trees: SpillwayProcess[] = [];
  let kafka: TestKafka;

  beforeAll(async () => {
    kafka = await startKafka();
    const { brokers } = kafka;
    const config = {
      queue: { engine: 'kafka', brokers, prefix, replication: 1, minInsyncReplicas: 1, partitions: FIRST },
    };
    const roles = ['collector', 'collector', 'processor', 'processor'] as const;
    trees.push(...(await Promise.all(roles.map((role) => SpillwayProcess.start({ config, role, readyMs: LONG_MS })))));
  }, LONG_MS);

  afterAll(async () => {
    await Promise.all(trees.map((tree) => tree.dispose()));
    const none = { partitions: 1, compression: 'none', writers: 'many' } as const;
    if (kafka === undefined) return;
    await removeTopics(
      kafkaOptions(kafka.brokers, { prefix, topics: { raw: none, events: none, 'dead-letter': none } }),
    );
    await kafka.stop();
  }, LONG_MS);

  it(
    'keep every record once, and each source in its order',
    async () => {
      console.info(`seed ${SEED}`);
      const random = new Random(SEED);
      const [first, second] = trees;
      if (first === undefined || second === undefined) throw new Error('there are no collectors');
      const ports = (what: string) => () => [first.port(what), second.port(what)];
      const http = Array.from({ length: 8 }, (_, i) => {
        const options = { name: `http-${i}`, eventsPerRequest: 5, pauseMs: 30, answerMs: 3_000 };
        return new HttpSender({ ...options, ports: ports('http') });
      });
      const syslog = Array.from({ length: 2 }, (_, i) => {
        const options = { name: `tcp-${i}`, linesPerConnection: 100, pauseMs: 10 };
        return new SyslogSender({ ...options, ports: ports('syslog TCP') });
      });
      const accounts = (): readonly Numbered[] => [
        ...http.map(({ account }) => account),
        ...syslog.flatMap((sender) => sender.accounts),
      ];
      const sum = () => accounts().reduce((total, { certain }) => total + certain, 0);
      const more = (by: number, from = sum()) =>
        until(`${by} more are acknowledged`, async () => sum() >= from + by, 60_000);

      await more(500);
      let pid = 0;
      const strikes: Record<string, () => Promise<unknown>> = {
        kill: () => first.kill('collector'),
        stop: async () => {
          pid = (await second.roles()).find(({ role }) => role === 'collector')?.pid ?? 0;
          process.kill(pid, 'SIGSTOP');
        },
        add: () => {
          const headers = { 'content-type': 'application/json' };
          const body = JSON.stringify({ partitions: LAST });
          const ask = () => first.json('/api/topics/partitions', { method: 'POST', headers, body });
          return until('partitions are added', ask, 60_000);
        },
      };
      const order = Object.keys(strikes).sort(() => random.next() - 0.5);
      for (const strike of order) {
        await delay(random.below(1_500));
        await strikes[strike]?.();
      }
      await delay(MOVE_LIMITS.patienceMs + random.below(2_000));
      process.kill(pid, 'SIGCONT');
      console.info(`${order.join(', ')}: ${sum()} are acknowledged`);
      const writers = { compression: 'none', writers: 'many' } as const;
      const topics = { raw: { partitions: FIRST, ...writers }, events: { partitions: FIRST, ...writers } };
      const queue = await openKafka(kafkaOptions(kafka.brokers, { prefix, topics }));
      try {
        const hasMoved = async () => Array.isArray(queue.record.topic('raw')?.additions[0]?.barrier);
        await until('sources have moved', hasMoved, 90_000);
        await more(1_000);
        await Promise.all([...http, ...syslog].map((sender) => sender.stop()));
        const found = await until(
          'all are processed',
          async () => {
            // Of each source: what more was found of others would hide what a collector still keeps by itself.
            const processed = await eventsOf(queue);
            const lacks = accounts().filter(({ source, certain }) => (processed.get(source)?.length ?? 0) < certain);
            if (lacks.length > 0) throw new Error(`not yet: ${lacks.map(({ source }) => source).join(', ')}`);
            return (await isRead(queue)) ? eventsOf(queue) : undefined;
          },
          90_000,
        );
        const moved: string[] = [];
        for (const { source, sent, certain } of accounts()) {
          const own = found.get(source) ?? [];
          found.delete(source);
          // The old partition was read before the new one.
          expect(
            own.map(({ number }) => number),
            source,
          ).toEqual(own.map((_, i) => i));
          expect(own.length, source).toBeGreaterThanOrEqual(certain);
          expect(own.length, source).toBeLessThanOrEqual(sent);
          if (new Set(own.map(({ partition }) => partition)).size > 1) moved.push(source);
        }
        expect([...found.keys()], 'what nobody sent').toEqual([]);
        console.info(`moved: ${moved.join(', ')}`);
        expect(moved.length).toBeGreaterThan(0);
        await until('the ledger has accepted what was processed', () => ledgerIsExact(first, queue), 60_000);
      } finally {
        await queue.close();
      }
    },
    LONG_MS,
  );
});

type Found = Map<string, { readonly number: number; readonly partition: number }[]>;

/** By source, in the order of partitions and offsets. */
async function eventsOf(queue: Awaited<ReturnType<typeof openKafka>>): Promise<Found> {
  const found: Found = new Map();
  for (let partition = 0; partition < queue.partitionCount('events'); partition++) {
    const reader = queue.openReader({ topic: 'events', partition });
    for (const { value } of await readAll(reader, 0)) {
      const { message, metadata } = JSON.parse(value);
      // Only how far the processor has come.
      if (metadata === undefined) continue;
      const source = String(metadata.app === 'app' ? metadata.host : metadata.app);
      found.set(source, [...(found.get(source) ?? []), { number: Number(message), partition }]);
    }
    await reader.close();
  }
  return found;
}

/** Batches by which brokers were told to refuse somebody are in no account. */
async function ledgerIsExact(tree: SpillwayProcess, queue: Awaited<ReturnType<typeof openKafka>>): Promise<boolean> {
  const path = '/api/ledger?from=now-1d&to=now%2B1d';
  const { total, complete, missing } = await tree.json<LedgerReport>(path);
  const written = [...(await eventsOf(queue)).values()].reduce((sum, one) => sum + one.length, 0);
  const said = JSON.stringify([total, complete, missing, written]);
  if (complete !== true || missing?.length !== 0 || total.accepted !== written + total.dropped) throw new Error(said);
  return true;
}

/** Processors have committed all that is there. */
async function isRead(queue: Awaited<ReturnType<typeof openKafka>>): Promise<boolean> {
  for (let partition = 0; partition < queue.partitionCount('raw'); partition++) {
    const at = { topic: 'raw', partition };
    if (((await queue.committed('processor', at)) ?? 0) < (await queue.endOffset(at))) return false;
  }
  return true;
}
