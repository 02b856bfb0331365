/** `spillway doctor` and a Kafka that is away, stands still, refuses, or does not keep what is promised. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BrokerLink } from '../../src/queue/kafka/broker-link.ts';
import { createTopics } from '../../src/queue/kafka/protocol.ts';
import { down, status, up } from '../../tools/engines/lifecycle.ts';
import { askDoctor } from '../support/doctor.ts';
import { addressOf, addUser, lacksKafka, startKafka } from '../support/kafka.ts';
import { lacks } from '../support/needs.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/spillway.ts';

const LONG_MS = 180_000;
/** What doctor may take while nothing answers: a check's limit, and what closing connections takes. */
const BOUND_MS = 30_000;
const OTHERS = ['kafka-version', 'kafka-topics', 'kafka-rights', 'kafka-disk', 'kafka-clock'];

const queueOn = (brokers: readonly string[], more: object = {}) => {
  const one = { engine: 'kafka', brokers, replication: 1, minInsyncReplicas: 1 };
  // Only what the queue needs: the store's engine is another suite's.
  return { queue: { ...one, ...more } };
};

async function makeTopic(broker: string | undefined, name: string, replicas: number, settings: object = {}) {
  const link = await BrokerLink.open(addressOf(broker), { brokers: [], clientId: 'test' });
  const configs = Object.entries(settings).map(([key, value]) => ({ name: key, value: String(value) }));
  const topic = { name, numPartitions: 2, replicationFactor: replicas, assignments: [], configs };
  await link.ask(createTopics, [topic], 10_000, false);
  link.close();
}

