/**
 * Merges what inserts left where nothing is inserted any more. An insert makes a part of one file (compact), which costs
 * few syncs, but a question that reads one column of it reads the file: fourteen such parts with a quarter of two million
 * events took as long as the rest. While events come the engine merges them by ten; of what came last up to nine stay
 * for an hour. Here those of a partition are merged once it has been quiet for a while. Fewer than STORE_LIMITS.tidyParts
 * are left alone, so that a trickle is not written again and again.
 */
import { STORE_LIMITS } from '../../lib/limits.ts';
import { SqlBinder } from './binder.ts';
import { number, text } from './rows.ts';
import { EVENTS_TABLE } from './schema.ts';
import type { EngineSession } from './sessions.ts';

/** Partitions that are to be merged, by the parts that inserts left and the seconds since the last one was made. */
export function untidy(
  partitions: readonly { readonly id: string; readonly parts: number; readonly quietS: number }[],
  afterS: number = STORE_LIMITS.tidyAfterS,
): readonly string[] {
  return partitions
    .filter(({ parts, quietS }) => parts >= STORE_LIMITS.tidyParts && quietS >= afterS)
    .map(({ id }) => id);
}

/** `session` is for this alone: a merge takes seconds, and an insert must not wait for it. How many merges were made. */
export async function tidyParts(session: Pick<EngineSession, 'run'>, afterS?: number): Promise<number> {
  const rows = await session.run(
    `SELECT partition_id, countIf(part_type = 'Compact'), toInt64(now() - max(modification_time)) FROM system.parts
     WHERE database = currentDatabase() AND table = '${EVENTS_TABLE}' AND active GROUP BY partition_id`,
  );
  const partitions = rows.map(([id, parts, quietS]) => {
    return { id: text(id), parts: number(parts), quietS: number(quietS) };
  });
  const found = untidy(partitions, afterS);
  for (const id of found) {
    const binder = new SqlBinder();
    // Not FINAL: the engine takes the small ones alone, which have the least to write for each part that goes.
    await session.run(`OPTIMIZE TABLE ${EVENTS_TABLE} PARTITION ID ${binder.bind('String', id)}`, binder, {
      settings: { max_memory_usage: STORE_LIMITS.tidyMemoryBytes },
    });
  }
  return found.length;
}
