/** Where a partition begins and ends, and where a time is in it, as its leader says. */
import type { TopicPartition } from '../port.ts';
import { placeOf } from './broker-errors.ts';
import type { Cluster } from './cluster.ts';
import { listOffsets } from './protocol.ts';

/** Kafka's words for them, in place of a time. */
export const WHEN = { earliest: -2, end: -1 } as const;
const CONSUMER = -1;

/** The offset of the first record at or after the time (epoch ms); -1 where there is none. */
export async function offsetAt(cluster: Cluster, at: TopicPartition, when: number): Promise<number> {
  const partition = { partitionIndex: at.partition, currentLeaderEpoch: -1, timestamp: BigInt(when) };
  const doing = `asking where ${placeOf(at)} ${when === WHEN.earliest ? 'begins' : 'ends'}`;
  const { topics } = await cluster.askLeader(at, { doing }, listOffsets, CONSUMER, 0, [
    { name: at.topic, partitions: [partition] },
  ]);
  return Number(topics[0]?.partitions[0]?.offset ?? -1);
}
