/** Bytes of each partition of a topic, on the broker that leads it (the largest replica of those that answer). */
import type { Cluster } from './cluster.ts';
import { describeLogDirs } from './protocol.ts';

export async function logSizes(cluster: Cluster, topic: string): Promise<Map<number, number>> {
  const partitions = (cluster.topic(topic)?.leaders ?? []).map((_, partition) => partition);
  const sizes = new Map<number, number>();
  const answers = await cluster.askEach({ doing: `asking for the size of ${topic}` }, describeLogDirs, [
    { name: topic, partitions },
  ]);
  for (const { results } of answers) {
    for (const { partitionIndex, partitionSize } of results.flatMap(({ topics }) =>
      topics.flatMap((found) => found.partitions),
    )) {
      sizes.set(partitionIndex, Math.max(sizes.get(partitionIndex) ?? 0, Number(partitionSize)));
    }
  }
  return sizes;
}
