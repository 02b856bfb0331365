/** The living members of a group, as its coordinator knows them. */
import { brokerErrorOf } from './broker-errors.ts';
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

/** Who is a member of the group now: as each names itself, and from where. Throws where Kafka does not answer. */
export async function clientsOf(
  cluster: Cluster,
  groupId: string,
): Promise<readonly { readonly clientId: string; readonly host: string }[]> {
  const doing = `asking for the members of ${groupId}`;
  const { groups } = await cluster
    .askCoordinator('group', groupId, { doing }, groupDescribe, [groupId], false)
    .catch((thrown: unknown) => {
      // Nobody has joined it yet.
      if (brokerErrorOf(thrown) === 'GROUP_ID_NOT_FOUND') return { groups: [] };
      throw thrown;
    });
  const members = groups[0]?.members ?? [];
  return members.map(({ clientId, clientHost }) => ({ clientId, host: clientHost.replace(/^\//, '') }));
}
