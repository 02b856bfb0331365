/**
 * What other stores have made visible, of partitions that this one has not: its answers come from the index of all, so
 * they are complete to where the group has committed.
 */
import { TOPICS } from '../../event/topics.ts';
import { fromTimeToTime } from '../../lib/from-time-to-time.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Completeness } from './completeness.ts';
import type { Membership } from './membership.ts';
import { type VisibleParts, visibleBefore } from './visible-before.ts';

export interface OthersParts extends VisibleParts {
  readonly membership: Membership;
  readonly completeness: Completeness;
  /** Told of what another store has stored: everything before the offset. */
  readonly onCommitted: (partition: number, committed: number) => void;
  readonly log: Logger;
}

/** Looks now and from time to time, until the answer is called. */
export function followOthers(parts: OthersParts): () => Promise<void> {
  const { queue, membership, completeness, onCommitted, log, signal } = parts;
  const known = new Map<number, number>();
  const look = async (): Promise<void> => {
    const own = new Set(membership.held.map(({ partition }) => partition));
    for (let partition = 0; partition < queue.partitionCount(TOPICS.events); partition++) {
      if (own.has(partition) || signal.aborted) continue;
      const committed = (await membership.committed(partition)) ?? 0;
      if (committed === known.get(partition)) continue;
      completeness.set(partition, await visibleBefore(parts, partition, committed));
      onCommitted(partition, committed);
      known.set(partition, committed);
    }
  };
  return fromTimeToTime({
    everyMs: STORE_LIMITS.lookAtOthersMs,
    work: look,
    failed: (reason) => log.warn({ reason }, 'It is not known what other stores have done'),
  });
}
