/**
 * Who gets which partition of a group: a pure function. Each topic's partitions are shared among the members that
 * subscribe to it: every partition has exactly one of them, the shares differ by one at the most, and no assignment of
 * that kind moves fewer partitions. Who has one more than others is who has more already, then who has less of other
 * topics, then who joined first. The same input gives the same answer.
 */
import type { TopicPartition } from '../port.ts';
import { partitionKey } from './names.ts';

export interface Subscriber {
  readonly id: string;
  readonly topics: ReadonlySet<string>;
}

export interface AssignmentQuestion {
  /** In the order in which they joined. */
  readonly members: readonly Subscriber[];
  readonly partitions: readonly TopicPartition[];
  /** Who has a partition now, by its key. */
  readonly holders: ReadonlyMap<string, string>;
}

/** The member that is to have each partition, by its key; without those whose topic nobody subscribes to. */
export function assign({ members, partitions, holders }: AssignmentQuestion): Map<string, string> {
  const assigned = new Map<string, string>();
  const totals = new Map(members.map(({ id }) => [id, 0]));
  const byTopic = Map.groupBy(partitions, ({ topic }) => topic);
  for (const [topic, known] of [...byTopic].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const subscribers = members.filter(({ topics }) => topics.has(topic)).map(({ id }) => id);
    if (subscribers.length === 0) continue;
    const keys = known.toSorted((a, b) => a.partition - b.partition).map(partitionKey);
    for (const [key, member] of shareTopic(keys, subscribers, holders, totals)) {
      assigned.set(key, member);
      totals.set(member, (totals.get(member) ?? 0) + 1);
    }
  }
  return assigned;
}

function shareTopic(
  keys: readonly string[],
  members: readonly string[],
  holders: ReadonlyMap<string, string>,
  totals: ReadonlyMap<string, number>,
): [key: string, member: string][] {
  const kept = new Map<string, string[]>(members.map((id) => [id, []]));
  const free: string[] = [];
  for (const key of keys) (kept.get(holders.get(key) ?? '') ?? free).push(key);
  const quotas = quotasOf(keys.length, members, kept, totals);
  const shares: [string, string][] = [];
  for (const [member, held] of kept) {
    const quota = quotas.get(member) ?? 0;
    for (const key of held.slice(0, quota)) shares.push([key, member]);
    free.push(...held.slice(quota));
  }
  for (const member of members) {
    const room = (quotas.get(member) ?? 0) - (kept.get(member)?.length ?? 0);
    for (const key of free.splice(0, Math.max(0, room))) shares.push([key, member]);
  }
  return shares;
}

/** The larger shares go where they save moves. */
function quotasOf(
  count: number,
  members: readonly string[],
  kept: ReadonlyMap<string, readonly string[]>,
  totals: ReadonlyMap<string, number>,
): Map<string, number> {
  const least = Math.floor(count / members.length);
  const larger = members.toSorted((a, b) => {
    const more = (kept.get(b)?.length ?? 0) - (kept.get(a)?.length ?? 0);
    return more !== 0 ? more : (totals.get(a) ?? 0) - (totals.get(b) ?? 0);
  });
  const withOneMore = new Set(larger.slice(0, count % members.length));
  return new Map(members.map((id) => [id, least + (withOneMore.has(id) ? 1 : 0)]));
}
