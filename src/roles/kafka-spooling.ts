/** The queue on Kafka as a collector has it: what it accepts while Kafka is away is kept on its own disk. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import type { Config } from '../config/schema.ts';
import { GROUPS } from '../event/topics.ts';
import { KAFKA_LIMITS, LATE_LIMITS, MOVE_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { makeFolder } from '../lib/make-folder.ts';
import type { KafkaQueue } from '../queue/kafka/queue.ts';
import type { Arrival } from '../queue/late/arrival.ts';
import { KnownLayouts } from '../queue/late/known-layouts.ts';
import { LateQueue } from '../queue/late/late-queue.ts';
import { LateTopics } from '../queue/late/late-topics.ts';
import type { GroupMember } from '../queue/port.ts';
import { SpoolingQueue } from '../queue/spool/spooling-queue.ts';
import { answersOf } from './kafka-answers.ts';
import type { RoleQueue } from './role-queue.ts';
import { SPOOLED_TOPICS, spoolFolder } from './spooled.ts';

interface SpoolingParts {
  readonly config: Config;
  readonly log: Logger;
  readonly registry: Registry;
}

export async function spoolingQueue(
  queue: KafkaQueue,
  arrival: Arrival,
  { config, log, registry }: SpoolingParts,
  presence: () => GroupMember | undefined,
): Promise<RoleQueue> {
  let told: Parameters<NonNullable<RoleQueue['onDrained']>>[0] = () => {};
  const isLate = !arrival.isThere;
  // The collector watches how full the disk below is.
  const directory = spoolFolder(config);
  makeFolder(directory);
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

export const layoutsFile = (config: Config): string => join(config.data, 'queue', 'kafka-layouts.json');
