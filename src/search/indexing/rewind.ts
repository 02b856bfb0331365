/**
 * An index that is gone (its folder was removed, or a disk replaced) is built again from `events`: where offsets are
 * committed and yet the store is empty, the group goes back to the oldest retained record. That is durable before the
 * first insert, so a crash on the way neither leaves a hole nor repeats anything. Where several stores share an index, each
 * asks that of the partitions that it gets.
 */
import { TOPICS } from '../../event/topics.ts';
import { POLICY_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { type AssignedPartition, offset, type Queue } from '../../queue/port.ts';
import type { StoreJournal } from '../journal.ts';
import type { SearchWriter } from '../port.ts';
import { DAY_MS, HOUR_MS, type RetentionPolicy } from '../slices.ts';
import type { Membership } from './membership.ts';

export interface RewindParts {
  readonly queue: Queue;
  readonly membership: Membership;
  readonly writer: SearchWriter;
  readonly journal: StoreJournal;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Call it before an open intent is recovered. True where the group went back. */
export async function rewindLostIndex(parts: RewindParts): Promise<boolean> {
  const { queue, membership, writer, journal, log, signal } = parts;
  if (writer.shared !== undefined) return false;
  const partitions = Array.from({ length: queue.partitionCount(TOPICS.events) }, (_, partition) => partition);
  const committed = await Promise.all(partitions.map((partition) => membership.committed(partition)));
  if (committed.every((position) => (position ?? 0) === 0)) return false;
  if ((await writer.slices()).length > 0) return false;
  // Its range will be read again with all the others.
  await journal.end();
  const begun = partitions.filter((_, i) => (committed[i] ?? 0) > 0);
  await membership.until(begun, signal);
  for (const partition of begun) {
    const reader = queue.openReader({ topic: TOPICS.events, partition });
    try {
      await membership.commit(partition, await reader.earliestOffset());
    } finally {
      await reader.close();
    }
  }
  log.warn({ committed }, 'The search index is empty although events were committed to it: it is built again');
  return true;
}

export interface SharedRewindParts {
  readonly queue: Queue;
  readonly writer: SearchWriter;
  readonly retention: RetentionPolicy;
  readonly nowMs: number;
  readonly log: Logger;
}

/** For a partition of an index that several stores share; where to go on. Call it before anything of it is inserted. */
export async function rewindLostPartition(
  { queue, writer, retention, nowMs, log }: SharedRewindParts,
  assigned: AssignedPartition,
  committed: number,
): Promise<number> {
  if (writer.shared === undefined || committed === 0) return committed;
  const { partition } = assigned;
  if (await writer.shared.hasRows(partition)) return committed;
  const reader = queue.openReader({ topic: TOPICS.events, partition });
  try {
    const earliest = await reader.earliestOffset();
    if (earliest >= committed) return committed;
    // Retention may have taken all of it.
    const { batches } = await reader.read(offset(Math.max(earliest, committed - 1)), { maxBytes: 1 });
    const days = Math.max(retention.days, ...Object.values(retention.tenants ?? {}));
    if ((batches[0]?.maxTimestampMs ?? 0) + POLICY_LIMITS.sliceHours * HOUR_MS + days * DAY_MS <= nowMs)
      return committed;
    await assigned.commit(earliest);
    log.warn(
      { partition, committed },
      'Nothing of a partition is in the index although it was committed: it is read again',
    );
    return earliest;
  } finally {
    await reader.close();
  }
}
