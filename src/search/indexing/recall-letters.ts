/** Which letters of a partition of `events` others have written: they are read back from the end, as far as is needed. */
import { DEAD_LETTER_KEY, type DeadLetterReason, decodeDeadLetterReason } from '../../event/dead-letter.ts';
import { RecordCursor } from '../../event/record-batch.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import { offset, type PartitionReader } from '../../queue/port.ts';

export interface RecalledLetters {
  /** The record's offset, by origin. */
  readonly written: Map<string, number>;
  /** Letters that are there of records from here on are not among them. */
  readonly until: number;
}

const NO_REASON: Partial<DeadLetterReason> = {};

/**
 * The letters of `letterSpan` records from `from` on. Letters stand in the order of the ranges that they were written for,
 * but for those that say that they are late, and a range spans so many offsets at the most: it is over where one lies further
 * before `from`.
 */
export async function recallLetters(reader: PartitionReader, end: number, from: number): Promise<RecalledLetters> {
  const written = new Map<string, number>();
  const limit = from + STORE_LIMITS.letterSpan;
  let until = Number.POSITIVE_INFINITY;
  const earliest = await reader.earliestOffset();
  for (let next = end; next > earliest; ) {
    await reader.waitFor(offset(next - 1), new AbortController().signal);
    const { batches, corrupt } = await reader.read(offset(next - 1), { maxBytes: 1 });
    const last = batches.at(-1);
    const reasons = last === undefined || last.baseOffset >= next ? [] : reasonsOf(last.bytes);
    for (const { origin = '', record = 0 } of reasons) {
      if (record >= limit) until = limit;
      else if (record >= from) written.set(origin, record);
    }
    if (reasons.some(({ record = 0, late }) => late !== true && record <= from - STORE_LIMITS.insertSpan)) break;
    next = Math.min(last?.baseOffset ?? next - 1, corrupt?.[0]?.fromOffset ?? next - 1, next - 1);
  }
  return { written, until };
}

export function reasonsOf(batch: Buffer): Partial<DeadLetterReason>[] {
  const reasons: Partial<DeadLetterReason>[] = [];
  const cursor = new RecordCursor(batch);
  while (cursor.next()) {
    const reason = cursor.headerValue(DEAD_LETTER_KEY);
    reasons.push(reason === undefined ? NO_REASON : decodeDeadLetterReason(reason));
  }
  return reasons;
}
