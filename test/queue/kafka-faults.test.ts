/** The queue on Kafka while brokers stop, stand still, and are killed. */
import { listTransactionsV1 } from '@platformatic/kafka';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { KAFKA_LIMITS } from '../../src/lib/limits.ts';
import type { KafkaQueue } from '../../src/queue/kafka/queue.ts';
import type { KafkaQueueOptions } from '../../src/queue/kafka/queue-options.ts';
import { offset } from '../../src/queue/port.ts';
import { readAll, values } from '../../src/queue/test-records.ts';
import { down, status, up } from '../../tools/engines/lifecycle.ts';
import { asOperator, kafkaOptions, lacksKafka, openKafka, startKafka } from '../support/kafka.ts';
import { freePort } from '../support/ports.ts';

const LONG_MS = 180_000;
const BATCHES = 40;
/** Brokers forget who took a partition over, which they do after a week by themselves. */
const SETTINGS = {
  'transactional.id.expiration.ms': '5000',
  'transaction.remove.expired.transaction.cleanup.interval.ms': '200',
};
const raw = { topic: 'raw', partition: 0 };

describe.skipIf(lacksKafka('faults of Kafka', { own: true }))('a queue on Kafka', () => {
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  const queues: KafkaQueue[] = [];
  beforeAll(async () => {
    kafka = await startKafka({ own: true, settings: SETTINGS });
  }, LONG_MS);
  afterEach(() => Promise.all(queues.splice(0).map((queue) => queue.close())), LONG_MS);
  afterAll(() => kafka?.stop(), LONG_MS);

  const open = async (options: Partial<KafkaQueueOptions> = {}) => {
    const all = kafkaOptions(kafka.brokers, options);
    const queue = await openKafka(all);
    queues.push(queue);
    return { queue, prefix: all.prefix };
  };
  const knows = async (transactionalId: string) => {
    const { transactionStates } = await asOperator(kafka.brokers, (link) =>
      link.ask(listTransactionsV1.api, [], [], -1n, null),
    );
    return transactionStates.some((known) => known.transactionalId === transactionalId);
  };
  const start = () => up('kafka', { data: kafka.data, settings: SETTINGS });
  const texts = async (queue: KafkaQueue) => (await readAll(queue.openReader(raw), 0)).map(({ value }) => value);
  const expected = Array.from({ length: BATCHES }, (_, i) => `${i}`);

  it(
    'has every record once and in order when its broker was stopped meanwhile, for one writer and for many',
    async () => {
      for (const writers of ['one', 'many'] as const) {
        const topics = { raw: { partitions: 1, compression: 'none', writers } } as const;
        const { queue } = await open({ topics });
        const writer = await queue.openWriter(raw);
        const appends = expected.slice(0, 10).map((text) => writer.append(values(text)));
        await appends[0];
        const reader = queue.openReader(raw);
        const waited = reader.waitFor(offset(BATCHES - 1), new AbortController().signal);
        await down('kafka', { data: kafka.data });
        appends.push(...expected.slice(10).map((text) => writer.append(values(text))));
        await expect.poll(() => queue.troubledForMs).toBeGreaterThan(0);
        await start();
        await Promise.all(appends);
        await waited;
        expect(queue.troubledForMs).toBe(0);
        expect(await texts(queue)).toEqual(expected);
      }
    },
    LONG_MS,
  );

  it(
    'has every record once and in order when its broker was paused for longer than a request may take',
    async () => {
      const { queue } = await open();
      const writer = await queue.openWriter(raw);
      await writer.append(values('0'));
      const pid = (await status('kafka', kafka.data))[0]?.pid ?? 0;
      process.kill(pid, 'SIGSTOP');
      const appends = expected.slice(1).map((text) => writer.append(values(text)));
      try {
        const timeout = 3 * KAFKA_LIMITS.requestMs;
        await expect.poll(() => queue.troubledForMs, { timeout }).toBeGreaterThan(1.1 * KAFKA_LIMITS.requestMs);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await Promise.all(appends);
      expect(await texts(queue)).toEqual(expected);
    },
    LONG_MS,
  );

  it(
    'is told that a successor has its partition, also by brokers that have forgotten who took one over so long ago',
    async () => {
      const { queue, prefix } = await open({ renewMs: 300 });
      const { queue: silent, prefix: other } = await open();
      const writer = await queue.openWriter(raw);
      const unrenewed = await silent.openWriter(raw);
      await unrenewed.append(values('early'));
      let isForgotten = false;
      const looking = { timeout: LONG_MS / 3, interval: 100 };
      const forgotten = vi
        .waitFor(async () => expect(await knows(`${other}raw-0`)).toBe(false), looking)
        .finally(() => {
          isForgotten = true;
        });
      forgotten.catch(() => {});
      const appends: Promise<unknown>[] = [];
      // Sequences begin again with each renewal, in the middle of what is under way.
      while (!isForgotten) {
        for (let i = 0; i < 7; i++) appends.push(writer.append(values(`${appends.length}`)));
        await appends.at(-3);
      }
      await forgotten;
      await Promise.all(appends);
      expect(await knows(`${prefix}raw-0`)).toBe(true);
      const { queue: successor } = await open({ prefix });
      await successor.openWriter(raw);
      await expect(writer.append(values('late'))).rejects.toMatchObject({ code: 'QUEUE_FENCED' });
      expect(await texts(successor)).toEqual(appends.map((_, i) => `${i}`));
      // Of who was forgotten the leader of the partition knows.
      const { queue: next } = await open({ prefix: other });
      const taken = await next.openWriter(raw);
      await expect(unrenewed.append(values('late'))).rejects.toMatchObject({ code: 'QUEUE_FENCED' });
      await taken.append(values('own'));
      expect(await texts(next)).toEqual(['early', 'own']);
    },
    LONG_MS,
  );

  it('refuses topics that cannot keep what was promised, with what to do', async () => {
    await expect(open({ replication: 3 })).rejects.toMatchObject({
      code: 'QUEUE_TOPIC_INVALID',
      message: expect.stringContaining('needs 3 replicas'),
    });
    const { prefix } = await open();
    await expect(open({ prefix, minInsyncReplicas: 2 })).rejects.toMatchObject({
      code: 'QUEUE_TOPIC_INVALID',
      message: expect.stringContaining('min.insync.replicas=1'),
    });
  });

  it('says that no broker answers', async () => {
    const nobody = `127.0.0.1:${await freePort()}`;
    await expect(openKafka(kafkaOptions([nobody]))).rejects.toMatchObject({
      code: 'QUEUE_UNREACHABLE',
      message: expect.stringContaining(nobody),
    });
  });
});
