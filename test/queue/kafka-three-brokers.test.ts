/**
 * The queue on a Kafka of three brokers: one is killed, or one alone cannot be reached from here, the coordinator of the
 * processor's group. That one takes a processor for dead then, which still reaches the leaders of its partitions.
 */
import { alterPartitionReassignmentsV0 } from '@platformatic/kafka';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { deadLetterPartitions } from '../../src/event/dead-letter.ts';
import { GROUPS, TOPICS } from '../../src/event/topics.ts';
import {
  pickyTopology,
  readBack,
  send,
  startProcessor,
  type WatchedProcessor,
} from '../../src/process/testing/world.ts';
import { BrokerLink } from '../../src/queue/kafka/broker-link.ts';
import { findCoordinator } from '../../src/queue/kafka/protocol.ts';
import type { KafkaQueue } from '../../src/queue/kafka/queue.ts';
import { type KafkaQueueOptions, OWN_TOPICS } from '../../src/queue/kafka/queue-options.ts';
import { readAll, values } from '../../src/queue/test-records.ts';
import { kafkaTool } from '../../tools/engines/kafka.ts';
import { status, up } from '../../tools/engines/lifecycle.ts';
import { FaultyWire } from '../support/faulty-wire.ts';
import { asOperator, kafkaOptions, lacksKafka, openKafka, startKafka } from '../support/kafka.ts';

const LONG_MS = 180_000;
/** Of a member that brokers do not hear, so that the test need not wait for as long as they do by themselves. */
const SESSION_MS = 4_000;
/** So is how long whoever is cut off asks the coordinator. */
const ASKING_MS = 500;
const CUT_OFF = 'cut-off';
const [GROUP, TRANSACTION] = [0, 1];

const TOPIC_OPTIONS = {
  [TOPICS.raw]: { partitions: 1, compression: 'none', writers: 'many' },
  [TOPICS.events]: { partitions: 1, compression: 'zstd', writers: 'one' },
  [TOPICS.deadLetter]: { partitions: deadLetterPartitions(1), compression: 'none', writers: 'one' },
} as const;

