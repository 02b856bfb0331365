import { brokerErrorOf } from './broker-errors.ts';
import type { Cluster } from './cluster.ts';
import { groupDescribe } from './protocol.ts';

/** None where the group is not there yet. Throws where that cannot be asked: nobody is taken for alone then. */
export async function membersOf(cluster: Cluster, groupId: string) {
  const doing = `asking for the members of ${groupId}`;
  try {
    const { groups } = await cluster.askCoordinator('group', groupId, { doing }, groupDescribe, [groupId], false);
    return groups[0]?.members ?? [];
  } catch (thrown) {
    const reason = brokerErrorOf(thrown);
    if (reason !== 'GROUP_ID_NOT_FOUND') throw thrown;
    return [];
  }
}
