/** Cuts whole, intact batches out of bytes that were read from a segment. The hot path of every reader. */
import { BATCH_HEADER_BYTES, batchIsIntact, readBatchHeader } from '../../event/record-batch.ts';
import { offset, type StoredBatch } from '../port.ts';
import { agrees } from './scan.ts';

export interface TakeFrom {
  readonly epoch: number;
  /** Position in the segment of the first byte. */
  readonly position: number;
  readonly nextOffset: number;
  /** Batches that begin at or past this offset are not taken. */
  readonly end: number;
}

/**
 * Why it ended: `end` (the offset to stop at), `short` (the next batch needs `needBytes` from its beginning), `bad`
 * (what stands there is not an intact batch).
 */
export interface Taken {
  readonly position: number;
  readonly nextOffset: number;
  readonly why: 'end' | 'short' | 'bad';
  readonly needBytes: number;
}

/** Adds batches to `into`, at the most `maxBytes` of them but at least one. */
export function takeBatches(bytes: Buffer, from: TakeFrom, maxBytes: number, into: StoredBatch[]): Taken {
  let at = 0;
  let { nextOffset } = from;
  const taken = (why: Taken['why'], needBytes = 0): Taken => ({
    position: from.position + at,
    nextOffset,
    why,
    needBytes,
  });
  while (nextOffset < from.end) {
    if (bytes.length - at < BATCH_HEADER_BYTES) return taken('short', BATCH_HEADER_BYTES);
    const position = from.position + at;
    const header = readBatchHeader(bytes, at);
    if (header === undefined || !agrees(header, position, { position, offset: nextOffset, epoch: from.epoch })) {
      return taken('bad');
    }
    const after = at + header.sizeBytes;
    if (after > maxBytes && into.length > 0) return taken('end');
    if (after > bytes.length) return taken('short', header.sizeBytes);
    const batch = bytes.subarray(at, after);
    if (!batchIsIntact(batch)) return taken('bad');
    nextOffset = header.baseOffset + header.recordCount;
    at = after;
    into.push({
      baseOffset: offset(header.baseOffset),
      nextOffset: offset(nextOffset),
      recordCount: header.recordCount,
      maxTimestampMs: header.maxTimestampMs,
      bytes: batch,
    });
  }
  return taken('end');
}
