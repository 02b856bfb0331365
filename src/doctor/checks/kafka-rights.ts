/** Whether the user may do what Spillway does: by what Kafka says it may, and by trying where that changes nothing. */
import { randomUUID } from 'node:crypto';
import { GROUPS } from '../../event/topics.ts';
import { brokerErrorOf } from '../../queue/kafka/broker-errors.ts';
import {
  createTopics,
  deleteGroups,
  describeLogDirs,
  findCoordinator,
  metadataWithRights,
  TOPIC_AUTHORIZATION_FAILED,
} from '../../queue/kafka/protocol.ts';
import { kafkaTopicNames } from '../../roles/configured-kafka.ts';
import { type Check, type Installation, onKafka } from '../check.ts';
import { type Finding, well, wrong } from '../finding.ts';
import type { KafkaProbe } from '../kafka-probe.ts';

/** Bits of `topicAuthorizedOperations` (AclOperation of Kafka). */
const OPERATIONS = { Read: 3, Write: 4, Delete: 6, Alter: 7, Describe: 8, DescribeConfigs: 10 } as const;
/** The answer where the broker was not asked, or has no word of it. */
const NOT_TOLD = -2_147_483_648;
const COORDINATOR = { group: 0, transaction: 1 } as const;

/** What of a kind of resource Spillway does, for names with its prefix; docs/engines/kafka.md has the same. */
const RIGHTS = {
  topic: ['Describe', 'Read', 'Write', 'Create', 'Alter', 'DescribeConfigs', 'Delete'],
  group: ['Describe', 'Read', 'Delete'],
  'transactional-id': ['Describe', 'Write'],
  /** Of the one cluster, which has no name. */
  cluster: ['Describe'],
} as const;
type Resource = keyof typeof RIGHTS;

export const kafkaRights: Check = {
  about: 'rights in Kafka',
  applies: onKafka,
  async examine(installation) {
    const probe = await installation.kafka();
    const missing: Readonly<Record<Resource, readonly string[]>> = {
      topic: await onTopics(probe, installation),
      group: await onGroups(probe, installation),
      'transactional-id': await onTakeOvers(probe, installation),
      cluster: await onCluster(probe),
    };
    const findings = (Object.keys(RIGHTS) as Resource[]).flatMap((resource) =>
      missing[resource].length === 0 ? [] : [denied(resource, missing[resource], installation)],
    );
    return findings.length === 0 ? [well('the user may do all that was tried')] : findings;
  },
};

function denied(resource: Resource, missing: readonly string[], { config }: Installation): Finding {
  const { prefix, sasl, brokers } = config.queue;
  const user = sasl.username ?? 'ANONYMOUS';
  const operations = RIGHTS[resource].map((operation) => `--operation ${operation}`).join(' ');
  const names = resource === 'cluster' ? '--cluster' : `--resource-pattern-type prefixed --${resource} ${prefix}`;
  const mend = `As an administrator (--command-config): kafka-acls.sh --bootstrap-server ${brokers[0]} --add --allow-principal User:${user} ${names} ${operations}`;
  return wrong(`the user ${user} may not ${missing.join('; ')}`, mend);
}

async function onTopics(probe: KafkaProbe, { config }: Installation): Promise<readonly string[]> {
  const { topics } = await probe.ask(metadataWithRights, kafkaTopicNames(config));
  const missing: string[] = [];
  for (const { name, errorCode, topicAuthorizedOperations: bits } of topics) {
    if (errorCode === TOPIC_AUTHORIZATION_FAILED) {
      missing.push(`describe the topic ${name}`);
      continue;
    }
    if (errorCode !== 0 || bits === NOT_TOLD) continue;
    const lacking = Object.entries(OPERATIONS).filter(([, bit]) => (bits & (1 << bit)) === 0);
    if (lacking.length > 0) missing.push(`${lacking.map(([operation]) => operation).join(', ')} on the topic ${name}`);
  }
  const name = `${config.queue.prefix}doctor`;
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
  // Validated, and not made.
  const made = await denies(probe.ask(createTopics, [topic], 5_000, true));
  return made ? [...missing, `make topics such as ${name}`] : missing;
}

async function onGroups(probe: KafkaProbe, { config }: Installation): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const group of Object.values(GROUPS)) {
    const name = `${config.queue.prefix}${group}`;
    if (await denies(probe.ask(findCoordinator, COORDINATOR.group, [name]))) missing.push(`use the group ${name}`);
  }
  // There is none: what is refused is the right, and else nothing happens.
  const nobodys = `${config.queue.prefix}doctor-${randomUUID()}`;
  if (await denies(probe.ask(deleteGroups, [nobodys])))
    missing.push(`delete groups such as ${config.queue.prefix}TENANT.GROUP`);
  return missing;
}

async function onTakeOvers(probe: KafkaProbe, { config }: Installation): Promise<readonly string[]> {
  const name = `${config.queue.prefix}events-0`;
  const isDenied = await denies(probe.ask(findCoordinator, COORDINATOR.transaction, [name]));
  return isDenied ? [`use the transactional id ${name}`] : [];
}

async function onCluster(probe: KafkaProbe): Promise<readonly string[]> {
  const isDenied = await denies(probe.ask(describeLogDirs, []));
  return isDenied ? ['ask how large topics are: queue.maxSize removes nothing, and sizes are shown as 0'] : [];
}

/** Any other failure is another check's. */
async function denies(asked: Promise<unknown>): Promise<boolean> {
  try {
    await asked;
    return false;
  } catch (thrown) {
    return brokerErrorOf(thrown)?.endsWith('_AUTHORIZATION_FAILED') === true;
  }
}
