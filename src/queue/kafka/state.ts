/** What people and monitors are told about topics and groups. */
import { ownerOf } from '../created/owned-names.ts';
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
  const ends = new Map<string, number>();
  const asked = positions.flat().map(async ({ topic, partition }) => {
    ends.set(`${topic}/${partition}`, await queue.endOffset({ topic, partition }));
  });
  await Promise.all(asked);
  return groupStates({
    queue,
    positions: positions.flat(),
    endOffset: ({ topic, partition }) => ends.get(`${topic}/${partition}`),
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
