/** The queue on Kafka that the configuration says, for the roles, the supervisor, and whoever only looks at it. */
import type { Registry } from 'prom-client';
import type { Config } from '../config/schema.ts';
import { deadLetterPartition } from '../event/dead-letter.ts';
import { TOPICS } from '../event/topics.ts';
import { KAFKA_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { KafkaQueue } from '../queue/kafka/queue.ts';
import {
  type KafkaQueueOptions,
  type KafkaTopicOptions,
  type KnownTopics,
  OWN_TOPICS,
} from '../queue/kafka/queue-options.ts';
import type { LookOptions, TopicsThere } from '../queue/kafka/role-topics.ts';
import { unlessSilent } from '../queue/kafka/unless-silent.ts';
import { kafkaOptionsOf } from './kafka-reach.ts';
import type { TopicIds } from './queue-binding.ts';
import { topicsOf } from './topics.ts';

/** Any number of collectors append to `raw` and have dead letters; every other partition has one writer. */
const WRITERS: Readonly<Record<string, KafkaTopicOptions['writers']>> = {
  [TOPICS.raw]: 'many',
  [TOPICS.deadLetter]: (partition) => (partition === deadLetterPartition.collectors ? 'many' : 'one'),
};

/** A data folder belongs to these. */
export const BOUND_TOPICS = [TOPICS.raw, TOPICS.events];

export interface KafkaQueueParts {
  readonly config: Config;
  readonly clientId: string;
  readonly log: Logger;
  readonly registry?: Registry;
  /** Of a role: a folder that is its alone. */
  readonly notes?: string;
  /** It has the processor, whose configuration gave events their ids. */
  readonly mayNameSite: boolean;
  readonly mayGrow: NonNullable<KafkaQueueOptions['mayGrow']>;
  /** As an earlier start in the folder has noted them. */
  readonly known: KnownTopics | undefined;
  /** Of a collector. */
  readonly appends?: KafkaQueueOptions['appends'];
}

/** Nobody has asked for anything yet. */
export function newKafkaQueue(parts: KafkaQueueParts): KafkaQueue {
  const { config, clientId, log, registry, notes, mayNameSite, mayGrow, known, appends } = parts;
  const { prefix, replication, minInsyncReplicas } = config.queue;
  const topics = Object.entries(topicsOf(config)).map(([topic, options]) => {
    return [topic, { ...options, writers: WRITERS[topic] ?? 'one' }] as const;
  });
  return new KafkaQueue({
    ...kafkaOptionsOf(config, clientId),
    prefix,
    site: config.site,
    mayNameSite,
    topics: Object.fromEntries(topics),
    replication,
    minInsyncReplicas,
    log,
    mayGrow,
    ...(known === undefined ? {} : { known }),
    ...(appends === undefined ? {} : { appends }),
    ...(notes === undefined ? {} : { notes }),
    ...(registry === undefined ? {} : { registry }),
  });
}

export interface TopicsToLookAt extends LookOptions {
  readonly prefix: string;
  /** After so long it is looked which brokers do not answer; not at all where it is left out. */
  readonly questionMs?: number;
}

/** What there is on these brokers under a prefix, for whoever only asks. Throws QUEUE_UNREACHABLE, QUEUE_REFUSED, UNAVAILABLE. */
export async function lookAtTopics(config: Config, log: Logger, looked: TopicsToLookAt): Promise<TopicsThere> {
  const { prefix, questionMs } = looked;
  const queue = newKafkaQueue({
    config: { ...config, queue: { ...config.queue, prefix } },
    clientId: `${config.site}-look`,
    log,
    mayNameSite: false,
    mayGrow: () => false,
    known: undefined,
  });
  try {
    const look = queue.look(looked);
    if (questionMs === undefined) return await look;
    const limits = { questionMs, lookMs: KAFKA_LIMITS.lookMs };
    return await unlessSilent(queue.cluster, `looking at the topics ${prefix}*`, look, limits);
  } finally {
    await queue.close();
  }
}

/** As Kafka calls them, those that the queue has for itself too. */
export function kafkaTopicNames(config: Config): string[] {
  return [...Object.keys(topicsOf(config)), ...OWN_TOPICS].map((topic) => `${config.queue.prefix}${topic}`);
}

/** By Kafka's name; made anew, a topic has another id. */
export function topicIdsOf(queue: KafkaQueue): TopicIds {
  const names = BOUND_TOPICS.map((topic) => queue.nameOf(topic));
  return Object.fromEntries(names.map((name) => [name, queue.cluster.idOf(name)]));
}
