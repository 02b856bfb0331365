/**
 * Makes what merges make durable. The engine syncs a merged part but not the files of its text index; a power cut within
 * the half minute that the kernel keeps them in memory left them empty, the part was put aside as broken, and what it had
 * been made of was gone: rows whose offsets were committed were lost (test/faults/power-cut.test.ts found it). So the
 * parts that a merge used are kept for a while (`old_parts_lifetime`): the engine goes back to them where the merged one
 * is broken. Well within that time everything of the merged part is synced here.
 */
import { messageOf } from '../../lib/errors.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { EventsTable } from './events-table.ts';

export interface MergedPartsOptions {
  readonly table: Pick<EventsTable, 'syncMerged'>;
  readonly log: Logger;
}

/** Syncs now and from time to time, until the answer is called. */
export function keepMergedPartsDurable({ table, log }: MergedPartsOptions): () => Promise<void> {
  return fromTimeToTime(
    () => table.syncMerged(),
    (reason) => log.error({ reason }, 'Merged parts could not be synced: check the disk'),
  );
}

/** Works now and every STORE_LIMITS.syncMergedEveryMs, once at a time, until the answer is called. */
export function fromTimeToTime(work: () => Promise<unknown>, failed: (reason: string) => void): () => Promise<void> {
  let running: Promise<void> | undefined;
  const tick = () => {
    running ??= work()
      .then(
        () => {},
        (thrown: unknown) => failed(messageOf(thrown)),
      )
      .finally(() => {
        running = undefined;
      });
  };
  tick();
  const timer = setInterval(tick, STORE_LIMITS.syncMergedEveryMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}
