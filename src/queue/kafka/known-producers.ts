import type { TopicPartition } from '../port.ts';
import type { Cluster } from './cluster.ts';
import { describeProducers } from './protocol.ts';

/** By whom a partition was written, as its leader knows: for a day after the last append of each (`producer.id.expiration.ms`). */
export async function knownProducers(cluster: Cluster, at: TopicPartition, doing: string) {
  const { topics } = await cluster.askLeader(at, { doing }, describeProducers, [
    { name: at.topic, partitionIndexes: [at.partition] },
  ]);
  return topics[0]?.partitions[0]?.activeProducers ?? [];
}