describe.skipIf(lacksKafka('three brokers', { own: true }))('a queue on three brokers', () => {
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  let wire: FaultyWire;
  const queues: KafkaQueue[] = [];
  const processors: WatchedProcessor[] = [];
  beforeAll(async () => {
    wire = await FaultyWire.start();
    const settings = {
      'offsets.topic.num.partitions': '3',
      'group.consumer.session.timeout.ms': `${SESSION_MS}`,
      'group.consumer.min.session.timeout.ms': `${SESSION_MS}`,
      'group.consumer.heartbeat.interval.ms': '1000',
      'group.consumer.min.heartbeat.interval.ms': '1000',
    };
    kafka = await startKafka({ own: true, nodes: 3, settings });
  }, LONG_MS);
  afterEach(async () => {
    wire.faults = {};
    await Promise.allSettled(processors.splice(0).map((processor) => processor.stop()));
    await Promise.all(queues.splice(0).map((queue) => queue.close()));
    vi.restoreAllMocks();
  }, LONG_MS);
  afterAll(async () => {
    await kafka?.stop();
    await wire?.close();
  }, LONG_MS);

  /** A queue of whose topics the coordinator of its group leads none; nor does that coordinate takeovers of them. */
  const openAside = async () => {
    for (;;) {
      const options = kafkaOptions(kafka.brokers, { topics: TOPIC_OPTIONS });
      const queue = await openKafka(options);
      queues.push(queue);
      const find = async (kind: number, key: string) => {
        const { coordinators } = await queue.cluster.askAny({ doing: 'looking' }, findCoordinator, kind, [key]);
        return coordinators[0] ?? { nodeId: -1, port: 0 };
      };
      const ofTakeOvers = await find(TRANSACTION, queue.nameOf(`${TOPICS.events}-0`));
      const coordinator = await find(GROUP, queue.nameOf(GROUPS.processor));
      // By the name of the group.
      if (coordinator.nodeId === ofTakeOvers.nodeId) continue;
      const names = [...Object.keys(TOPIC_OPTIONS), ...OWN_TOPICS].map((topic) => queue.nameOf(topic));
      await lead(kafka.brokers, ofTakeOvers.nodeId, names);
      await vi.waitFor(async () => {
        await queue.cluster.refresh();
        const leaders = new Set(names.flatMap((name) => queue.cluster.topic(name)?.leaders ?? []));
        expect([...leaders]).toEqual([ofTakeOvers.nodeId]);
      });
      return { queue, options, coordinator };
    }
  };

  /** One whose way to the coordinator can be cut alone. */
  const openBehindWire = async (options: KafkaQueueOptions, coordinator: { readonly port: number }) => {
    wire.target = coordinator.port;
    const { open } = BrokerLink;
    vi.spyOn(BrokerLink, 'open').mockImplementation((address, linkOptions, ...rest) => {
      const isCut = linkOptions.clientId === CUT_OFF && address.port === coordinator.port;
      return open(isCut ? { ...address, port: wire.port } : address, linkOptions, ...rest);
    });
    const queue = await openKafka({ ...options, clientId: CUT_OFF });
    queues.push(queue);
    const { askCoordinator } = queue.cluster;
    const unanswered = vi.fn();
    const asks = vi.spyOn(queue.cluster, 'askCoordinator');
    asks.mockImplementation((kind, key, asked, ...question) => {
      const options = kind === 'group' ? { ...asked, forMs: ASKING_MS } : asked;
      const answer = askCoordinator.call(queue.cluster, kind, key, options, ...question);
      answer.catch(unanswered);
      return answer;
    });
    return { behind: queue, unanswered: () => unanswered.mock.calls.length };
  };

  const start = (queue: KafkaQueue) => {
    const opened = vi.spyOn(queue, 'openWriter');
    const registry = new Registry();
    const processor = startProcessor(queue, pickyTopology(), registry);
    processors.push(processor);
    const ended = vi.fn();
    processor.done.then(ended, ended);
    return {
      ...processor,
      hasEnded: () => ended.mock.calls.length > 0,
      wasFenced: async () => (await restarts(registry)) > 0,
      takeovers: () => opened.mock.calls.filter(([{ topic }]) => topic === TOPICS.events).length,
    };
  };

  it.each([
    ['and stop before there is one', SESSION_MS / 2],
    ['and stop when there is one', LONG_MS],
  ])(
    'has a processor that does not reach its group take nothing from its successor, %s',
    async (_, sessionMs) => {
      const { queue, options, coordinator } = await openAside();
      const { behind, unanswered } = await openBehindWire({ ...options, sessionMs }, coordinator);
      let sent = 0;
      const sendOne = () => send(queue, [{ value: `${sent++}` }]);
      const first = start(behind);
      await first.started;
      await sendOne();
      await first.taken(1);
      wire.faults = { refuse: true };
      wire.cut();
      const second = start(queue);
      const sendUntil = async (isThere: () => boolean) => {
        while (!isThere()) await sendOne();
      };
      await sendUntil(() => second.ledger.length > 0);
      // As often as it may have begun to commit, and more.
      const before = unanswered();
      await sendUntil(() => unanswered() >= before + 5);
      expect([first.takeovers(), second.takeovers()]).toEqual([1, 1]);
      expect(await first.wasFenced()).toBe(sessionMs > SESSION_MS);
      wire.faults = {};
      await vi.waitFor(async () => expect(await queue.memberCount(GROUPS.processor)).toBe(2));
      await sendOne();
      await second.stop();
      await sendOne();
      await first.taken(sent - second.ledger.reduce((sum, { taken }) => sum + taken, 0));
      expect([first.takeovers(), second.takeovers(), first.hasEnded()]).toEqual([2, 1, false]);
      const { events } = await readBack(queue);
      expect(events.map(({ message }) => message)).toEqual(Array.from({ length: sent }, (_, i) => `${i}`));
    },
    LONG_MS,
  );

  it(
    'keeps its topics in as many replicas as it was told, of which as many must have an append',
    async () => {
      const topics = { raw: { partitions: 2, compression: 'none', writers: 'many' } } as const;
      const options = kafkaOptions(kafka.brokers, { topics, replication: 3, minInsyncReplicas: 2 });
      await (await openKafka(options)).close();
      const named = ['--bootstrap-server', kafka.brokers[0] ?? '', '--describe', '--topic', `${options.prefix}raw`];
      const { stdout } = await kafkaTool('org.apache.kafka.tools.TopicCommand', named);
      expect(stdout).toMatch(/PartitionCount: 2\s+ReplicationFactor: 3\s.*min\.insync\.replicas=2/);
    },
    LONG_MS,
  );

  it(
    'loses, doubles and reorders nothing when the one that leads the partition is killed under load',
    async () => {
      const topics = {
        raw: { partitions: 1, compression: 'none', writers: 'many' },
        events: { partitions: 1, compression: 'zstd', writers: 'one' },
      } as const;
      const options = kafkaOptions(kafka.brokers, { topics, replication: 3, minInsyncReplicas: 2 });
      const queue = await openKafka(options);
      for (const topic of ['raw', 'events']) {
        const at = { topic, partition: 0 };
        const writer = await queue.openWriter(at);
        const appends: Promise<unknown>[] = [];
        const append = (count: number) => {
          for (let i = 0; i < count; i++) appends.push(writer.append(values(`${appends.length}`, 'x'.repeat(10_000))));
        };
        append(200);
        await appends[20];
        const { port } = await queue.cluster.leader({ topic: `${options.prefix}${topic}`, partition: 0 });
        const leader = (await status('kafka', kafka.data)).find(({ address }) => address.endsWith(`:${port}`));
        process.kill(leader?.pid ?? 0, 'SIGKILL');
        append(200);
        await Promise.all(appends);
        const found = (await readAll(queue.openReader(at), 0)).filter((_, i) => i % 2 === 0).map(({ value }) => value);
        expect(found).toEqual(appends.map((_, i) => `${i}`));
        // The one that was killed comes back before the next one goes.
        await up('kafka', { data: kafka.data, nodes: 3 });
      }
      await queue.close();
    },
    2 * LONG_MS,
  );
});

async function restarts(registry: Registry): Promise<number> {
  const figure = (await registry.getMetricsAsJSON()).find(({ name }) => name === 'spillway_process_restarts_total');
  return (figure?.values ?? []).reduce((sum, { value }) => sum + Number(value), 0);
}

/** The broker has the only replica of all partitions of the topics soon. */
async function lead(brokers: readonly string[], node: number, topics: readonly string[]): Promise<void> {
  const moves = topics.map((name) => {
    const count = name.endsWith(TOPICS.deadLetter) ? deadLetterPartitions(1) : 1;
    return { name, partitions: Array.from({ length: count }, (_, i) => ({ partitionIndex: i, replicas: [node] })) };
  });
  await asOperator(brokers, (link) => link.ask(alterPartitionReassignmentsV0.api, 30_000, true, moves));
}
