/** The end of a store's start, which may be held up for longer than a role may take to be ready. */
import { setTimeout as delay } from 'node:timers/promises';
import { STORE_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { RunningIndexer } from '../search/indexer.ts';
import type { RoleContext } from './role-context.ts';

export interface StoreStart extends Pick<RoleContext, 'endOnFailure'> {
  readonly indexer: Pick<RunningIndexer, 'started' | 'done'>;
  /** Throws CONFIG_INVALID where another store of the group writes to something else. */
  readonly claimIndex: () => Promise<void>;
  readonly log: Pick<Logger, 'warn'>;
  readonly graceMs?: number;
}

/**
 * Where what the last process began cannot be finished yet, as with a slice that is not available, what is stored can be
 * asked for all the same. What fails later ends this process.
 */
export async function startedSoon({ indexer, claimIndex, endOnFailure, log, graceMs }: StoreStart): Promise<void> {
  // Not before it has joined the group: another store may have begun at the same time.
  const started = indexer.started.then(claimIndex);
  const waiting = new AbortController();
  const late = delay(graceMs ?? STORE_LIMITS.startGraceMs, 'late', { signal: waiting.signal });
  late.catch(() => {});
  try {
    if ((await Promise.race([started, late])) === 'late')
      log.warn('What the last process began to insert cannot be finished yet: questions are answered, and events wait');
  } finally {
    waiting.abort();
  }
  endOnFailure(Promise.all([started, indexer.done]).then(() => {}));
}
