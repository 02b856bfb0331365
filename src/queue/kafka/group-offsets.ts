/** Committed positions, as the group's coordinator keeps them. */
import type { TopicPartition } from '../port.ts';
import type { Cluster } from './cluster.ts';
import { offsetFetch } from './protocol.ts';

/** Of no member in particular. */
const ANYBODY = { memberId: null, memberEpoch: -1 };

/** By partition; without those that nothing was committed for. */
export async function committedOffsets(
  cluster: Cluster,
  group: string,
  topic: string,
  partitions: readonly number[],
): Promise<Map<number, number>> {
  const doing = `asking how far group ${group} has come in ${topic}`;
  const { groups } = await cluster.askCoordinator(
    'group',
    group,
    { doing },
    offsetFetch,
    [{ groupId: group, ...ANYBODY, topics: [{ name: topic, partitionIndexes: [...partitions] }] }],
    false,
  );
  const found = groups[0]?.topics[0]?.partitions ?? [];
  return new Map(
    found.flatMap(({ partitionIndex, committedOffset }) =>
      committedOffset < 0n ? [] : [[partitionIndex, Number(committedOffset)] as const],
    ),
  );
}

export async function committedOffset(
  cluster: Cluster,
  group: string,
  { topic, partition }: TopicPartition,
): Promise<number | undefined> {
  return (await committedOffsets(cluster, group, topic, [partition])).get(partition);
}
