/** How actors join a consumer group: the one place that knows the port's way of doing so. */
import type { GroupMember } from '../../src/queue/port.ts';
import type { Process } from './process.ts';

export function join(process: Process, group: string): Promise<GroupMember> {
  return process.queue.joinGroup(group);
}
