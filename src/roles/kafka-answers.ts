/** The queue on Kafka as a role has it that only reads, and what it answers to any role. */
import { GROUPS, TOPICS } from '../event/topics.ts';
import { systemClock } from '../lib/clock.ts';
import { KAFKA_LIMITS, SUPERVISOR_LIMITS } from '../lib/limits.ts';
import { BrokerWatch } from '../queue/kafka/broker-watch.ts';
import type { KafkaQueue } from '../queue/kafka/queue.ts';
import { CONTROL_TOPIC } from '../queue/kafka/queue-options.ts';
import type { RoleName } from './messages.ts';
import type { RawEnd, RoleQueue } from './role-queue.ts';

/** What Kafka answers, whichever way records go there. */
export function answersOf(
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

export function readingQueue(queue: KafkaQueue, role: RoleName): RoleQueue {
  const watch = new BrokerWatch({ cluster: queue.cluster, clock: systemClock, trouble: queue.trouble });
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
    troubles: () => watch.troubles(),
    close: async () => {
      watch.close();
      clearInterval(timer);
      await queue.close();
    },
  };
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
