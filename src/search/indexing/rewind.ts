/**
 * An index that is gone (its folder was removed, or a disk replaced) is built again from `events`: where offsets are
 * committed and yet the table is empty, the group goes back to the oldest retained record. That is durable before the
 * first insert, so a crash on the way neither leaves a hole nor repeats anything.
 */
import { TOPICS } from '../../event/topics.ts';
import type { Logger } from '../../lib/log.ts';
import type { GroupMember, Queue } from '../../queue/port.ts';
import type { EventsTable } from '../clickhouse/events-table.ts';
import type { StoreJournal } from '../journal.ts';

export interface RewindParts {
  readonly queue: Queue;
  readonly member: GroupMember;
  readonly table: EventsTable;
  readonly journal: StoreJournal;
  readonly log: Logger;
}

/** Call it before an open intent is recovered. True where the group went back. */
export async function rewindLostIndex(parts: RewindParts, partitions: readonly number[]): Promise<boolean> {
  const { queue, member, table, journal, log } = parts;
  const committed = await Promise.all(
    partitions.map((partition) => member.committed({ topic: TOPICS.events, partition })),
  );
  if (committed.every((position) => (position ?? 0) === 0)) return false;
  if ((await table.partitions()).length > 0) return false;
  // Its range will be read again with all the others.
  await journal.end();
  for (const partition of partitions) {
    const at = { topic: TOPICS.events, partition };
    const reader = queue.openReader(at);
    try {
      await member.commit(at, await reader.earliestOffset());
    } finally {
      await reader.close();
    }
  }
  log.warn({ committed }, 'The search index is empty although events were committed to it: it is built again');
  return true;
}