describe.skipIf(lacksKafka('doctor and Kafka', { own: true }))('doctor and one broker', () => {
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  let data: string;
  const ask = (queue: object, under: readonly string[] = []) =>
    askDoctor({ data, config: queue as Record<string, unknown>, args: ['--role', 'processor'], under });
  beforeAll(async () => {
    kafka = await startKafka({ own: true });
    data = await mkdtemp(join(tmpdir(), 'spillway-doctor-kafka-'));
    // For the last test: later the broker cannot be reached without a login.
    for (const name of ['boss', 'guest']) await addUser(kafka.brokers[0], name, 'right');
    await makeTopic(kafka.brokers[0], 'acl.raw', 1, { 'max.message.bytes': 2_097_152 });
  }, LONG_MS);
  afterAll(async () => {
    await kafka?.stop();
    await rm(data, { recursive: true, force: true });
  }, LONG_MS);

  test('says of a right one that it is, and warns of the one replica', async () => {
    const { status: exit, of, findings } = await ask(queueOn(kafka.brokers, { prefix: 'fresh.' }));
    expect(findings.filter(({ state }) => state === 'wrong')).toEqual([]);
    expect(exit).toBe(0);
    expect(of('kafka-brokers')).toMatchObject([{ state: 'well', found: expect.stringContaining('1 of the 1') }]);
    expect(of('kafka-version')).toMatchObject([{ state: 'well' }]);
    expect(of('kafka-clock')).toMatchObject([{ state: 'well' }]);
    expect(of('kafka-disk')).toMatchObject([{ found: expect.stringMatching(/iB free where \/.*data is, \d+ % used/) }]);
    expect(of('kafka-topics')).toMatchObject([
      { state: 'well', found: expect.stringContaining('the first start makes fresh.raw') },
      { state: 'warning', mend: expect.stringContaining('queue.replication to 3') },
    ]);
  });

  test('says that there are too few brokers for the replicas that are asked for, and that all of them would be needed', async () => {
    const { of } = await ask(queueOn(kafka.brokers, { prefix: 'many.', replication: 2, minInsyncReplicas: 2 }));
    expect(of('kafka-topics')[0]).toMatchObject({
      state: 'wrong',
      found: expect.stringContaining('there is 1 broker'),
    });
    expect(of('kafka-topics')[1]).toMatchObject({
      state: 'warning',
      found: expect.stringContaining('where one broker is away nothing is taken'),
    });
  });

  test('names each setting of a topic, made by hand, that does not keep what is promised', async () => {
    const [broker] = kafka.brokers;
    await makeTopic(broker, 'hand.raw', 1, { 'max.message.bytes': 1_000, 'retention.ms': 1_000_000 });
    await makeTopic(broker, 'hand.events', 1, { 'cleanup.policy': 'compact', 'unclean.leader.election.enable': true });
    const { status: exit, of } = await ask(
      queueOn(kafka.brokers, { prefix: 'hand.', replication: 3, minInsyncReplicas: 2 }),
    );
    expect(exit).toBe(1);
    const found = of('kafka-topics')
      .map((one) => `${one.state} ${one.found} → ${one.mend}`)
      .join('\n');
    expect(found).toMatch(/wrong hand\.raw has 1 replica, and queue\.replication is 3/);
    expect(found).toMatch(/wrong hand\.raw has min\.insync\.replicas=1, .*--alter --topic hand\.raw/);
    expect(found).toMatch(/wrong hand\.raw has max\.message\.bytes=1000/);
    expect(found).toMatch(/warning hand\.raw has a retention of its own/);
    expect(found).toMatch(/wrong hand\.events has cleanup\.policy=compact/);
    expect(found).toMatch(/warning hand\.events allows unclean leader elections/);
  });

  test.skipIf(lacks('doctor and a wrong clock', { programs: { faketime: 'faketime' } }))(
    'says how far the clocks are apart',
    async () => {
      const under = ['env', 'FAKETIME_DONT_FAKE_MONOTONIC=1', 'faketime', '-f', '-5m'];
      const { of } = await ask(queueOn(kafka.brokers, { prefix: 'fresh.' }), under);
      expect(of('kafka-clock')[0]).toMatchObject({
        state: 'wrong',
        found: expect.stringMatching(/(299|300|301)\.\d s ahead/),
        mend: expect.stringContaining('NTP'),
      });
    },
  );

  test(
    'says so in bounded time where the only broker stands still, and where it is stopped',
    async () => {
      const pid = (await status('kafka', kafka.data))[0]?.pid ?? 0;
      process.kill(pid, 'SIGSTOP');
      const paused = await ask(queueOn(kafka.brokers)).finally(() => process.kill(pid, 'SIGCONT'));
      expect(paused.status).toBe(1);
      expect(paused.tookMs).toBeLessThan(BOUND_MS);
      await down('kafka', { data: kafka.data });
      const { status: exit, of, tookMs } = await ask(queueOn(kafka.brokers));
      expect(exit).toBe(1);
      expect(tookMs).toBeLessThan(BOUND_MS);
      expect(of('kafka-brokers')).toMatchObject([{ state: 'wrong', found: expect.stringContaining('ECONNREFUSED') }]);
      for (const other of OTHERS) expect(of(other), other).toMatchObject([{ state: 'unknown' }]);
      await up('kafka', { data: kafka.data });
    },
    LONG_MS,
  );

  test('warns of a broker of several that is away', async () => {
    const away = `127.0.0.1:${await freePort()}`;
    const { status: exit, of } = await ask(queueOn([away, ...kafka.brokers], { prefix: 'fresh.' }));
    expect(exit).toBe(0);
    expect(of('kafka-brokers')[0]).toMatchObject({ state: 'warning', found: expect.stringContaining(away) });
  });

  test(
    'says so where the cluster sends its clients to an address that cannot be reached',
    async () => {
      const nowhere = `127.0.0.1:${await freePort()}`;
      await down('kafka', { data: kafka.data });
      await up('kafka', { data: kafka.data, settings: { 'advertised.listeners': `PLAINTEXT://${nowhere}` } });
      const { of } = await ask(queueOn(kafka.brokers, { prefix: 'fresh.' }));
      expect(of('kafka-brokers')[0]).toMatchObject({
        state: 'wrong',
        found: expect.stringContaining(`sends clients to ${nowhere}`),
        mend: expect.stringContaining('advertised.listeners'),
      });
    },
    LONG_MS,
  );

  test(
    'tells a wrong password, and which rights a user lacks',
    async () => {
      await down('kafka', { data: kafka.data });
      const login = 'org.apache.kafka.common.security.scram.ScramLoginModule required';
      await up('kafka', {
        data: kafka.data,
        settings: {
          'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT',
          'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
          'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-512',
          'listener.name.plaintext.scram-sha-512.sasl.jaas.config': `${login} username="boss" password="right";`,
          'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
          'super.users': 'User:boss;User:ANONYMOUS',
        },
      });
      const as = (username: string, password: string) =>
        ask(queueOn(kafka.brokers, { prefix: 'acl.', sasl: { username, password } }));
      const boss = await as('boss', 'right');
      expect(boss.findings.filter(({ state }) => state === 'wrong')).toEqual([]);
      const guest = await as('guest', 'right');
      const lacks = guest.of('kafka-rights').map(({ found }) => found);
      for (const what of [
        'describe the topic acl.raw',
        'make topics',
        'use the group acl.processor',
        'transactional id',
        'delete groups',
        'queue.maxSize',
      ]) {
        expect(lacks.join('\n')).toContain(what);
      }
      expect(guest.of('kafka-rights').map(({ mend }) => mend)).toEqual([
        expect.stringMatching(/--add --allow-principal User:guest .*--topic acl\. .*--operation Create/),
        expect.stringMatching(/--group acl\. --operation Describe --operation Read --operation Delete$/),
        expect.stringMatching(/--transactional-id acl\. --operation Describe --operation Write$/),
        expect.stringMatching(/--cluster --operation Describe$/),
      ]);
      expect(guest.status).toBe(1);
      const wrong = await as('boss', 'wrong');
      expect(wrong.of('kafka-brokers')).toMatchObject([
        { state: 'wrong', mend: expect.stringContaining('queue.sasl') },
      ]);
      expect(wrong.status).toBe(1);
    },
    LONG_MS,
  );
});

describe.skipIf(lacksKafka('doctor and three brokers', { own: true }))('doctor and three brokers', () => {
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  beforeAll(async () => {
    kafka = await startKafka({ own: true, nodes: 3 });
  }, LONG_MS);
  afterAll(() => kafka?.stop(), LONG_MS);

  test(
    'says which replicas are not in sync, and where nothing can be written any more',
    async () => {
      const [broker] = kafka.brokers;
      await makeTopic(broker, 'three.raw', 3, { 'min.insync.replicas': 2 });
      await makeTopic(broker, 'three.events', 3, { 'min.insync.replicas': 3 });
      const nodes = await status('kafka', kafka.data);
      process.kill(nodes.at(-1)?.pid ?? 0, 'SIGKILL');
      const config = queueOn(kafka.brokers, { prefix: 'three.', replication: 3, minInsyncReplicas: 2 });
      await until(
        'the cluster has missed it',
        async () => {
          const told = await askDoctor({ data: '/nonexistent-spillway', config, args: ['--role', 'processor'] });
          const found = told
            .of('kafka-topics')
            .map((one) => `${one.state} ${one.found}`)
            .join('\n');
          const away = told.of('kafka-brokers').map(({ state }) => state);
          return (
            told.status === 1 &&
            away.includes('warning') &&
            /warning three\.raw has replicas that are not in sync: partition 0, 1/.test(found) &&
            /wrong three\.events has fewer than 3 replicas in sync and takes nothing/.test(found)
          );
        },
        60_000,
      );
    },
    LONG_MS,
  );
});
