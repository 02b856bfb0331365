/** The queue on Kafka as each role has it. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import type { Config } from '../config/schema.ts';
import { deadLetterPartition } from '../event/dead-letter.ts';
import { COLLECTORS, GROUPS, TOPICS } from '../event/topics.ts';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { KAFKA_LIMITS, LATE_LIMITS, MOVE_LIMITS, SUPERVISOR_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { MemberNote } from '../queue/kafka/member-note.ts';
import type { KafkaOptions } from '../queue/kafka/options.ts';
import { KafkaQueue } from '../queue/kafka/queue.ts';
import {
  CONTROL_TOPIC,
  type KafkaQueueOptions,
  type KafkaTopicOptions,
  type KnownTopics,
  OWN_TOPICS,
} from '../queue/kafka/queue-options.ts';
import type { LookOptions, TopicsThere } from '../queue/kafka/role-topics.ts';
import { Arrival } from '../queue/late/arrival.ts';
import { KnownLayouts } from '../queue/late/known-layouts.ts';
import { LateQueue } from '../queue/late/late-queue.ts';
import { LateTopics } from '../queue/late/late-topics.ts';
import type { GroupMember } from '../queue/port.ts';
import { SpoolingQueue } from '../queue/spool/spooling-queue.ts';
import type { RoleName } from './messages.ts';
import { assertBoundTo, isBoundTo, knownTopics, type TopicIds } from './queue-binding.ts';
import type { RawEnd, RoleQueue } from './role-queue.ts';
import { SPOOLED_TOPICS, spoolFolder } from './spooled.ts';
import { topicsOf } from './topics.ts';

/** Any number of collectors append to `raw` and have dead letters; every other partition has one writer. */
const WRITERS: Readonly<Record<string, KafkaTopicOptions['writers']>> = {
  [TOPICS.raw]: 'many',
  [TOPICS.deadLetter]: (partition) => (partition === deadLetterPartition.collectors ? 'many' : 'one'),
};

/** A data folder belongs to these. */
const BOUND_TOPICS = [TOPICS.raw, TOPICS.events];

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

export interface TopicsToLookAt extends LookOptions {
  readonly prefix: string;
  /** Brokers that do not answer have so long. */
  readonly forMs?: number;
}

/** What there is on these brokers under a prefix, for whoever only asks. Throws QUEUE_UNREACHABLE, QUEUE_REFUSED, UNAVAILABLE. */
export async function lookAtTopics(config: Config, log: Logger, looked: TopicsToLookAt): Promise<TopicsThere> {
  const { prefix, forMs } = looked;
  const queue = newKafkaQueue({
    config: { ...config, queue: { ...config.queue, prefix } },
    clientId: `${config.site}-look`,
    log,
    mayNameSite: false,
    mayGrow: () => false,
    known: undefined,
  });
  if (forMs !== undefined) queue.cluster.endWithin(forMs);
  try {
    return await queue.look(looked);
  } finally {
    await queue.close();
  }
}

/** As Kafka calls them, those that the queue has for itself too. */
export function kafkaTopicNames(config: Config): string[] {
  return [...Object.keys(topicsOf(config)), ...OWN_TOPICS].map((topic) => `${config.queue.prefix}${topic}`);
}

function tlsOf(tls: Config['queue']['tls']): Record<string, Buffer> {
  const files = { ca: tls.ca, cert: tls.cert, key: tls.key };
  return Object.fromEntries(
    Object.entries(files).flatMap(([name, path]) => (path === undefined ? [] : [[name, readPem(name, path)]])),
  );
}

