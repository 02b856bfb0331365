import type { Cluster } from './cluster.ts';
import { groupDescribe } from './protocol.ts';

/** None where the group is not there yet. */
export async function membersOf(cluster: Cluster, groupId: string) {
  const doing = `asking for the members of ${groupId}`;
  try {
    const { groups } = await cluster.askCoordinator('group', groupId, { doing }, groupDescribe, [groupId], false);
    return groups[0]?.members ?? [];
  } catch {
    return [];
  }
}
