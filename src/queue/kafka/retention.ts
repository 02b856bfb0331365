/**
 * Kafka would remove by age or size whatever anybody has yet to read. So its own retention is off for our topics, and
 * Spillway tells it where a partition may begin.
 */
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import { placeOf } from '../place.ts';
import type { TopicPartition } from '../port.ts';
import type { Cluster } from './cluster.ts';
import { committedOffset } from './group-offsets.ts';
import type { LogSizes } from './log-sizes.ts';
import { offsetAt, WHEN } from './offsets.ts';
import { deleteRecords } from './protocol.ts';

export interface RetentionPolicy {
  readonly maxAgeMs?: number;
  /** Of all partitions together. */
  readonly maxBytes?: number;
}

/** How many records were removed. */
export async function removeOld(
  cluster: Cluster,
  topic: string,
  partitions: number,
  policy: RetentionPolicy,
  requiredGroups: readonly string[],
  logSizes: LogSizes,
): Promise<number> {
  const sizes = policy.maxBytes === undefined ? new Map<number, number>() : await logSizes.of(topic);
  let removed = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const at = { topic, partition };
    const [earliest, end] = [await offsetAt(cluster, at, WHEN.earliest), await offsetAt(cluster, at, WHEN.end)];
    if (earliest === end) continue;
    const bytes = { is: sizes.get(partition) ?? 0, most: (policy.maxBytes ?? Number.POSITIVE_INFINITY) / partitions };
    const before = Math.min(
      Math.max(await offsetByAge(cluster, at, policy.maxAgeMs, earliest, end), offsetBySize(bytes, earliest, end)),
      ...(await Promise.all(requiredGroups.map(async (group) => (await committedOffset(cluster, group, at)) ?? 0))),
    );
    if (before <= earliest) continue;
    await removeBefore(cluster, at, before);
    removed += before - earliest;
  }
  return removed;
}

export async function removeBefore(cluster: Cluster, at: TopicPartition, before: number): Promise<void> {
  const doing = `removing what is old from ${placeOf(at)}`;
  const range = { name: at.topic, partitions: [{ partitionIndex: at.partition, offset: BigInt(before) }] };
  await cluster.askLeader(at, { doing }, deleteRecords, [range], KAFKA_LIMITS.acknowledgeMs);
}

async function offsetByAge(
  cluster: Cluster,
  at: TopicPartition,
  maxAgeMs: number | undefined,
  earliest: number,
  end: number,
): Promise<number> {
  if (maxAgeMs === undefined) return earliest;
  const found = await offsetAt(cluster, at, Date.now() - maxAgeMs);
  return found < 0 ? end : found;
}

/** As if all records were of the same size: Kafka does not say where a byte is. */
function offsetBySize({ is, most }: { is: number; most: number }, earliest: number, end: number): number {
  return is <= most ? earliest : earliest + Math.floor(((is - most) / is) * (end - earliest));
}
