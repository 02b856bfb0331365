/** Another cluster answers where the queue is expected: it is left as it is, and the right one is found after it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { BrokerLink } from '../../src/queue/kafka/broker-link.ts';
import { metadata } from '../../src/queue/kafka/protocol.ts';
import { readAll, TestMember, values } from '../../src/queue/test-records.ts';
import { kafkaTopicNames } from '../../src/roles/configured-kafka.ts';
import { KafkaCoordinator } from '../../src/roles/kafka-coordinator.ts';
import { openKafkaRoleQueue } from '../../src/roles/kafka-queue.ts';
import type { RoleName } from '../../src/roles/messages.ts';
import { FaultyWire } from '../support/faulty-wire.ts';
import { addressOf, kafkaOptions, lacksKafka, openKafka, quietLog, startKafka } from '../support/kafka.ts';

const LONG_MS = 180_000;
const PATIENCE = { timeout: 60_000 };
const PREFIX = 'late.';
const raw = { topic: 'raw', partition: 0 };

describe.skipIf(lacksKafka('another cluster', { own: true }))('another cluster in the place of the queue', () => {
  let right: Awaited<ReturnType<typeof startKafka>>;
  let wrong: Awaited<ReturnType<typeof startKafka>>;
  let wire: FaultyWire;
  let data: string;
  const opened: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    wire = await FaultyWire.start();
    const advertised = `PLAINTEXT://${wire.address}`;
    // The other one says an address of its own, at which it stays.
    [right, wrong] = await Promise.all([
      startKafka({ own: true, settings: { 'advertised.listeners': advertised } }),
      startKafka({ own: true }),
    ]);
    lead(right);
    data = await mkdtemp(join(tmpdir(), 'spillway-another-'));
  }, LONG_MS);
  afterAll(async () => {
    wire.faults = {};
    await close();
    await Promise.all([right?.stop(), wrong?.stop()]);
    await wire?.close();
    await rm(data, { recursive: true, force: true });
  }, LONG_MS);

  const lead = ({ brokers }: typeof right) => {
    wire.target = addressOf(brokers[0]).port;
    wire.faults = {};
    wire.cut();
  };
  const away = () => {
    wire.faults = { refuse: true };
    wire.cut();
  };
  const close = async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
  };
  const configOf = () =>
    loadConfig({
      env: {},
      overrides: {
        data,
        queue: {
          engine: 'kafka',
          brokers: [wire.address],
          prefix: PREFIX,
          partitions: 1,
          replication: 1,
          minInsyncReplicas: 1,
        },
      },
    });
  const supervise = async () => {
    const coordinator = await KafkaCoordinator.open(configOf(), ['collector', 'processor'], quietLog);
    opened.push(coordinator);
    return coordinator;
  };
  const open = async (role: RoleName, onWaiting: (text: string) => void = () => {}) => {
    const registry = new Registry();
    const queue = await openKafkaRoleQueue({ config: configOf(), role, log: quietLog, registry, onWaiting });
    opened.push(queue);
    if (role === 'collector') queue.queue.mapsTo?.(raw.topic, queue.queue.partitionCount(raw.topic));
    return queue;
  };
  const topicsOnWrong = async () => {
    const link = await BrokerLink.open(addressOf(wrong.brokers[0]), { brokers: wrong.brokers, clientId: 'test' });
    try {
      const { topics } = await link.ask(metadata, kafkaTopicNames(configOf()));
      return topics.flatMap(({ name, errorCode }) => (errorCode === 0 ? [name] : []));
    } finally {
      link.close();
    }
  };

  it(
    'is said, and nothing is made, read or written there; the right one is gone on with, without a restart',
    async () => {
      await supervise();
      await (await (await open('collector')).queue.openWriter(raw)).append(values('a'));
      await close();
      away();

      const coordinator = await supervise();
      const collector = await open('collector');
      const writer = await collector.queue.openWriter(raw);
      await writer.append(values('b'));
      const said: string[] = [];
      const processor = open('processor', (text) => said.push(text));
      const another = expect.stringMatching(
        /is of other topics of Kafka than late\.raw, late\.events .*another cluster/,
      );
      const states = async () => [
        await coordinator.topics().then(String, ({ message }: Error) => message),
        collector.troubles?.().join(),
        said.at(-1),
      ];
      lead(wrong);
      await expect.poll(states, PATIENCE).toEqual([another, another, another]);
      expect(await topicsOnWrong()).toEqual([]);

      // One that has topics of the same names is another's all the same.
      const stranger = await openKafka(
        kafkaOptions(wrong.brokers, { prefix: PREFIX, topics: { raw: STRANGE, events: STRANGE } }),
      );
      opened.unshift(stranger);
      const before = JSON.stringify([stranger.record.ids, [...stranger.record.counts]]);
      await (await stranger.openWriter(raw)).append(values('theirs'));
      said.length = 0;
      away();
      const silent = expect.stringContaining('did not answer');
      await expect.poll(states, PATIENCE).toEqual([silent, silent, silent]);
      lead(wrong);
      await expect.poll(states, PATIENCE).toEqual([another, another, another]);
      expect((await readAll(stranger.openReader(raw), 0)).map(({ value }) => value)).toEqual(['theirs']);
      await stranger.record.refresh();
      expect(JSON.stringify([stranger.record.ids, [...stranger.record.counts]])).toBe(before);

      lead(right);
      await expect.poll(() => collector.troubles?.(), PATIENCE).toEqual([]);
      await writer.append(values('c'));
      const { queue } = await processor;
      const texts = async () => (await readAll(queue.openReader(raw), 0)).map(({ value }) => value);
      await expect.poll(texts, PATIENCE).toEqual(['a', 'b', 'c']);
      const supervised = () => coordinator.topics('raw').then((all) => all.map(({ topic }) => topic), String);
      await expect.poll(supervised, PATIENCE).toEqual(['raw']);

      // It has its queue already. By name the other one would take what is appended, and commits, without an error.
      const member = await TestMember.join(queue, 'tested');
      lead(wrong);
      const withBothIds = expect.stringMatching(/another cluster answers, \S+; the queue is on the cluster \S+/);
      await writer.append(values('d'));
      await expect(member.commit(raw, 3)).rejects.toMatchObject({ message: withBothIds });
      await expect.poll(() => collector.troubles?.().join(), PATIENCE).toEqual(withBothIds);
      expect((await readAll(stranger.openReader(raw), 0)).map(({ value }) => value)).toEqual(['theirs']);
      lead(right);
      await expect.poll(() => collector.troubles?.(), PATIENCE).toEqual([]);
      await writer.append(values('e'));
      await expect.poll(texts, PATIENCE).toEqual(['a', 'b', 'c', 'd', 'e']);
      await expect.poll(supervised, PATIENCE).toEqual(['raw']);
      await member.commit(raw, 3);
    },
    LONG_MS,
  );
});

const STRANGE = { partitions: 3, compression: 'none', writers: 'many' } as const;
