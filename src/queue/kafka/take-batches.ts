/** Whole batches from the bytes that a broker gives, as views: nothing is decoded but their headers. */
import { BATCH_HEADER_BYTES, batchIsIntact, readBatchHeader } from '../../event/record-batch.ts';
import { type CorruptRange, offset, type StoredBatch } from '../port.ts';
import { isFence } from './fence.ts';

const LENGTH_AT = 8;
const LENGTH_BASE = 12;
const ATTRIBUTES_AT = 21;
const LAST_OFFSET_DELTA_AT = 23;
/** A marker of a transaction: of takeovers, here. */
const CONTROL = 0x20;

export interface TakenBatches {
  readonly batches: readonly StoredBatch[];
  readonly corrupt: readonly CorruptRange[];
  /** After the last one that was taken or passed over; `from` where there was none. */
  readonly nextOffset: number;
}

/**
 * `place`: what to call the partition. At least one batch, where there is one, and then up to `maxBytes`. Those by which
 * producers were fenced are nobody's records.
 */
export function takeBatches(
  bytes: Buffer,
  from: number,
  maxBytes: number,
  place: string,
  showsFences = false,
): TakenBatches {
  const batches: StoredBatch[] = [];
  const corrupt: CorruptRange[] = [];
  let nextOffset = from;
  let takenBytes = 0;
  let at = 0;
  while (bytes.length - at >= BATCH_HEADER_BYTES) {
    const sizeBytes = bytes.readInt32BE(at + LENGTH_AT) + LENGTH_BASE;
    if (sizeBytes < BATCH_HEADER_BYTES || sizeBytes > bytes.length - at) break;
    const batch = bytes.subarray(at, at + sizeBytes);
    const baseOffset = Number(batch.readBigInt64BE(0));
    const end = baseOffset + batch.readInt32BE(LAST_OFFSET_DELTA_AT) + 1;
    at += sizeBytes;
    if (end <= nextOffset) continue;
    const isMarker = (batch.readInt16BE(ATTRIBUTES_AT) & CONTROL) !== 0 || (!showsFences && isFence(batch));
    if (!isMarker) {
      const header = readBatchHeader(batch);
      if (header === undefined || !batchIsIntact(batch)) {
        const fromOffset = offset(Math.max(baseOffset, from));
        corrupt.push({ file: place, position: at - sizeBytes, fromOffset, nextOffset: offset(end) });
      } else {
        if (batches.length > 0 && takenBytes + sizeBytes > maxBytes) break;
        takenBytes += sizeBytes;
        const { recordCount, maxTimestampMs } = header;
        batches.push({
          baseOffset: offset(baseOffset),
          nextOffset: offset(end),
          recordCount,
          maxTimestampMs,
          bytes: batch,
        });
      }
    }
    nextOffset = end;
  }
  return { batches, corrupt, nextOffset };
}
