/** Processes that open the queue on an empty Kafka at the same moment: each of them starts, and all have the same queue. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { KafkaQueue } from '../../src/queue/kafka/queue.ts';
import { batchOf, readAll } from '../../src/queue/test-records.ts';
import { kafkaOptions, lacksKafka, openKafka, removeTopics, startKafka, type TestKafka } from '../support/kafka.ts';

const LONG_MS = 120_000;
/** As two process trees of all roles and their supervisors. */
const PROCESSES = 8;
const ROUNDS = 2;
const TOPIC = 'shop.orders';
const SETTINGS = { partitions: 3, retention: { maxAgeMs: 60_000, maxBytes: 2 ** 40 }, requiredGroups: [] };

describe.skipIf(lacksKafka('first starts on Kafka at the same moment'))('at the same moment', () => {
  let kafka: TestKafka;
  let queues: KafkaQueue[] = [];
  beforeAll(async () => {
    kafka = await startKafka();
  }, 180_000);
  afterEach(async () => {
    await Promise.all(queues.map((queue) => queue.close()));
    queues = [];
  });
  afterAll(() => kafka?.stop());

  it(
    'all start, and agree on topics, names and what users create',
    async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const options = kafkaOptions(kafka.brokers);
        queues = await Promise.all(Array.from({ length: PROCESSES }, () => openKafka(options)));
        const names = await Promise.all(queues.map((queue, i) => queue.record.name(`proposed by ${i}`)));
        expect(new Set(names).size).toBe(1);
        await Promise.all(queues.map((queue) => queue.claim('store', 'one index')));
        await Promise.all(queues.map((queue, i) => queue.raisePartitions({ raw: 2 + (i % 3), events: 2 + (i % 3) })));
        await Promise.all(queues.map((queue) => queue.created.createTopic(TOPIC, SETTINGS)));
        await Promise.all(queues.map((queue) => queue.refreshLayouts()));
        for (const queue of queues) {
          expect(queue.partitionCount('raw')).toBe(4);
          expect(queue.layout('events')).toEqual(queues[0]?.layout('events'));
          expect(queue.created.catalogue).toEqual(queues[0]?.created.catalogue);
          expect(queue.cluster.idOf(queue.nameOf('raw'))).toBe(queues[0]?.cluster.idOf(options.prefix.concat('raw')));
        }
        const at = { topic: TOPIC, partition: 2 };
        const writers = await Promise.all(queues.map((queue) => queue.openWriter(at)));
        await Promise.all(writers.map((writer, i) => writer.append(batchOf([{ value: `of ${i}`, timestampMs: 1 }]))));
        const [first] = queues;
        if (first === undefined) throw new Error('nobody has started');
        const found = await readAll(first.openReader(at), 0);
        expect(found.map(({ value }) => value).sort()).toEqual(queues.map((_, i) => `of ${i}`));
        await first.created.beginDeletion(TOPIC);
        await first.created.endDeletion(TOPIC);
        await Promise.all(queues.map((queue) => queue.close()));
        queues = [];
        await removeTopics(options);
      }
    },
    LONG_MS,
  );
});
