/** Whether the topics keep what is promised of them, and all their replicas are there now. */

import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { DOCTOR_LIMITS } from '../../lib/limits.ts';
import { createLog } from '../../lib/log.ts';
import { plural } from '../../lib/plural.ts';
import { GONE_ADVICE } from '../../queue/kafka/broker-errors.ts';
import {
  describeConfigs,
  type MetadataAnswer,
  metadata,
  TOPIC_AUTHORIZATION_FAILED,
} from '../../queue/kafka/protocol.ts';
import { CONTROL_TOPIC } from '../../queue/kafka/queue-options.ts';
import type { TopicsThere } from '../../queue/kafka/role-topics.ts';
import { settingsOf, TOPIC_RESOURCE, topicFaults } from '../../queue/kafka/topics.ts';
import { kafkaTopicNames, lookAtTopics } from '../../roles/configured-kafka.ts';
import { readBinding } from '../../roles/queue-binding.ts';
import { type Check, type Installation, onKafka } from '../check.ts';
import { type Finding, unknown, warning, well, wrong } from '../finding.ts';
import type { KafkaProbe } from '../kafka-probe.ts';

type KnownTopic = MetadataAnswer['topics'][number];

export const kafkaTopics: Check = {
  about: 'topics',
  applies: onKafka,
  async examine(installation) {
    const probe = await installation.kafka();
    const names = kafkaTopicNames(installation.config);
    const { topics, brokers } = await probe.ask(metadata, names);
    const begun = await examineBegun(installation);
    if (begun.some(({ state }) => state === 'wrong')) return begun;
    const there = new Map(topics.filter(({ errorCode }) => errorCode === 0).map((topic) => [topic.name, topic]));
    const findings: Finding[] = [...begun];
    // Of those that the user may not see another check speaks.
    const unseen = topics.filter(({ errorCode }) => errorCode === TOPIC_AUTHORIZATION_FAILED).map(({ name }) => name);
    if (unseen.length > 0) findings.push(unknown(`the user may not see ${unseen.join(', ')}`));
    const missing = names.filter((name) => !there.has(name) && !unseen.includes(name));
    if (missing.length > 0) findings.push(notMade(missing, brokers.length, installation));
    for (const [name, topic] of there) {
      if (typeof name === 'string') findings.push(...(await examineTopic(probe, name, topic, installation)));
    }
    const { replication, minInsyncReplicas } = installation.config.queue;
    if (replication < 2 || minInsyncReplicas < 2) {
      const found = 'one broker acknowledges what is written, and has not written it to its disk then';
      const mend = 'Set queue.replication to 3 and queue.minInsyncReplicas to 2 (docs/engines/kafka.md).';
      findings.push(warning(found, mend));
    } else if (replication === minInsyncReplicas) {
      const found = `all ${replication} replicas have to be in sync: where one broker is away nothing is taken`;
      findings.push(warning(found, 'Set queue.minInsyncReplicas to one less than queue.replication.'));
    }
    return findings;
  },
};

/** Where the topics were removed, or have another site. */
async function examineBegun({ config }: Installation): Promise<readonly Finding[]> {
  const { prefix } = config.queue;
  const known = await readBinding(config);
  const names = kafkaTopicNames(config);
  const noted = Object.keys(known?.topics ?? {});
  // Not by the prefix alone: one may begin with another.
  const isOurs = noted.every((name) => names.includes(name));
  let there: TopicsThere;
  try {
    const { requestMs: questionMs, missingTopicMs: missingMs } = DOCTOR_LIMITS;
    const log = createLog('doctor', 'fatal');
    there = await lookAtTopics(config, log, { prefix, noted: isOurs ? noted : [], questionMs, missingMs });
  } catch (thrown) {
    // Another check speaks of rights.
    if (thrown instanceof SpillwayError && thrown.code === 'QUEUE_REFUSED') return [];
    return [unknown(`whether a topic was removed, and which site they have: ${messageOf(thrown)}`)];
  }
  const others = isOurs ? Object.entries(known?.topics ?? {}).filter(([name, id]) => there.idOf(name) !== id) : [];
  const hasEnded = known !== undefined && isOurs && !there.hasBegun ? [`${prefix}${CONTROL_TOPIC}`] : [];
  const lost = [...new Set([...there.lost, ...others.map(([name]) => name), ...hasEnded])];
  const findings: Finding[] = lost.map((name) => {
    const how = there.idOf(name) === undefined ? 'was removed' : 'was removed and made again';
    return wrong(`${name} ${how}: a start is refused`, `${GONE_ADVICE} (docs/engines/kafka.md).`);
  });
  const { site } = there;
  if (site !== undefined && site !== config.site) {
    const found = `the topics ${prefix}* are of the site '${site}', and the configuration says site: ${config.site}: a start is refused`;
    findings.push(wrong(found, `Set site: ${site}; an installation of its own needs another queue.prefix.`));
  }
  return findings;
}