/** Node.js passes over what is no certificate, and then trusts nobody. */
function readPem(name: string, path: string): Buffer {
  let pem: Buffer;
  try {
    pem = readFileSync(path);
  } catch (cause) {
    throw new SpillwayError('CONFIG_INVALID', `queue.tls.${name}: ${path} cannot be read: ${messageOf(cause)}.`, {
      cause,
    });
  }
  const what = name === 'key' ? 'PRIVATE KEY-----' : '-----BEGIN CERTIFICATE-----';
  if (pem.includes(what)) return pem;
  const wanted = name === 'key' ? 'private key' : 'certificate';
  throw new SpillwayError('CONFIG_INVALID', `queue.tls.${name}: ${path} has no ${wanted} in PEM form.`);
}

export interface KafkaRoleParts {
  readonly config: Config;
  readonly role: RoleName;
  readonly log: Logger;
  readonly registry: Registry;
  /** Told what this role waits for before it begins. */
  readonly onWaiting: (waitsFor: string) => void;
}

/**
 * Where Kafka is away a collector goes on by what it knew of it, and any other role waits. What was known is of an
 * earlier start in the folder: without one there is nothing to go on by.
 */
export async function openKafkaRoleQueue(parts: KafkaRoleParts): Promise<RoleQueue> {
  const { config, role, log, registry } = parts;
  const isCollector = role === 'collector';
  const mayNameSite = role === 'processor';
  // That is the supervisor's.
  const mayGrow = () => false;
  const notes = join(config.data, 'queue', role);
  const known = await knownTopics(config);
  const clientId = `${config.site}-${role}`;
  const appends = isCollector ? { appends: await nextAppender(notes, log) } : {};
  const queue = newKafkaQueue({ config, clientId, log, registry, notes, mayNameSite, mayGrow, known, ...appends });
  let presence: GroupMember | undefined;
  try {
    const isKnown = await isKnownHere(config, isCollector);
    const arrival = await Arrival.begin({
      arrive: async () => {
        await queue.prepare();
        await assertBoundTo(config, topicIdsOf(queue));
        if (isCollector) presence ??= await joinCollectors(queue);
      },
      probe: () => queue.probe(),
      // The supervisor has looked whether it can be gone on with at all.
      mayWait: () => isKnown,
      log,
    });
    if (isCollector) return await spoolingQueue(queue, arrival, parts, () => presence);
    arrival.onWaiting(parts.onWaiting);
    await arrival.there;
    return readingQueue(queue, role);
  } catch (thrown) {
    await queue.close();
    throw thrown;
  }
}

/** Each process is another one: what the one before has under way is never taken for its own. */
async function nextAppender(notes: string, log: Logger): Promise<NonNullable<KafkaQueueOptions['appends']>> {
  const note = new MemberNote(notes, `appenders-of-${TOPICS.raw}`, log);
  const id = randomUUID();
  const before = await note.read();
  await note.write(id);
  return { topic: TOPICS.raw, id, before };
}

/** Whether an earlier start in this folder has noted what a start without Kafka needs. Throws QUEUE_CHANGED. */
export async function isKnownHere(config: Config, isCollector: boolean): Promise<boolean> {
  const names = BOUND_TOPICS.map((topic) => `${config.queue.prefix}${topic}`);
  if (!(await isBoundTo(config, names))) return false;
  const { topics } = await KnownLayouts.open(layoutsFile(config));
  return !isCollector || SPOOLED_TOPICS.every((topic) => Object.hasOwn(topics, topic));
}

