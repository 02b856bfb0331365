/**
 * Merges give way. They are work that can wait, and they take a whole processor for as long as they last: on two
 * processors a merge of some million rows held up all inserts and questions for seconds. The engine has a setting for it
 * (`os_threads_nice_value_merge_mutate`), which does nothing without CAP_SYS_NICE, since it takes the niceness back
 * after each merge. To become nicer once needs no right.
 *
 * Merges that we ask for (tidy-parts.ts) run in the thread that asks, which is as important as any other: few, and small.
 */
import { readdir, readFile } from 'node:fs/promises';
import { constants, getPriority, setPriority } from 'node:os';
import { messageOf } from '../../lib/errors.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';

const THREADS = '/proc/self/task';
/** Of the engine's pool for merges and mutations (its ThreadName.h); it has its threads from the beginning. */
const MERGE_THREAD = 'MergeMutate';

/** Of Linux: a thread has a priority of its own there. Elsewhere merges are as important as everything else. */
export async function lowerMergePriority(log: Logger): Promise<void> {
  if (process.platform !== 'linux') return;
  try {
    const niceness = Math.min(getPriority() + STORE_LIMITS.mergeNiceness, constants.priority.PRIORITY_LOW);
    for (const thread of await readdir(THREADS)) {
      // A thread may end meanwhile.
      const name = await readFile(`${THREADS}/${thread}/comm`, 'utf8').catch(() => '');
      if (name.trim() === MERGE_THREAD) setPriority(Number(thread), niceness);
    }
  } catch (thrown) {
    log.warn({ reason: messageOf(thrown) }, 'Merges could not be given a lower priority: questions may wait for them');
  }
}
