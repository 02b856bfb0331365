/** How a batch of each log counts in the ledger, and how what was not counted before a crash is counted again. */
import { DEAD_LETTER_KEY, decodeDeadLetterReason } from '../../event/dead-letter.ts';
import { parseOrigin } from '../../event/origin.ts';
import { decodeProgress, isProgress, type LedgerEntry } from '../../event/progress.ts';
import { decodeRawMeta, RAW_META_KEY } from '../../event/raw-meta.ts';
import { RecordCursor } from '../../event/record-batch.ts';
import { LEDGER_LIMITS } from '../../lib/limits.ts';
import { type Offset, offset, type PartitionReader } from '../../queue/port.ts';
import type { LedgerBook } from './book.ts';
import { type LedgerRow, minuteOf } from './ledger.ts';

/** Partition under which the collector's own dead letters stand: they never had one of `raw`. */
export const NO_PARTITION = -1;

/** Offsets [from, to) of the batch that count; all where it is left out. */
export type Within = readonly [from: number, to: number];

const ALL: Within = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

export type BatchCounter = (batch: Buffer, partition: number, within?: Within) => readonly LedgerRow[];

/** Records of `raw`: accepted. */
export const countAccepted: BatchCounter = (batch, partition, [from, to] = ALL) => {
  const rows: LedgerRow[] = [];
  const records = new RecordCursor(batch);
  let header: Buffer | undefined;
  let tenant = '';
  while (records.next()) {
    if (records.offset < from || records.offset >= to) continue;
    const headers = records.bytes.subarray(records.headersStart, records.headersEnd);
    if (header === undefined || !header.equals(headers)) {
      const meta = records.headerValue(RAW_META_KEY);
      tenant = meta === undefined ? '' : decodeRawMeta(meta).tenant;
      header = headers;
    }
    const minute = minuteOf(records.timestampMs);
    const last = rows.at(-1);
    if (last !== undefined && last.tenant === tenant && last.minute === minute)
      rows[rows.length - 1] = { ...last, count: last.count + 1 };
    else rows.push({ partition, tenant, minute, column: 'accepted', count: 1 });
  }
  return rows;
};

/** The collector's dead letters: accepted, and dead-lettered at once. */
export const countRefused: BatchCounter = (batch, _partition, within) =>
  deadLettersOf(batch, within).flatMap(({ tenant, minute }) => [
    { partition: NO_PARTITION, tenant, minute, column: 'accepted', count: 1 },
    { partition: NO_PARTITION, tenant, minute, column: 'deadLettered', count: 1 },
  ]);

/** The store's dead letters: events that the progress marker promised and the engine refused. */
export const countUnwritten: BatchCounter = (batch, _partition, within) =>
  deadLettersOf(batch, within).flatMap(({ tenant, minute, partition }) => [
    { partition, tenant, minute, column: 'written', count: -1 },
    { partition, tenant, minute, column: 'deadLettered', count: 1 },
  ]);

/** What the processor took away, from the progress marker of a batch of `events`. */
export const countProcessed: BatchCounter = (batch, partition, within) =>
  processedRows(entriesOf(batch, within), partition);

/** What the store wrote, from the same marker. */
export const countWritten: BatchCounter = (batch, partition, within) =>
  writtenRows(entriesOf(batch, within), partition);

export function processedRows(entries: readonly LedgerEntry[], partition: number): readonly LedgerRow[] {
  return entries.flatMap(({ tenant, minute, dropped, deadLettered }) => [
    { partition, tenant, minute, column: 'dropped', count: Object.values(dropped).reduce((sum, n) => sum + n, 0) },
    { partition, tenant, minute, column: 'deadLettered', count: deadLettered },
  ]);
}

export function writtenRows(entries: readonly LedgerEntry[], partition: number): readonly LedgerRow[] {
  return entries.map(({ tenant, minute, out }) => ({
    partition,
    tenant,
    minute,
    column: 'written',
    count: out,
  }));
}

/**
 * Counts the log from where the book stands (or the log begins) to `end`. False where the log ends before what was
 * counted: then book and log are not of one life, and the caller clears the book and counts everything.
 */
export async function countMissing(
  book: LedgerBook,
  reader: PartitionReader,
  end: Offset,
  count: BatchCounter,
): Promise<boolean> {
  const log = logName(reader);
  let position = offset(Math.max(book.position(log) ?? 0, await reader.earliestOffset()));
  if (position > end) return false;
  while (position < end) {
    const { batches, nextOffset } = await reader.read(position);
    if (batches.length === 0 && !(await hasMore(reader, position))) return true;
    for (const batch of batches) {
      if (batch.nextOffset > position && batch.nextOffset <= end)
        book.add(log, batch.nextOffset, count(batch.bytes, reader.partition));
    }
    position = nextOffset;
  }
  // The end may lie within a batch, where an insert ended: what is reported up to there has been counted all the same.
  book.add(log, Math.max(end, book.position(log) ?? 0), []);
  return true;
}

/** What is up to the end is durable, but a process that has just begun may not have been told yet where the log ends. */
async function hasMore(reader: PartitionReader, position: Offset): Promise<boolean> {
  await reader.waitFor(position, AbortSignal.timeout(LEDGER_LIMITS.markWaitMs));
  return (await reader.endOffset()) > position;
}

export const logName = (at: { readonly topic: string; readonly partition: number }): string =>
  `${at.topic}/${at.partition}`;

/** Of the progress markers of the batch. */
function entriesOf(batch: Buffer, [from, to] = ALL): LedgerEntry[] {
  const entries: LedgerEntry[] = [];
  const records = new RecordCursor(batch);
  while (records.next()) {
    if (records.offset < from || records.offset >= to || !isProgress(records)) continue;
    entries.push(...decodeProgress(records.value()).ledger);
  }
  return entries;
}

function deadLettersOf(
  batch: Buffer,
  [from, to] = ALL,
): { readonly tenant: string; readonly minute: number; readonly partition: number }[] {
  const found = [];
  const records = new RecordCursor(batch);
  while (records.next()) {
    if (records.offset < from || records.offset >= to) continue;
    const reason = records.headerValue(DEAD_LETTER_KEY);
    const meta = records.headerValue(RAW_META_KEY);
    if (reason === undefined || meta === undefined) continue;
    const { last, origin } = decodeDeadLetterReason(reason);
    // Only the last chunk counts: a letter of several chunks is one.
    if (!last) continue;
    const partition = parseOrigin(origin)?.partition ?? NO_PARTITION;
    found.push({ tenant: decodeRawMeta(meta).tenant, minute: minuteOf(records.timestampMs), partition });
  }
  return found;
}