function readingQueue(queue: KafkaQueue, role: RoleName): RoleQueue {
  const ends = new Map<number, RawEnd>();
  // Only the store asks how complete its answers are.
  const timer =
    role === 'store' ? setInterval(() => void lookForEnds(queue, ends), SUPERVISOR_LIMITS.heartbeatMs) : undefined;
  timer?.unref();
  return {
    queue,
    topicAdmin: queue.created,
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

/** Others see by it that this collector runs. It reads nothing. */
function joinCollectors(queue: KafkaQueue): Promise<GroupMember> {
  return queue.joinGroup(COLLECTORS, {
    topics: [TOPICS.deadLetter],
    onAssigned: (assigned) => assigned.revoked.addEventListener('abort', () => void assigned.release(), { once: true }),
  });
}

/** What Kafka answers, whichever way records go there. */
function answersOf(
  queue: KafkaQueue,
): Pick<RoleQueue, 'nameOfQueue' | 'claimIndex' | 'committed' | 'sharedLedger' | 'endSoon'> {
  return {
    endSoon: () => queue.cluster.endWithin(KAFKA_LIMITS.closeMs),
    sharedLedger: queue.ledger,
    nameOfQueue: (proposed) => queue.record.name(proposed),
    claimIndex: (index) => queue.claim(GROUPS.store, index),
    committed: (group, at) => queue.committed(group, at),
  };
}

/** What collectors accept while Kafka is away is kept on their own disk. */
async function spoolingQueue(
  queue: KafkaQueue,
  arrival: Arrival,
  { config, log, registry }: KafkaRoleParts,
  presence: () => GroupMember | undefined,
): Promise<RoleQueue> {
  let told: Parameters<NonNullable<RoleQueue['onDrained']>>[0] = () => {};
  const isLate = !arrival.isThere;
  // The collector watches how full the disk below is.
  const directory = spoolFolder(config);
  mkdirSync(directory, { recursive: true });
  const layouts = await KnownLayouts.open(layoutsFile(config));
  const spooling = await SpoolingQueue.open({
    queue: new LateQueue({ queue, arrival, layouts: layouts.topics, log }),
    directory,
    topics: SPOOLED_TOPICS,
    layouts,
    passed: (...past) => untilProcessed(queue, ...past),
    log,
    registry,
    onDrained: (...drained) => told(...drained),
  });
  return {
    queue: spooling,
    ...(isLate ? { there: arrival.there } : {}),
    topicAdmin: isLate ? new LateTopics(queue.created, arrival) : queue.created,
    ...answersOf(queue),
    endSoon: () => {
      spooling.endSoon();
      queue.cluster.endWithin(KAFKA_LIMITS.closeMs);
    },
    rawEnd: () => undefined,
    onOut: (listener) => queue.onOut(listener),
    settled: async () => {
      if (arrival.isThere) await spooling.settled(MOVE_LIMITS.settleMs);
    },
    onDrained: (listener) => {
      told = listener;
    },
    troubles: () => spooling.troubles(),
    spooled: () => spooling.spooled,
    close: async () => {
      await Promise.all([presence()?.leave(), spooling.close()]);
    },
  };
}

/** Resolves when processors are past these ends of the partitions. */
async function untilProcessed(
  queue: KafkaQueue,
  topic: string,
  ends: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  const isPast = async (end: number, partition: number): Promise<boolean> => {
    const committed = await queue.committed(GROUPS.processor, { topic, partition }).catch(() => undefined);
    return (committed ?? 0) >= end;
  };
  while (!(await Promise.all(ends.map(isPast))).every(Boolean)) {
    await delay(LATE_LIMITS.retryMs, undefined, { signal });
  }
}

/** A partition whose end is known at a time is complete to that time: nobody need tell the store but Kafka. */
async function lookForEnds(queue: KafkaQueue, ends: Map<number, RawEnd>): Promise<void> {
  const atMs = Date.now();
  const places = Array.from({ length: queue.partitionCount(TOPICS.raw) }, (_, partition) => {
    return { topic: TOPICS.raw, partition };
  });
  for (const [partition, endOffset] of (await queue.endOffsets(places)).entries()) {
    if (endOffset !== undefined) ends.set(partition, { endOffset, atMs });
  }
}

/** By Kafka's name; made anew, a topic has another id. */
export function topicIdsOf(queue: KafkaQueue): TopicIds {
  const names = BOUND_TOPICS.map((topic) => queue.nameOf(topic));
  return Object.fromEntries(names.map((name) => [name, queue.cluster.idOf(name)]));
}

const layoutsFile = (config: Config): string => join(config.data, 'queue', 'kafka-layouts.json');
