/**
 * Merges what inserts left where nothing is inserted any more. An insert makes a part of one file (compact), which costs
 * few syncs, but a question that reads one column of it reads the file: fourteen such parts with a quarter of two million
 * events took as long as the rest. While events come the engine merges them by ten; of what came last up to nine stay
 * for an hour. Here a partition becomes one part once it has been quiet for a while.
 *
 * All of it is written again, wide parts too: the engine cannot be asked for some of a partition's parts. So it must be
 * small (STORE_LIMITS.tidyBytes), and what inserts left a good share of it (tidyShare) in several parts (tidyParts): a
 * trickle does not have large parts written again and again. A merge's memory is bounded by the server's limit alone, since it does not
 * count as its statement's.
 */
import { messageOf } from '../../lib/errors.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { SqlBinder } from './binder.ts';
import { number, text } from './rows.ts';
import { EVENTS_TABLE } from './schema.ts';
import { ABORTED, type EngineSession, engineCode } from './sessions.ts';

export type TidyLimits = Readonly<Record<'tidyParts' | 'tidyAfterS' | 'tidyBytes' | 'tidyShare', number>>;

export interface PartitionParts {
  readonly id: string;
  /** That inserts left, and their bytes on the disk. */
  readonly compact: number;
  readonly compactBytes: number;
  /** Of all its parts. */
  readonly bytes: number;
  /** Since the last part was made. */
  readonly quietS: number;
}

export function isUntidy({ compact, compactBytes, bytes, quietS }: PartitionParts, limits: TidyLimits): boolean {
  return (
    compact >= limits.tidyParts &&
    quietS >= limits.tidyAfterS &&
    bytes <= limits.tidyBytes &&
    compactBytes >= bytes * limits.tidyShare
  );
}

export interface PartsTidierOptions {
  /** For this alone: a merge takes seconds, and an insert must not wait for it. */
  readonly session: Pick<EngineSession, 'run'>;
  /** Another one, which stops a merge of the first. */
  readonly admin: Pick<EngineSession, 'run'>;
  readonly log: Pick<Logger, 'warn'>;
  readonly limits?: Partial<TidyLimits>;
}

export class PartsTidier {
  readonly #session: Pick<EngineSession, 'run'>;
  readonly #admin: Pick<EngineSession, 'run'>;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #limits: TidyLimits;
  /** Compact parts of partitions whose merge failed: while there are as many it would fail again. */
  #failed = new Map<string, number>();
  #merging: Promise<boolean> | undefined;
  #isStopped = false;

  constructor({ session, admin, log, limits }: PartsTidierOptions) {
    this.#session = session;
    this.#admin = admin;
    this.#log = log;
    this.#limits = { ...STORE_LIMITS, ...limits };
  }

  /** Partitions that it merged. One whose merge fails is logged, and holds up no other. */
  async tidy(): Promise<number> {
    const partitions = await this.#partitions();
    this.#failed = new Map(
      partitions.filter(({ id, compact }) => this.#failed.get(id) === compact).map(({ id, compact }) => [id, compact]),
    );
    let merged = 0;
    for (const partition of partitions) {
      if (this.#failed.has(partition.id) || !isUntidy(partition, this.#limits)) continue;
      if (this.#isStopped) break;
      this.#merging = this.#merge(partition);
      if (await this.#merging) merged++;
      this.#merging = undefined;
    }
    return merged;
  }

  /** Ends the merge that is under way, within a block of it: what it would have replaced stays as it is. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#merging === undefined) return;
    await this.#switchMerges('STOP');
    await this.#merging;
    // The table may stay open, and the engine's own merges go on.
    await this.#switchMerges('START');
  }

  async #partitions(): Promise<PartitionParts[]> {
    const rows = await this.#session.run(
      `SELECT partition_id, countIf(part_type = 'Compact'), sumIf(bytes_on_disk, part_type = 'Compact'),
         sum(bytes_on_disk), toInt64(now() - max(modification_time))
       FROM system.parts WHERE database = currentDatabase() AND table = '${EVENTS_TABLE}' AND active
       GROUP BY partition_id ORDER BY partition_id`,
    );
    return rows.map(([id, compact, compactBytes, bytes, quietS]) => {
      return {
        id: text(id),
        compact: number(compact),
        compactBytes: number(compactBytes),
        bytes: number(bytes),
        quietS: number(quietS),
      };
    });
  }

  async #merge({ id, compact }: PartitionParts): Promise<boolean> {
    const binder = new SqlBinder();
    try {
      await this.#session.run(`OPTIMIZE TABLE ${EVENTS_TABLE} PARTITION ID ${binder.bind('String', id)}`, binder);
      return true;
    } catch (thrown) {
      // By stop(), or because the partition is being dropped.
      if (engineCode(thrown) === ABORTED) return false;
      this.#failed.set(id, compact);
      const reason = messageOf(thrown);
      this.#log.warn({ partition: id, reason }, 'Small parts could not be merged: questions take longer');
      return false;
    }
  }

  async #switchMerges(to: 'STOP' | 'START'): Promise<void> {
    try {
      await this.#admin.run(`SYSTEM ${to} MERGES ${EVENTS_TABLE}`);
    } catch (thrown) {
      const what = to === 'STOP' ? 'stopped: it ends by itself first' : 'allowed again: restart the store';
      this.#log.warn({ reason: messageOf(thrown) }, `Merges could not be ${what}`);
    }
  }
}
