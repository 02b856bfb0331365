/** Topics as they have to be: made where they are missing, checked where they are there. */
import { SpillwayError } from '../../lib/errors.ts';
import { KAFKA_LIMITS, QUEUE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { plural } from '../../lib/plural.ts';
import { brokerErrorOf, topicGone } from './broker-errors.ts';
import type { Cluster } from './cluster.ts';
import {
  apiVersions,
  createPartitions,
  createTopics,
  deleteTopics,
  describeConfigs,
  groupHeartbeat,
} from './protocol.ts';

export interface WantedTopic {
  readonly name: string;
  readonly partitions: number;
  /**
   * Any client of Kafka may write to it, so the broker has to see to it that all of it can be read here: batches come
   * compressed in ways that are not ours, or larger than ours may be.
   */
  readonly isOpen?: boolean;
}

/** The broker decompresses what comes compressed, and refuses what is too large then. */
const OPEN_TOPIC = { 'compression.type': 'uncompressed', 'max.message.bytes': `${QUEUE_LIMITS.batchBytes}` };

export interface TopicPromise {
  readonly replication: number;
  readonly minInsyncReplicas: number;
}

export const TOPIC_RESOURCE = 2;
const FOR_EVER = '9223372036854775807';

/** Throws QUEUE_TOPIC_INVALID, QUEUE_REFUSED, QUEUE_UNREACHABLE. */
export async function ensureTopics(
  cluster: Cluster,
  wanted: readonly WantedTopic[],
  promise: TopicPromise,
  log: Logger,
): Promise<void> {
  await assertVersion(cluster);
  const names = wanted.map(({ name }) => name);
  await cluster.persist({ doing: 'asking for the topics' }, () => cluster.refresh());
  const missing = wanted.filter(({ name }) => cluster.topic(name) === undefined);
  const gone = missing.find(({ name }) => cluster.isPinned(name));
  if (gone !== undefined) throw topicGone(gone.name);
  for (const topic of missing) await create(cluster, topic, promise, log);
  await cluster.persist({ doing: 'waiting for new topics', forMs: KAFKA_LIMITS.createTopicsMs }, async () => {
    for (const name of names) await cluster.leader({ topic: name, partition: 0 });
  });
  for (const topic of wanted) await check(cluster, topic, promise, log);
}

/** What one machine's power or disk takes with it. */
export function warnOfOneReplica({ replication, minInsyncReplicas }: TopicPromise, log: Logger): void {
  if (replication > 1 && minInsyncReplicas > 1) return;
  log.warn(
    { replication, minInsyncReplicas },
    'the queue is Kafka with one replica (or one in sync is enough): Kafka does not write to the disk before it ' +
      'acknowledges, so records that senders were told are durable are lost with the power or the disk of one machine; ' +
      'set queue.replication to 3 and queue.minInsyncReplicas to 2',
  );
}

/** One more topic, while the queue is used: as the others are. Throws as `ensureTopics`. */
export async function ensureTopic(
  cluster: Cluster,
  topic: WantedTopic,
  promise: TopicPromise,
  log: Logger,
): Promise<void> {
  if (cluster.topic(topic.name) === undefined) await create(cluster, topic, promise, log);
  await cluster.persist({ doing: `waiting for ${topic.name}`, forMs: KAFKA_LIMITS.createTopicsMs }, async () => {
    for (let partition = 0; partition < topic.partitions; partition++) {
      await cluster.leader({ topic: topic.name, partition });
    }
  });
  await check(cluster, topic, promise, log);
}

/** Whether or not it is there. Resolves when no broker that is asked knows it any more. */
export async function removeTopic(cluster: Cluster, name: string): Promise<void> {
  const options = { doing: `removing the topic ${name}`, forMs: KAFKA_LIMITS.createTopicsMs };
  await cluster.persist(options, async () => {
    await cluster.refresh();
    if (cluster.topic(name) === undefined) return;
    await cluster.askAny({ ...options, forMs: 0 }, deleteTopics, [{ name }], KAFKA_LIMITS.acknowledgeMs);
    throw new StillThere(`${name} is still there`);
  });
}

/** As passing as a broker that does not answer. */
class StillThere extends Error {
  readonly code = 'PLT_KFK_NETWORK';
}

/** Adds partitions where there are fewer. */
export async function ensurePartitions(cluster: Cluster, { name, partitions }: WantedTopic): Promise<void> {
  if ((cluster.topic(name)?.leaders.length ?? 0) >= partitions) return;
  try {
    const options = { doing: `adding partitions to ${name}` };
    await cluster.askAny(options, createPartitions, [{ name, count: partitions }], KAFKA_LIMITS.acknowledgeMs, false);
  } catch (thrown) {
    // Somebody else may have been faster.
    if (brokerErrorOf(thrown) !== 'INVALID_PARTITIONS') throw thrown;
  }
  await cluster.persist(
    { doing: `waiting for the partitions of ${name}`, forMs: KAFKA_LIMITS.createTopicsMs },
    async () => {
      await cluster.leader({ topic: name, partition: partitions - 1 });
    },
  );
}

/** Groups are Kafka's own since 4.0 (KIP-848). */
async function assertVersion(cluster: Cluster): Promise<void> {
  const { apiKeys } = await cluster.askAny({ doing: 'asking for the version' }, apiVersions, 'spillway', '1');
  const found = apiKeys.find(({ apiKey }) => apiKey === groupHeartbeat.key);
  if (found !== undefined && found.maxVersion >= groupHeartbeat.version) return;
  throw new SpillwayError(
    'QUEUE_TOPIC_INVALID',
    `Kafka (${cluster.brokers}) is older than 4.0 or has its new consumer groups turned off: use Kafka 4.0 or later, ` +
      'with group.version 1.',
  );
}

async function create(
  cluster: Cluster,
  { name, partitions, isOpen = false }: WantedTopic,
  { replication, minInsyncReplicas }: TopicPromise,
  log: Logger,
): Promise<void> {
  const configs = Object.entries({
    'min.insync.replicas': `${minInsyncReplicas}`,
    'max.message.bytes': `${KAFKA_LIMITS.topicBatchBytes}`,
    'unclean.leader.election.enable': 'false',
    'compression.type': 'producer',
    'cleanup.policy': 'delete',
    // What a required group has not read stays: Spillway itself removes what is old.
    'retention.ms': '-1',
    'retention.bytes': '-1',
    'message.timestamp.type': 'CreateTime',
    'message.timestamp.after.max.ms': FOR_EVER,
    ...(isOpen ? OPEN_TOPIC : {}),
  }).map(([key, value]) => ({ name: key, value }));
  const topic = { name, numPartitions: partitions, replicationFactor: replication, assignments: [], configs };
  try {
    const options = { doing: `making the topic ${name}`, forMs: KAFKA_LIMITS.createTopicsMs };
    await cluster.askAny(options, createTopics, [topic], KAFKA_LIMITS.acknowledgeMs, false);
    log.info({ topic: name, partitions, replication, minInsyncReplicas }, `made the topic ${name}`);
  } catch (thrown) {
    const reason = brokerErrorOf(thrown);
    if (reason === 'TOPIC_ALREADY_EXISTS') return;
    if (reason !== 'INVALID_REPLICATION_FACTOR') throw thrown;
    throw invalid(
      name,
      `needs ${plural(replication, 'replica')}, and Kafka (${cluster.brokers}) has ${plural(cluster.brokerAddresses.length, 'broker')}: ` +
        'start more of them, or set queue.replication to at most that, and queue.minInsyncReplicas to no more than ' +
        'queue.replication',
      thrown,
    );
  }
}

async function check(
  cluster: Cluster,
  { name, isOpen = false }: WantedTopic,
  promise: TopicPromise,
  log: Logger,
): Promise<void> {
  // A broker that was asked since then may not have heard of it.
  const asking = { doing: `asking for ${name}`, forMs: KAFKA_LIMITS.createTopicsMs };
  await cluster.persist(asking, () => cluster.leader({ topic: name, partition: 0 }));
  const replicas = Math.min(...(cluster.topic(name)?.replicas ?? [0]));
  const answer = await cluster.askAny({ doing: `asking for the settings of ${name}` }, describeConfigs, [
    { resourceType: TOPIC_RESOURCE, resourceName: name, configurationKeys: null },
  ]);
  const settings = settingsOf(answer);
  const { faults, warnings } = topicFaults(replicas, settings, promise);
  const [fault] = faults;
  if (fault !== undefined) throw invalid(name, `${fault.what}: ${fault.mend}`);
  for (const { what, mend } of [...warnings, ...(isOpen ? openFaults(settings) : [])]) {
    log.warn({ topic: name }, `${name} ${what}: ${mend}`);
  }
}

type Settings = ReadonlyMap<string, string>;

/** Of the one topic that was asked for. */
export function settingsOf({ results }: Awaited<ReturnType<typeof describeConfigs.async>>): Settings {
  return new Map((results[0]?.configs ?? []).map((config) => [config.name, config.value ?? '']));
}

export interface TopicFault {
  /** After the topic's name. */
  readonly what: string;
  readonly mend: string;
}

export interface TopicFaults {
  /** What was promised does not hold. */
  readonly faults: readonly TopicFault[];
  readonly warnings: readonly TopicFault[];
}

/** What of a topic does not keep what is promised. */
export function topicFaults(replicas: number, settings: Settings, promise: TopicPromise): TopicFaults {
  const faults: TopicFault[] = [];
  const warnings: TopicFault[] = [];
  if (replicas < promise.replication) {
    const what = `has ${plural(replicas, 'replica')}, and queue.replication is ${promise.replication}`;
    faults.push({ what, mend: 'add replicas, or set it' });
  }
  const least: readonly (readonly [string, number])[] = [
    ['min.insync.replicas', promise.minInsyncReplicas],
    ['max.message.bytes', QUEUE_LIMITS.batchBytes],
  ];
  for (const [setting, value] of least) {
    const has = Number(settings.get(setting) ?? value);
    if (has < value) faults.push({ what: `has ${setting}=${has}, and at least ${value} is needed`, mend: 'raise it' });
  }
  if ((settings.get('message.timestamp.type') ?? 'CreateTime') !== 'CreateTime') {
    const what = 'has message.timestamp.type=LogAppendTime, which changes when records were made';
    faults.push({ what, mend: 'set CreateTime' });
  }
  if ((settings.get('cleanup.policy') ?? 'delete').includes('compact')) {
    faults.push({ what: 'has cleanup.policy=compact, which removes records', mend: 'set it to delete' });
  }
  const times = ['message.timestamp.before.max.ms', 'message.timestamp.after.max.ms'];
  const narrow = times.filter((setting) => (settings.get(setting) ?? FOR_EVER) !== FOR_EVER).join(' and ');
  if (narrow !== '') {
    const what = 'takes only records of some times: what is older or newer waits';
    warnings.push({ what, mend: `raise ${narrow}` });
  }
  if (settings.get('unclean.leader.election.enable') === 'true') {
    const what = 'allows unclean leader elections, which lose what was acknowledged';
    warnings.push({ what, mend: 'set unclean.leader.election.enable to false' });
  }
  if ((settings.get('retention.ms') ?? '-1') !== '-1' || (settings.get('retention.bytes') ?? '-1') !== '-1') {
    const what = 'has a retention of its own, by which Kafka removes also what has not been read yet';
    const mend = 'set retention.ms and retention.bytes to -1: Spillway removes what is old and read';
    warnings.push({ what, mend });
  }
  return { faults, warnings };
}

function openFaults(settings: Settings): TopicFault[] {
  return Object.entries(OPEN_TOPIC).flatMap(([setting, value]) => {
    const has = settings.get(setting);
    if (has === value) return [];
    const what = `has ${setting}=${has}: what other clients of Kafka write there may not be readable here`;
    return [{ what, mend: `set it to ${value}` }];
  });
}

function invalid(topic: string, what: string, cause?: unknown): SpillwayError {
  return new SpillwayError('QUEUE_TOPIC_INVALID', `The topic ${topic} ${what}.`, { cause, details: { topic } });
}