function notMade(missing: readonly string[], brokers: number, { config }: Installation): Finding {
  const { replication } = config.queue;
  const names = missing.join(', ');
  if (brokers >= replication) return well(`the first start makes ${names}, with ${plural(replication, 'replica')}`);
  const found = `${names} cannot be made with ${plural(replication, 'replica')} (queue.replication): ${brokers === 1 ? 'there is' : 'there are'} ${plural(brokers, 'broker')}`;
  return wrong(found, 'Start more brokers, or set queue.replication and queue.minInsyncReplicas.');
}

async function examineTopic(
  probe: KafkaProbe,
  name: string,
  { partitions }: KnownTopic,
  { config }: Installation,
): Promise<readonly Finding[]> {
  const { queue } = config;
  const resource = { resourceType: TOPIC_RESOURCE, resourceName: name, configurationKeys: null } as const;
  const settings = settingsOf(await probe.ask(describeConfigs, [resource]));
  const replicas = Math.min(...partitions.map(({ replicaNodes }) => replicaNodes.length));
  const { faults, warnings } = topicFaults(replicas, settings, queue);
  const [broker] = queue.brokers;
  const how = `such as by kafka-configs.sh --bootstrap-server ${broker} --alter --topic ${name} --add-config NAME=VALUE`;
  const findings: Finding[] = [
    ...faults.map(({ what, mend }) => wrong(`${name} ${what}`, `${mend}, ${how}`)),
    ...warnings.map(({ what, mend }) => warning(`${name} ${what}`, `${mend}, ${how}`)),
  ];
  findings.push(...syncFindings(name, partitions, Number(settings.get('min.insync.replicas') ?? 1)));
  if (findings.length > 0) return findings;
  return [well(`${name}: ${plural(partitions.length, 'partition')} with ${plural(replicas, 'replica')}, all in sync`)];
}

function syncFindings(name: string, partitions: KnownTopic['partitions'], least: number): readonly Finding[] {
  const numbers = (of: (partition: KnownTopic['partitions'][number]) => boolean) =>
    partitions.filter(of).map(({ partitionIndex }) => partitionIndex);
  const leaderless = numbers(({ leaderId }) => leaderId < 0);
  const short = numbers(({ leaderId, isrNodes }) => leaderId >= 0 && isrNodes.length < least);
  const behind = numbers(
    ({ leaderId, isrNodes, replicaNodes }) =>
      leaderId >= 0 && isrNodes.length >= least && isrNodes.length < replicaNodes.length,
  );
  const mend = 'Start the brokers that are away; where all run, their logs say why a replica does not follow.';
  const findings: Finding[] = [];
  const say = (found: string, at: readonly number[]) => `${name} ${found}: partition ${at.join(', ')}`;
  if (leaderless.length > 0) findings.push(wrong(say('has no leader', leaderless), mend));
  if (short.length > 0)
    findings.push(wrong(say(`has fewer than ${plural(least, 'replica')} in sync and takes nothing`, short), mend));
  if (behind.length > 0) findings.push(warning(say('has replicas that are not in sync', behind), mend));
  return findings;
}
