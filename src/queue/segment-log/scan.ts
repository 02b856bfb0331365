/**
 * Reads a segment from its beginning and says what is whole, what is not, and which of that had been durable.
 *
 * Each batch tells where the durable data before its group ended (`groupStart`), and only one group is under way at a
 * time. So of a frame that cannot be read:
 * - a later batch whose groupStart lies past it proves that it had been durable: that is corruption, and stays where
 *   it is;
 * - without such a batch it belongs to the last group, which nobody was told about: that is a torn tail.
 */
import { BATCH_HEADER_BYTES, type BatchHeader, batchIsIntact, readBatchHeader } from '../../event/record-batch.ts';
import type { DiskFile } from '../../lib/disk.ts';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import { FileWindow } from './file-window.ts';
import type { SegmentName } from './names.ts';

/** Bytes of a segment that cannot be read. */
export interface BadRange {
  readonly from: number;
  readonly to: number;
  /** The offset that was expected at `from`. */
  readonly fromOffset: number;
  /** The offset that goes on at `to`; undefined where the segment ends. */
  readonly nextOffset: number | undefined;
}

export interface Scan {
  readonly sizeBytes: number;
  /** The end of the last whole batch. */
  readonly validEnd: number;
  /** After the last whole batch; the segment's base where there is none. */
  readonly nextOffset: number;
  /** Where the durable data before the last group ended. */
  readonly lastGroupStart: number;
  readonly batches: number;
  readonly records: number;
  readonly baseTimestampMs: number | undefined;
  readonly maxTimestampMs: number | undefined;
  readonly bad: readonly BadRange[];
}

/** The smallest record: its length, attributes, two deltas, two lengths and a count, each of one byte. */
export const RECORD_MIN_BYTES = 7;

export async function scanSegment(file: DiskFile, segment: SegmentName, sizeBytes: number): Promise<Scan> {
  const window = new FileWindow(file, sizeBytes);
  const bad: BadRange[] = [];
  let position = 0;
  let validEnd = 0;
  let nextOffset = segment.base;
  let lastGroupStart = 0;
  let batches = 0;
  let records = 0;
  let baseTimestampMs: number | undefined;
  let maxTimestampMs: number | undefined;
  while (position < sizeBytes) {
    const expected = { position, offset: nextOffset, epoch: segment.epoch };
    const header = await batchAt(window, position, expected);
    if (header === undefined) {
      const next = await findBatch(window, position + 1, expected);
      const to = next?.position ?? sizeBytes;
      bad.push({ from: position, to, fromOffset: nextOffset, nextOffset: next?.header.baseOffset });
      position = to;
      nextOffset = next?.header.baseOffset ?? nextOffset;
      continue;
    }
    position += header.sizeBytes;
    validEnd = position;
    nextOffset = header.baseOffset + header.recordCount;
    lastGroupStart = header.groupStart;
    batches++;
    records += header.recordCount;
    baseTimestampMs ??= header.baseTimestampMs;
    maxTimestampMs = Math.max(maxTimestampMs ?? header.maxTimestampMs, header.maxTimestampMs);
  }
  return { sizeBytes, validEnd, nextOffset, lastGroupStart, batches, records, baseTimestampMs, maxTimestampMs, bad };
}

/** What a batch must agree with: the last place up to which everything was read. */
export interface Expected {
  readonly position: number;
  readonly offset: number;
  readonly epoch: number;
}

/** The header of the whole, intact batch at the position; undefined where there is none. */
export async function batchAt(
  window: FileWindow,
  position: number,
  expected: Expected,
): Promise<BatchHeader | undefined> {
  const start = await window.bytes(position, BATCH_HEADER_BYTES);
  if (start === undefined) return undefined;
  const header = readBatchHeader(start);
  if (header === undefined || !agrees(header, position, expected)) return undefined;
  const batch = await window.bytes(position, header.sizeBytes);
  return batch !== undefined && batchIsIntact(batch) ? header : undefined;
}

/**
 * Cheap checks first, so that a search through foreign bytes seldom needs a checksum. (`groupStart` may lie past the
 * position: where somebody took bytes out of the file.)
 */
export function agrees(header: BatchHeader, position: number, expected: Expected): boolean {
  const between = position - expected.position;
  return (
    header.epoch === expected.epoch &&
    header.groupStart >= 0 &&
    header.baseOffset >= expected.offset &&
    (header.baseOffset === expected.offset || header.baseOffset - expected.offset <= lostRecordsAtMost(between))
  );
}

/** How many records fit at the most into bytes that cannot be read (compressed ones may be thousands of times as many). */
function lostRecordsAtMost(bytes: number): number {
  const batches = Math.ceil(bytes / BATCH_HEADER_BYTES);
  return batches * Math.ceil(QUEUE_LIMITS.decompressedBatchBytes / RECORD_MIN_BYTES);
}

/**
 * The next whole batch at or after `from`. A sender may put bytes that look like batches into its messages, so the
 * checksums taken on the way are bounded by a multiple of the distance; beyond it the rest counts as unreadable.
 */
export async function findBatch(
  window: FileWindow,
  from: number,
  expected: Expected,
): Promise<{ position: number; header: BatchHeader } | undefined> {
  let budget = QUEUE_LIMITS.searchChecksumBytes;
  for (let position = from; position + BATCH_HEADER_BYTES <= window.sizeBytes; position++) {
    const candidate = await window.nextMagic(position);
    if (candidate === undefined) return undefined;
    position = candidate;
    const start = await window.bytes(position, BATCH_HEADER_BYTES);
    const looked = start === undefined ? undefined : readBatchHeader(start);
    if (looked === undefined || !agrees(looked, position, expected)) continue;
    budget -= looked.sizeBytes;
    if (budget < 0) return undefined;
    const header = await batchAt(window, position, expected);
    if (header !== undefined) return { position, header };
  }
  return undefined;
}
