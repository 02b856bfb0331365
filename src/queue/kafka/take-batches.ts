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

/** A whole batch in what a broker gave: where it is, and the offsets that it has. */
export interface Frame {
  readonly bytes: Buffer;
  readonly position: number;
  readonly baseOffset: number;
  readonly nextOffset: number;
}

/** The whole ones: a broker cuts off the last one where it was asked for so many bytes. */
export function* framesIn(bytes: Buffer): Generator<Frame> {
  let position = 0;
  while (bytes.length - position >= BATCH_HEADER_BYTES) {
    const sizeBytes = bytes.readInt32BE(position + LENGTH_AT) + LENGTH_BASE;
    if (sizeBytes < BATCH_HEADER_BYTES || sizeBytes > bytes.length - position) return;
    const batch = bytes.subarray(position, position + sizeBytes);
    const baseOffset = Number(batch.readBigInt64BE(0));
    yield { bytes: batch, position, baseOffset, nextOffset: baseOffset + batch.readInt32BE(LAST_OFFSET_DELTA_AT) + 1 };
    position += sizeBytes;
  }
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
  for (const frame of framesIn(bytes)) {
    if (frame.nextOffset <= nextOffset) continue;
    if (!isMarker(frame.bytes, showsFences)) {
      const batch = storedBatch(frame);
      if (batch === undefined) {
        const fromOffset = offset(Math.max(frame.baseOffset, from));
        corrupt.push({ file: place, position: frame.position, fromOffset, nextOffset: offset(frame.nextOffset) });
      } else {
        if (batches.length > 0 && takenBytes + batch.bytes.length > maxBytes) break;
        takenBytes += batch.bytes.length;
        batches.push(batch);
      }
    }
    nextOffset = frame.nextOffset;
  }
  return { batches, corrupt, nextOffset };
}

function isMarker(batch: Buffer, showsFences: boolean): boolean {
  return (batch.readInt16BE(ATTRIBUTES_AT) & CONTROL) !== 0 || (!showsFences && isFence(batch));
}

/** Undefined where it cannot be read. */
function storedBatch({ bytes, baseOffset, nextOffset }: Frame): StoredBatch | undefined {
  const header = readBatchHeader(bytes);
  if (header === undefined || !batchIsIntact(bytes)) return undefined;
  const { recordCount, maxTimestampMs } = header;
  return { baseOffset: offset(baseOffset), nextOffset: offset(nextOffset), recordCount, maxTimestampMs, bytes };
}
