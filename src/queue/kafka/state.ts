/** What people and monitors are told about topics and groups. */
import { SpillwayError } from '../../lib/errors.ts';
import { ownerOf } from '../created/owned-names.ts';
import { placeOf } from '../place.ts';
import { type GroupState, offset, type TopicState } from '../port.ts';
import { groupStates } from '../segment-log/state.ts';
import { membersOf } from './group-members.ts';
import { committedOffsets } from './group-offsets.ts';
import type { KafkaQueue } from './queue.ts';

export async function topicStatesOf(queue: KafkaQueue, only?: string): Promise<TopicState[]> {
  const all = [...queue.topicNames, ...queue.created.living];
  const topics = only === undefined ? all : all.filter((topic) => topic === only);
  return Promise.all(topics.map((topic) => topicState(queue, topic)));
}

async function topicState(queue: KafkaQueue, topic: string): Promise<TopicState> {
  const sizes = await queue.sizes.of(queue.nameOf(topic));
  const numbers = Array.from({ length: queue.partitionCount(topic) }, (_, partition) => partition);
  const partitions = numbers.map(async (partition) => {
    const reader = queue.openReader({ topic, partition });
    try {
      const [earliestOffset, endOffset] = [await reader.earliestOffset(), await reader.endOffset()];
      // There may be many topics of users, and a read needs a connection each.
      const isRead = endOffset > earliestOffset && ownerOf(topic) === undefined;
      const first = isRead ? await reader.read(earliestOffset, { maxBytes: 1 }) : undefined;
      const oldestMs = first?.batches[0]?.maxTimestampMs;
      const bytes = sizes.get(partition) ?? 0;
      // Kafka does not say how many files a partition has.
      return {
        partition,
        earliestOffset,
        endOffset,
        bytes,
        segments: 0,
        ...(oldestMs === undefined ? {} : { oldestMs }),
      };
    } finally {
      await reader.close();
    }
  });
  return { topic, partitions: await Promise.all(partitions) };
}

/** `groups`: the topics that each reads. */
export async function groupStatesOf(
  queue: KafkaQueue,
  groups: Readonly<Record<string, readonly string[]>>,
): Promise<GroupState[]> {
  const positions = await Promise.all(
    Object.entries(groups).flatMap(([group, topics]) => topics.map((topic) => positionsOf(queue, group, topic))),
  );
  const places = positions.flat();
  const found = await queue.endOffsets(places);
  const unknown = places.find((_, i) => found[i] === undefined);
  // A lag of 0 would say that all is read.
  if (unknown !== undefined) {
    throw new SpillwayError('QUEUE_UNREACHABLE', `Kafka does not say where ${placeOf(unknown)} ends.`);
  }
  const ends = new Map(places.map((at, i) => [placeOf(at), found[i]]));
  return groupStates({
    queue,
    positions: places,
    endOffset: (at) => ends.get(placeOf(at)),
    nowMs: Date.now(),
  });
}

async function positionsOf(queue: KafkaQueue, group: string, topic: string) {
  const [groupId, name] = [queue.nameOf(group), queue.nameOf(topic)];
  const numbers = Array.from({ length: queue.partitionCount(topic) }, (_, partition) => partition);
  const committed = await committedOffsets(queue.cluster, groupId, name, numbers);
  const members = await membersOf(queue.cluster, groupId);
  return numbers.map((partition) => {
    const holder = members.find(({ assignment }) =>
      assignment.topicPartitions.some((at) => at.topicName === name && at.partitions.includes(partition)),
    );
    return {
      group,
      topic,
      partition,
      members: members.length,
      generation: holder?.memberEpoch ?? 0,
      member: holder?.memberId,
      offset: offset(committed.get(partition) ?? 0),
    };
  });
}
