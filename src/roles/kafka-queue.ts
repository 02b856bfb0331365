import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import type { Config } from '../config/schema.ts';
import { deadLetterPartition } from '../event/dead-letter.ts';
import { COLLECTORS, GROUPS, TOPICS } from '../event/topics.ts';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { SUPERVISOR_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { type Catalogue, emptyCatalogue } from '../queue/created/catalogue.ts';
import type { KafkaOptions } from '../queue/kafka/options.ts';
import {
  CONTROL_TOPIC,
  type KafkaQueue,
  type KafkaQueueOptions,
  type KafkaTopicOptions,
  OWN_TOPICS,
  openKafka,
} from '../queue/kafka/queue.ts';
import { groupStatesOf, topicStatesOf } from '../queue/kafka/state.ts';
import type { GroupState, TopicState } from '../queue/port.ts';
import { SpoolingQueue } from '../queue/spool/spooling-queue.ts';
import type { RoleName } from './messages.ts';
import { assertNotEmbedded, bindToTopics, type TopicIds } from './queue-binding.ts';
import type { Handled, QueueCoordinator } from './queue-coordinator.ts';
import type { RawEnd, RoleQueue } from './role-queue.ts';
import { raiseTogether, topicsOf } from './topics.ts';

/** Any number of collectors append to `raw` and have dead letters; every other partition has one writer. */
const WRITERS: Readonly<Record<string, KafkaTopicOptions['writers']>> = {
  [TOPICS.raw]: 'many',
  [TOPICS.deadLetter]: (partition) => (partition === deadLetterPartition.collectors ? 'many' : 'one'),
};

export interface KafkaQueueParts {
  readonly config: Config;
  readonly clientId: string;
  readonly log: Logger;
  readonly registry?: Registry;
  /** Of a role: a folder that is its alone. */
  readonly notes?: string;
  readonly mayGrow: NonNullable<KafkaQueueOptions['mayGrow']>;
}

export function openKafkaQueue(parts: KafkaQueueParts): Promise<KafkaQueue> {
  const { config, clientId, log, registry, notes, mayGrow } = parts;
  const { prefix, replication, minInsyncReplicas } = config.queue;
  const topics = Object.entries(topicsOf(config)).map(([topic, options]) => {
    return [topic, { ...options, writers: WRITERS[topic] ?? 'one' }] as const;
  });
  return openKafka({
    ...kafkaOptionsOf(config, clientId),
    prefix,
    topics: Object.fromEntries(topics),
    replication,
    minInsyncReplicas,
    log,
    mayGrow,
    ...(notes === undefined ? {} : { notes }),
    ...(registry === undefined ? {} : { registry }),
  });
}

/** How its brokers are reached. Throws CONFIG_INVALID where a file of certificates cannot be read. */
export function kafkaOptionsOf({ queue }: Config, clientId: string): KafkaOptions {
  const { brokers, tls, sasl } = queue;
  const { username, password, mechanism } = sasl;
  return {
    brokers,
    clientId,
    ...(tls.enabled ? { tls: tlsOf(tls) } : {}),
    ...(username === undefined || password === undefined ? {} : { login: { mechanism, username, password } }),
  };
}

/** As Kafka calls them, those that the queue has for itself too. */
export function kafkaTopicNames(config: Config): string[] {
  return [...Object.keys(topicsOf(config)), ...OWN_TOPICS].map((topic) => `${config.queue.prefix}${topic}`);
}

function tlsOf(tls: Config['queue']['tls']): Record<string, Buffer> {
  const files = { ca: tls.ca, cert: tls.cert, key: tls.key };
  return Object.fromEntries(
    Object.entries(files).flatMap(([name, path]) => {
      if (path === undefined) return [];
      try {
        return [[name, readFileSync(path)]];
      } catch (cause) {
        throw new SpillwayError('CONFIG_INVALID', `queue.tls.${name}: ${path} cannot be read: ${messageOf(cause)}.`, {
          cause,
        });
      }
    }),
  );
}

export async function openKafkaRoleQueue(
  config: Config,
  role: string,
  log: Logger,
  registry: Registry,
): Promise<RoleQueue> {
  // The collector watches how full the disk below is.
  const directory = join(config.data, 'queue', 'spool');
  mkdirSync(directory, { recursive: true });
  // That is the supervisor's.
  const mayGrow = () => false;
  const notes = join(config.data, 'queue', role);
  const queue = await openKafkaQueue({ config, clientId: `${config.site}-${role}`, log, registry, notes, mayGrow });
  const ends = new Map<number, RawEnd>();
  if (role === 'collector') return spoolingQueue(queue, directory, log, registry);
  // Only the store asks how complete its answers are.
  const timer =
    role === 'store' ? setInterval(() => void lookForEnds(queue, ends), SUPERVISOR_LIMITS.heartbeatMs) : undefined;
  timer?.unref();
  return {
    queue,
    ...answersOf(queue),
    engineRecord: {
      place: queue.nameOf(CONTROL_TOPIC),
      read: () => queue.record.readEngines(),
      write: (text) => queue.record.writeEngines(text),
      isAlone: async () => (await queue.memberCount(GROUPS.store)) <= 1,
    },
    rawEnd: (partition) => ends.get(partition),
    close: async () => {
      clearInterval(timer);
      await queue.close();
    },
  };
}

/** What Kafka answers, whichever way records go there. */
function answersOf(queue: KafkaQueue): Pick<RoleQueue, 'topicAdmin' | 'nameOfQueue' | 'claimIndex' | 'committed'> {
  return {
    topicAdmin: queue.created,
    nameOfQueue: (proposed) => queue.record.name(proposed),
    claimIndex: (index) => queue.claim(GROUPS.store, index),
    committed: (group, at) => queue.committed(group, at),
  };
}

/** What collectors accept while Kafka is away is kept on their own disk. */
async function spoolingQueue(
  queue: KafkaQueue,
  directory: string,
  log: Logger,
  registry: Registry,
): Promise<RoleQueue> {
  let told: Parameters<NonNullable<RoleQueue['onDrained']>>[0] = () => {};
  const topics = [TOPICS.raw, TOPICS.deadLetter];
  // Others see by it that this collector runs. It reads nothing.
  const presence = await queue.joinGroup(COLLECTORS, {
    topics: [TOPICS.deadLetter],
    onAssigned: (assigned) => assigned.revoked.addEventListener('abort', () => void assigned.release(), { once: true }),
  });
  const spooling = await SpoolingQueue.open({
    queue,
    directory,
    topics,
    log,
    registry,
    onDrained: (...drained) => told(...drained),
  });
  return {
    queue: spooling,
    ...answersOf(queue),
    rawEnd: () => undefined,
    onDrained: (listener) => {
      told = listener;
    },
    troubles: () => spooling.troubles(),
    close: async () => {
      await Promise.all([presence.leave(), spooling.close()]);
    },
  };
}

/** A partition whose end is known at a time is complete to that time: nobody need tell the store but Kafka. */
async function lookForEnds(queue: KafkaQueue, ends: Map<number, RawEnd>): Promise<void> {
  for (let partition = 0; partition < queue.partitionCount(TOPICS.raw); partition++) {
    const atMs = Date.now();
    const endOffset = await queue.endOffset({ topic: TOPICS.raw, partition }).catch(() => undefined);
    if (endOffset !== undefined) ends.set(partition, { endOffset, atMs });
  }
}

/** By Kafka's name; made anew, a topic has another id. */
function topicIdsOf(queue: KafkaQueue): TopicIds {
  const names = [TOPICS.raw, TOPICS.events].map((topic) => queue.nameOf(topic));
  return Object.fromEntries(names.map((name) => [name, queue.cluster.topic(name)?.id ?? '']));
}

/** Kafka coordinates by itself: the supervisor makes the topics once, removes what is old, and answers questions. */
export class KafkaCoordinator implements QueueCoordinator {
  readonly #queue: KafkaQueue;
  readonly #timer: NodeJS.Timeout;

  private constructor(queue: KafkaQueue, log: Logger) {
    this.#queue = queue;
    this.#timer = setInterval(() => {
      queue
        .retain()
        .catch((error: unknown) => log.error({ reason: messageOf(error) }, 'old records could not be removed'));
    }, SUPERVISOR_LIMITS.retainMs);
  }

  static async open(config: Config, roles: readonly RoleName[], log: Logger): Promise<KafkaCoordinator> {
    await assertNotEmbedded(config);
    const mayGrow = async (opened: KafkaQueue): Promise<boolean> => {
      // Dead letters may lack partitions that an earlier version did not need.
      if (opened.partitionCount(TOPICS.raw) >= config.queue.partitions) return true;
      const others = await opened.memberCount(COLLECTORS);
      if (others === 0 || (others === 1 && !roles.includes('collector'))) return true;
      log.warn(
        { configured: config.queue.partitions, collectors: others },
        'queue.partitions is more than there are, and other collectors run: none are added. Partitions are added while one ' +
          'collector runs, by a start with this setting or by spillway topics add-partitions',
      );
      return false;
    };
    const queue = await openKafkaQueue({ config, clientId: `${config.site}-supervisor`, log, mayGrow });
    try {
      await bindToTopics(config, topicIdsOf(queue));
      await raiseTogether(queue, queue.partitionCount(TOPICS.raw));
      return new KafkaCoordinator(queue, log);
    } catch (thrown) {
      await queue.close();
      throw thrown;
    }
  }

  listen(): void {}

  layouts(): Readonly<Record<string, never>> {
    return {};
  }

  /** Roles read it themselves. */
  catalogue(): Catalogue {
    return emptyCatalogue();
  }

  marks(): readonly never[] {
    return [];
  }

  setMarks(): void {}

  roleEnded(): void {}

  async handle(_from: RoleName, request: Handled): Promise<unknown> {
    if (request.do === 'topics') return this.topics(request.only);
    if (request.do === 'groups') return this.groups();
    if (request.do === 'addPartitions') return this.#addPartitions(request.partitions);
    throw new SpillwayError('INTERNAL', `The queue is Kafka: nobody here answers '${request.do}'.`);
  }

  async topics(only?: string): Promise<readonly TopicState[]> {
    await this.#queue.created.refresh();
    return topicStatesOf(this.#queue, only);
  }

  async groups(): Promise<readonly GroupState[]> {
    await this.#queue.created.refresh();
    const { topics, groups } = this.#queue.created.catalogue;
    const living = Object.entries(groups).map(([group, known]) => {
      return [group, known.topics.filter((topic) => topics[topic]?.isDeleting === false)] as const;
    });
    return groupStatesOf(this.#queue, {
      ...Object.fromEntries(living),
      [GROUPS.processor]: [TOPICS.raw],
      [GROUPS.store]: [TOPICS.events],
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#queue.close();
  }

  /** To `raw` and `events` together; how many they have then. */
  async #addPartitions(partitions: number): Promise<number> {
    const known = this.#queue.partitionCount(TOPICS.raw);
    if (partitions < known) {
      throw new SpillwayError('BAD_REQUEST', `There are ${known} partitions already, and none is ever removed.`);
    }
    const collectors = partitions === known ? 0 : await this.#queue.memberCount(COLLECTORS);
    if (collectors > 1) {
      throw new SpillwayError(
        'BAD_REQUEST',
        `${collectors} collectors run. Sources move to added partitions, and their order is kept where one collector moves ` +
          'them: stop the others, add the partitions, and start them again. (One that was killed counts for a minute.)',
        { details: { collectors } },
      );
    }
    await raiseTogether(this.#queue, partitions);
    return this.#queue.partitionCount(TOPICS.raw);
  }
}
