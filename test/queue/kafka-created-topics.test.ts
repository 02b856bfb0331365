/** Topics that users create on a real Kafka, beyond what the contract over HTTP shows: retention, several processes, names of others. */
import { Producer } from '@platformatic/kafka';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { offsetAt, WHEN } from '../../src/queue/kafka/offsets.ts';
import type { KafkaQueue } from '../../src/queue/kafka/queue.ts';
import type { KafkaQueueOptions } from '../../src/queue/kafka/queue-options.ts';
import { offset } from '../../src/queue/port.ts';
import { batchOf, readAll, values } from '../../src/queue/test-records.ts';
import { kafkaOptions, lacksKafka, openKafka, removeTopics, startKafka, type TestKafka } from '../support/kafka.ts';
import { until } from '../support/spillway.ts';

const TOPIC = 'shop.orders';
const AT = { topic: TOPIC, partition: 0 };
const GROUP = 'shop.billing';
const settings = {
  partitions: 1,
  retention: { maxAgeMs: 60_000, maxBytes: 2 ** 40 },
  requiredGroups: [GROUP],
};

describe.skipIf(lacksKafka('topics that users create on Kafka'))('a topic that a user created on Kafka', () => {
  let kafka: TestKafka;
  const opened: { queue: KafkaQueue; options: KafkaQueueOptions }[] = [];
  beforeAll(async () => {
    kafka = await startKafka();
  }, 180_000);
  afterEach(async () => {
    for (const { queue } of opened) {
      for (const topic of queue.created.living) {
        await queue.created.beginDeletion(topic).catch(() => undefined);
        await queue.created.endDeletion(topic).catch(() => undefined);
      }
    }
    const all = opened.splice(0);
    await Promise.all(all.map(({ queue }) => queue.close()));
    await Promise.all(all.map(({ options }) => removeTopics(options)));
  });
  afterAll(() => kafka?.stop());

  const open = async (options: Partial<KafkaQueueOptions> = {}) => {
    const all = kafkaOptions(kafka.brokers, options);
    const queue = await openKafka(all);
    opened.push({ queue, options: all });
    return { queue, prefix: all.prefix };
  };

  it('keeps what a required group has not read, and removes it then', async () => {
    const { queue } = await open();
    await queue.created.createTopic(TOPIC, settings);
    const writer = await queue.openWriter(AT);
    await writer.append(batchOf([1, 2, 3].map((n) => ({ value: `old ${n}`, timestampMs: 1_000 }))));
    await writer.append(batchOf([{ value: 'new', timestampMs: Date.now() }]));
    const reader = queue.openReader(AT);
    await queue.retain();
    expect(await reader.earliestOffset()).toBe(0);
    await queue.created.resetOffset(GROUP, AT, 2);
    await queue.retain();
    expect(await reader.earliestOffset()).toBe(2);
    await queue.created.changeTopic(TOPIC, { requiredGroups: [] });
    await queue.retain();
    expect(await reader.earliestOffset()).toBe(3);
  });

  it('is known to every process, also when another one has deleted it', async () => {
    const { queue: first, prefix } = await open();
    const { queue: second } = await open({ prefix });
    await first.created.createTopic(TOPIC, settings);
    await first.created.createTopic(TOPIC, settings);
    await second.created.refresh();
    const writers = [await first.openWriter(AT), await second.openWriter(AT)];
    await writers[0]?.append(values('one'));
    await writers[1]?.append(values('two'));
    expect((await readAll(second.openReader(AT), 0)).map(({ value }) => value)).toEqual(['one', 'two']);
    await Promise.all(writers.map((writer) => writer.close()));
    await second.created.beginDeletion(TOPIC);
    await second.created.endDeletion(TOPIC);
    await until('the other one has heard of it', async () => first.created.living.length === 0);
    await expect(first.openWriter(AT)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    // What groups had committed has gone with it.
    await first.created.createTopic(TOPIC, settings);
    expect(await first.committed(GROUP, AT)).toBeUndefined();
    expect(await readAll(first.openReader(AT), 0)).toEqual([]);
    await first.created.resetOffset(GROUP, AT, offset(0));
  });

  it('is read whole, however another client of Kafka has compressed what it wrote there', async () => {
    const { queue, prefix } = await open();
    await queue.created.createTopic(TOPIC, settings);
    const producer = new Producer({ clientId: 'another', bootstrapBrokers: [...kafka.brokers] });
    const records = Array.from({ length: 20 }, (_, i) => `record ${i}`);
    const messages = records.map((value) => ({ topic: `${prefix}${TOPIC}`, value: Buffer.from(value) }));
    await producer.send({ messages, compression: 'gzip' });
    await producer.close();
    expect((await readAll(queue.openReader(AT), 0)).map(({ value }) => value)).toEqual(records);
  });

  it('cannot take the name of a topic that somebody else made', async () => {
    const { queue, prefix } = await open();
    await open({
      prefix: `${prefix}shop.`,
      topics: { orders: { partitions: 1, compression: 'none', writers: 'many' } },
    });
    await expect(queue.created.createTopic(TOPIC, settings)).rejects.toMatchObject({ code: 'TOPIC_EXISTS' });
    expect(queue.created.living).toEqual([]);
  });

  it('its catalogue stays one record, however often it is changed', async () => {
    const { queue, prefix } = await open();
    await queue.created.createTopic(TOPIC, settings);
    for (let i = 1; i <= 5; i++) {
      await queue.created.changeTopic(TOPIC, { retention: { maxAgeMs: i * 1_000, maxBytes: 1 } });
    }
    const at = { topic: `${prefix}topics`, partition: 0 };
    const [first, end] = [
      await offsetAt(queue.cluster, at, WHEN.earliest),
      await offsetAt(queue.cluster, at, WHEN.end),
    ];
    expect(end - first).toBe(1);
    const { queue: again } = await open({ prefix });
    expect(again.created.catalogue.topics[TOPIC]?.retention).toEqual({ maxAgeMs: 5_000, maxBytes: 1 });
  });
});
