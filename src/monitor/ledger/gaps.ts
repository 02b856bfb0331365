/** Counts from the log itself what nobody has reported: what a process had counted when it was killed, and dead letters. */
import { randomInt } from 'node:crypto';
import { LEDGER_LIMITS } from '../../lib/limits.ts';
import { type Offset, offset, type PartitionReader, type StoredBatch } from '../../queue/port.ts';
import { retainedFrom } from '../../queue/retained-from.ts';
import { type CountedLog, countingOf, nameOfCounted } from './counted-logs.ts';
import type { ReportOutbox } from './outbox.ts';
import type { Range } from './ranges.ts';

/** What of the gaps is counted at a time. Of a large one any part, so that several trees share it. */
export function chooseGaps(gaps: readonly Range[]): readonly Range[] {
  const { gapOffsets, gapParts } = LEDGER_LIMITS;
  const [first] = gaps;
  if (first === undefined) return [];
  const [from, to] = first;
  if (to - from > gapOffsets) {
    const parts = Math.min(gapParts, Math.ceil((to - from) / gapOffsets));
    const begin = from + randomInt(parts) * gapOffsets;
    return [[begin, Math.min(to, begin + gapOffsets)]];
  }
  const chosen: Range[] = [];
  let left = gapOffsets;
  for (const gap of gaps) {
    left -= gap[1] - gap[0];
    if (left < 0) break;
    chosen.push(gap);
  }
  return chosen;
}

/** Puts what the chosen ones of the gaps count into the outbox, or which of all gaps are gone. */
export async function countGaps(
  log: CountedLog,
  { gaps, chosen }: { readonly gaps: readonly Range[]; readonly chosen: readonly Range[] },
  reader: PartitionReader,
  outbox: ReportOutbox,
  nowMs: number,
): Promise<void> {
  // Asked first: a read of what is gone would be counted as records that whoever read too late has missed.
  const earliest = await reader.earliestOffset();
  // At once, since it costs nothing: of a queue that was in use before, far more may be gone than is retained.
  if (gaps.some(([from]) => from < earliest)) return sayWhatIsGone(log, { gaps, earliest }, reader, outbox, nowMs);
  try {
    await countAll(log, chosen, reader, outbox);
  } catch (thrown) {
    // Just now.
    await sayWhatIsGone(log, { gaps, earliest: retainedFrom(thrown, earliest) }, reader, outbox, nowMs);
  }
}

async function countAll(
  log: CountedLog,
  gaps: readonly Range[],
  reader: PartitionReader,
  outbox: ReportOutbox,
): Promise<void> {
  const name = nameOfCounted(log);
  const { count } = countingOf(log.kind);
  let read: { readonly from: number; readonly to: number; readonly batches: readonly StoredBatch[] } | undefined;
  for (const [from, to] of gaps) {
    for (let position = from; position < to; ) {
      if (read === undefined || position < read.from || position >= read.to) {
        const { batches, nextOffset } = await reader.read(offset(position));
        // It is not there yet, as far as this reader knows.
        if (nextOffset <= position) return;
        read = { from: position, to: nextOffset, batches };
      }
      const end = Math.min(to, read.to);
      const within = [position, end] as const;
      const rows = read.batches
        .filter(({ baseOffset, nextOffset }) => nextOffset > position && baseOffset < end)
        .flatMap(({ bytes }) => count(bytes, log.partition, within));
      outbox.add(name, position, end, rows);
      position = end;
    }
  }
}

/** The rest is counted the next time. */
async function sayWhatIsGone(
  log: CountedLog,
  { gaps, earliest }: { readonly gaps: readonly Range[]; readonly earliest: Offset },
  reader: PartitionReader,
  outbox: ReportOutbox,
  nowMs: number,
): Promise<void> {
  const { batches } = await reader.read(earliest, { maxBytes: 1 });
  const beforeMs = batches[0]?.maxTimestampMs ?? nowMs;
  for (const [from, to] of gaps) {
    if (from < earliest) outbox.addGone(nameOfCounted(log), from, Math.min(to, earliest), beforeMs);
  }
}
