/** Which partitions of a topic a group may have: those of additions wait for their barrier (see `Queue.registerBarrier`). */
import type { TopicRecord } from '../segment-log/coordinator-state.ts';
import { countAssignable as countOf } from '../segment-log/topic-partitions.ts';
import type { Cluster } from './cluster.ts';
import { committedOffsets } from './group-offsets.ts';

/** How many, from the first on. */
export async function countAssignable(
  cluster: Cluster,
  groupId: string,
  topicName: string,
  record: TopicRecord,
): Promise<number> {
  const all = Array.from({ length: record.partitions }, (_, partition) => partition);
  const committed = await committedOffsets(cluster, groupId, topicName, all);
  // Whoever has committed a partition was assigned it once.
  const partitions = Object.fromEntries(
    [...committed].map(([partition, position]) => [`${TOPIC}/${partition}`, { generation: 1, committed: position }]),
  );
  return countOf(TOPIC, record, { members: 0, partitions });
}

const TOPIC = 'topic';
