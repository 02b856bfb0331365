/** What people and monitors are told about topics and groups. */
import { type GroupState, offset, type TopicState } from '../port.ts';
import { groupStates } from '../segment-log/state.ts';
import { brokerErrorOf } from './broker-errors.ts';
import { committedOffsets } from './group-offsets.ts';
import { logSizes } from './log-sizes.ts';
import { groupDescribe } from './protocol.ts';
import type { KafkaQueue } from './queue.ts';

export async function topicStatesOf(queue: KafkaQueue): Promise<TopicState[]> {
  return Promise.all(queue.topicNames.map((topic) => topicState(queue, topic)));
}

async function topicState(queue: KafkaQueue, topic: string): Promise<TopicState> {
  const sizes = await logSizes(queue.cluster, queue.nameOf(topic));
  const numbers = Array.from({ length: queue.partitionCount(topic) }, (_, partition) => partition);
  const partitions = numbers.map(async (partition) => {
    const reader = queue.openReader({ topic, partition });
    try {
      const [earliestOffset, endOffset] = [await reader.earliestOffset(), await reader.endOffset()];
      const first = endOffset > earliestOffset ? await reader.read(earliestOffset, { maxBytes: 1 }) : undefined;
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
  for (const { topic, partition } of positions.flat()) {
    ends.set(`${topic}/${partition}`, await queue.endOffset({ topic, partition }));
  }
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
  const members = await membersOf(queue, groupId);
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

/** Who is a member of the group now: as each names itself, and from where. Throws where Kafka does not answer. */
export async function clientsOf(
  queue: KafkaQueue,
  group: string,
): Promise<readonly { readonly clientId: string; readonly host: string }[]> {
  const groupId = queue.nameOf(group);
  const doing = `asking for the members of ${groupId}`;
  const { groups } = await queue.cluster
    .askCoordinator('group', groupId, { doing }, groupDescribe, [groupId], false)
    .catch((thrown: unknown) => {
      // Nobody has joined it yet.
      if (brokerErrorOf(thrown) === 'GROUP_ID_NOT_FOUND') return { groups: [] };
      throw thrown;
    });
  const members = groups[0]?.members ?? [];
  return members.map(({ clientId, clientHost }) => ({ clientId, host: clientHost.replace(/^\//, '') }));
}

/** None where the group is not there yet. */
async function membersOf({ cluster }: KafkaQueue, groupId: string) {
  const doing = `asking for the members of ${groupId}`;
  try {
    const { groups } = await cluster.askCoordinator('group', groupId, { doing }, groupDescribe, [groupId], false);
    return groups[0]?.members ?? [];
  } catch {
    return [];
  }
}
