/**
 * A Kafka to test with: the one that SPILLWAY_TEST_KAFKA names (`host:port`, any cluster that may have topics made and
 * removed), else one of the suite's own by tools/engines, where that is installed. Every test has topics of its own.
 */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  alterUserScramCredentialsV0,
  createTopicsV7,
  deleteTopicsV6,
  incrementalAlterConfigsV1,
} from '@platformatic/kafka';
import { createLog } from '../../src/lib/log.ts';
import { BrokerLink } from '../../src/queue/kafka/broker-link.ts';
import { type BrokerAddress, parseAddress } from '../../src/queue/kafka/options.ts';
import { openKafka } from '../../src/queue/kafka/queue.ts';
import type { KafkaQueueOptions } from '../../src/queue/kafka/queue-options.ts';
import type { Queue } from '../../src/queue/port.ts';
import { type SpoolingOptions, SpoolingQueue } from '../../src/queue/spool/spooling-queue.ts';
import { kafkaIsInstalled } from '../../tools/engines/kafka.ts';
import { down, up } from '../../tools/engines/lifecycle.ts';
import { findProgram, lacks } from './needs.ts';

export interface TestKafka {
  readonly brokers: readonly string[];
  stop(): Promise<void>;
}

const requires = process.env.SPILLWAY_TEST_REQUIRE;
const named = requires === 'none' ? undefined : process.env.SPILLWAY_TEST_KAFKA;
const isInstalled = named !== undefined || (findProgram('java') !== undefined && (await kafkaIsInstalled()));

/** True where the suite has to be skipped; says why. `own`: it stops brokers, and takes minutes. */
export function lacksKafka(suite: string, { own = false } = {}): boolean {
  if (!own && named !== undefined) return false;
  const programs = { java: 'openjdk-17-jre-headless', ...(isInstalled ? {} : { mvn: 'maven' }) };
  if (lacks(suite, { programs, ...(own ? { long: 'it starts and stops brokers' } : {}) })) return true;
  // What is missing is installed then; `npm test` alone downloads nothing.
  if (isInstalled || requires === 'all') return false;
  console.info(
    `skipped: ${suite} (Kafka is not there: \`npm run engines -- up kafka\` once, or SPILLWAY_TEST_KAFKA=HOST:PORT)`,
  );
  return true;
}

/** `own`: one that may be stopped and paused. */
export async function startKafka(
  options: {
    readonly nodes?: number;
    readonly own?: boolean;
    readonly settings?: Readonly<Record<string, string>>;
  } = {},
): Promise<TestKafka & { readonly data: string }> {
  if (named !== undefined && options.own !== true) {
    return { brokers: named.split(','), data: '', stop: () => Promise.resolve() };
  }
  const data = await mkdtemp(join(tmpdir(), 'spillway-kafka-'));
  const { nodes = 1, settings = {} } = options;
  const started = await up('kafka', { data, nodes, settings });
  return {
    brokers: started.map(({ address }) => address),
    data,
    stop: async () => {
      await down('kafka', { data, wipe: true });
      await rm(data, { recursive: true, force: true });
    },
  };
}

export const quietLog = createLog('test', 'fatal');

/** Options of a queue with topics of its own. */
export function kafkaOptions(brokers: readonly string[], options: Partial<KafkaQueueOptions> = {}): KafkaQueueOptions {
  return {
    brokers,
    clientId: 'test',
    prefix: `t-${randomBytes(6).toString('hex')}.`,
    topics: {
      raw: { partitions: 2, compression: 'none', writers: 'one' },
      events: { partitions: 2, compression: 'zstd', writers: 'one' },
    },
    replication: 1,
    minInsyncReplicas: 1,
    log: quietLog,
    heartbeatMs: 200,
    layoutMs: 200,
    ...options,
  };
}

/** A queue that keeps what is appended to `raw` while its brokers are away, soon. */
export function openSpooling(
  queue: Queue,
  directory: string,
  options: Partial<SpoolingOptions> = {},
): Promise<SpoolingQueue> {
  return SpoolingQueue.open({ queue, directory, topics: ['raw'], log: quietLog, spoolAfterMs: 200, ...options });
}

export async function removeTopics({ prefix, topics, brokers }: KafkaQueueOptions): Promise<void> {
  for (const topic of [...Object.keys(topics), 'control', 'topics', 'ledger']) {
    await removeTopic(brokers, `${prefix}${topic}`).catch(() => {});
  }
}

/** Who may log in by SCRAM-SHA-512, once the broker asks for it. */
export async function addUser(broker: string | undefined, name: string, password: string): Promise<void> {
  const link = await BrokerLink.open(addressOf(broker), { brokers: [], clientId: 'test' });
  const salt = randomBytes(24);
  const iterations = 4_096;
  const saltedPassword = pbkdf2Sync(password, salt, iterations, 64, 'sha512');
  const user = { name, mechanism: 2 as const, iterations, salt, saltedPassword };
  await link.ask(alterUserScramCredentialsV0.api, [], [user]);
  link.close();
}

export function addressOf(text: string | undefined): BrokerAddress {
  const address = parseAddress(text ?? '');
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

/** As an operator does it. */
export async function removeTopic(brokers: readonly string[], name: string): Promise<void> {
  await asOperator(brokers, (link) => link.ask(deleteTopicsV6.api, [{ name }], 5_000));
}

export async function makeTopic(
  brokers: readonly string[],
  name: string,
  numPartitions: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const configs = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
  const topic = { name, numPartitions, replicationFactor: 1, assignments: [], configs };
  await asOperator(brokers, (link) => link.ask(createTopicsV7.api, [topic], 5_000, false));
}

/** A value of undefined is Kafka's default again. Brokers hear of it a moment later. */
export async function alterTopic(
  brokers: readonly string[],
  resourceName: string,
  settings: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const configs = Object.entries(settings).map(([name, value]) =>
    value === undefined ? { name, configOperation: DELETE, value: null } : { name, configOperation: SET, value },
  );
  await asOperator(brokers, (link) =>
    link.ask(incrementalAlterConfigsV1.api, [{ resourceType: TOPIC, resourceName, configs }], false),
  );
}

export async function asOperator<T>(brokers: readonly string[], work: (link: BrokerLink) => Promise<T>): Promise<T> {
  const address = parseAddress(brokers[0] ?? '');
  if (address === undefined) throw new Error(`${brokers[0]} is no address`);
  const link = await BrokerLink.open(address, { brokers, clientId: 'operator' });
  try {
    return await work(link);
  } finally {
    link.close();
  }
}

const TOPIC = 2 as const;
const [SET, DELETE] = [0, 1] as const;

export { openKafka };
