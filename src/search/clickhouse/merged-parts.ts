/**
 * Makes what merges make durable. The engine syncs a merged part but not the files of its text index; a power cut within
 * the half minute that the kernel keeps them in memory left them empty, the part was put aside as broken, and what it had
 * been made of was gone: rows whose offsets were committed were lost (test/faults/power-cut.test.ts found it). So the
 * parts that a merge used are kept for a while (`old_parts_lifetime`): the engine goes back to them where the merged one
 * is broken. Well within that time everything of the merged part is synced here.
 */
import { nowAndFromTimeToTime } from '../../lib/from-time-to-time.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { EventsTable } from './events-table.ts';

export interface MergedPartsOptions {
  readonly table: Pick<EventsTable, 'syncMerged'>;
  readonly log: Logger;
}

/** Syncs now and from time to time, until the answer is called. */
export function keepMergedPartsDurable({ table, log }: MergedPartsOptions): () => Promise<void> {
  return nowAndFromTimeToTime({
    everyMs: STORE_LIMITS.syncMergedEveryMs,
    work: () => table.syncMerged(),
    failed: (reason) => log.error({ reason }, 'Merged parts could not be synced: check the disk'),
  });
}
