/** Retention: whole slices go when everything in them is older than their class keeps it. */
import type { Clock } from '../lib/clock.ts';
import { nowAndFromTimeToTime } from '../lib/from-time-to-time.ts';
import { STORE_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { StoreJournal } from './journal.ts';
import type { SearchWriter } from './port.ts';
import { expiryOf } from './slices.ts';

export interface RetentionParts {
  readonly writer: SearchWriter;
  readonly journal: StoreJournal;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Drops what has expired, once; returns how many went. */
export async function dropExpired({ writer, journal, clock, log }: RetentionParts): Promise<number> {
  let dropped = 0;
  const stored = await writer.slices();
  // A removal may fail when the rows are gone already: then the engine has nothing that would be dropped again.
  journal.catalogue.leftBut(stored.map(({ slice }) => slice));
  for (const { slice, where, rows } of stored) {
    if (expiryOf(slice) > clock.now()) continue;
    await journal.drop(slice, () => writer.dropSlice(slice));
    log.info({ ...slice, where, rows }, 'Retention dropped a slice');
    dropped++;
  }
  return dropped;
}

/** Drops now and from time to time, until the answer is called. */
export function keepRetention(parts: RetentionParts): () => Promise<void> {
  return nowAndFromTimeToTime({
    everyMs: STORE_LIMITS.retentionEveryMs,
    work: () => dropExpired(parts),
    failed: (reason) => parts.log.error({ reason }, 'Retention could not drop old slices'),
  });
}
