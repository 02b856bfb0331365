/**
 * The partitions of a topic, as the coordinator keeps them: their number never shrinks, and each addition remembers
 * where the sources that it moved had come to in the partitions of before (its barrier).
 */
import { SpillwayError } from '../../lib/errors.ts';
import { GROUP_LIMITS, QUEUE_LIMITS } from '../../lib/limits.ts';
import type { TopicLayout } from '../port.ts';
import type { CoordinatorState, GroupRecord, TopicRecord } from './coordinator-state.ts';
import { isTopicName, partitionKey } from './names.ts';

export function layoutOf({ partitions, additions }: TopicRecord): TopicLayout {
  return {
    partitions,
    firstPartitions: additions[0]?.first ?? partitions,
    unbarred: additions.filter(({ barrier }) => barrier === null).map(({ first }) => first),
  };
}

/** Throws where the topic cannot have so many. */
export function assertMayRaise(state: CoordinatorState, topic: string, partitions: number): void {
  if (!isTopicName(topic)) throw new SpillwayError('NOT_FOUND', `'${topic}' cannot be a topic.`);
  const most = QUEUE_LIMITS.partitionsPerTopic;
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > most) {
    throw new SpillwayError('BAD_REQUEST', `A topic has 1 to ${most} partitions, not ${partitions}.`, {
      details: { partitions, limit: most },
    });
  }
  const known = state.topics[topic];
  if (known === undefined || known.partitions >= partitions || known.additions.length < GROUP_LIMITS.additions) return;
  throw new SpillwayError(
    'BAD_REQUEST',
    `Partitions were added to '${topic}' ${GROUP_LIMITS.additions} times already, and each time is remembered.`,
    { details: { limit: GROUP_LIMITS.additions } },
  );
}

/** At least so many from now on; whether that changed anything. */
export function raisePartitions(state: CoordinatorState, topic: string, partitions: number): boolean {
  const known = state.topics[topic];
  if (known === undefined) {
    state.topics[topic] = { partitions, additions: [] };
    return true;
  }
  if (known.partitions >= partitions) return false;
  known.additions.push({ first: known.partitions, barrier: null });
  known.partitions = partitions;
  return true;
}

/** Gives the barrier to the additions among the first `ends.length` partitions that have none; whether there was one. */
export function setBarrier(state: CoordinatorState, topic: string, ends: readonly number[]): boolean {
  let changed = false;
  for (const addition of state.topics[topic]?.additions ?? []) {
    if (addition.barrier !== null || addition.first >= ends.length) continue;
    addition.barrier = ends.slice(0, addition.first);
    changed = true;
  }
  return changed;
}

/**
 * How many partitions of the topic the group may be assigned, from the first on. A partition that it was assigned once
 * stays: its barrier had been passed then, and a group that goes back does so of its own will.
 */
export function countAssignable(
  topic: string,
  { partitions, additions }: TopicRecord,
  group: GroupRecord | undefined,
): number {
  const known = (partition: number) => group?.partitions[partitionKey({ topic, partition })];
  for (const { first, barrier } of additions) {
    if ((known(first)?.generation ?? 0) > 0) continue;
    if (barrier === null) return first;
    if (barrier.some((end, partition) => (known(partition)?.committed ?? 0) < end)) return first;
  }
  return partitions;
}
