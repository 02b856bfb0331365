/** The queue on Kafka as each role opens it. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import type { Config } from '../config/schema.ts';
import { COLLECTORS, TOPICS } from '../event/topics.ts';
import type { Logger } from '../lib/log.ts';
import { MemberNote } from '../queue/kafka/member-note.ts';
import type { KafkaQueue } from '../queue/kafka/queue.ts';
import type { KafkaQueueOptions } from '../queue/kafka/queue-options.ts';
import { Arrival } from '../queue/late/arrival.ts';
import { KnownLayouts } from '../queue/late/known-layouts.ts';
import type { GroupMember } from '../queue/port.ts';
import { BOUND_TOPICS, newKafkaQueue, topicIdsOf } from './configured-kafka.ts';
import { readingQueue } from './kafka-answers.ts';
import { layoutsFile, spoolingQueue } from './kafka-spooling.ts';
import type { RoleName } from './messages.ts';
import { assertBoundTo, isBoundTo, knownTopics } from './queue-binding.ts';
import type { RoleQueue } from './role-queue.ts';
import { SPOOLED_TOPICS } from './spooled.ts';

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

/** Others see by it that this collector runs. It reads nothing. */
function joinCollectors(queue: KafkaQueue): Promise<GroupMember> {
  return queue.joinGroup(COLLECTORS, {
    topics: [TOPICS.deadLetter],
    onAssigned: (assigned) => assigned.revoked.addEventListener('abort', () => void assigned.release(), { once: true }),
  });
}
