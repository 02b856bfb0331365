/**
 * The 61-byte header of a record batch in Kafka's layout, magic 2 (Kafka documentation, "Message Format", Record Batch).
 * Offsets, leader epoch, producer id and CRC-32C are filled in by whoever appends the batch.
 *
 *   0 baseOffset int64 · 8 batchLength int32 · 12 partitionLeaderEpoch int32 · 16 magic int8 · 17 crc uint32 ·
 *   21 attributes int16 · 23 lastOffsetDelta int32 · 27 baseTimestamp int64 · 35 maxTimestamp int64 ·
 *   43 producerId int64 · 51 producerEpoch int16 · 53 baseSequence int32 · 57 recordCount int32 · 61 records
 */
import { crc32c } from '@node-rs/crc32';
import { QUEUE_LIMITS } from '../lib/limits.ts';

export const BATCH_HEADER_BYTES = 61;
const MAGIC = 2;
const CODEC_MASK = 0x07;
const CODEC_ZSTD = 4;
/** Bytes before the part that batchLength counts. */
const LENGTH_BASE = 12;
const CRC_FROM = 21;

export type BatchCompression = 'none' | 'zstd';

/** What a batch's builder knows about it. */
export interface NewBatch {
  readonly compression: BatchCompression;
  readonly recordCount: number;
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
}

/** Writes the header of a batch that is to be appended: `bytes` is the whole batch. */
export function writeBatchHeader(bytes: Buffer, batch: NewBatch): void {
  bytes.writeBigInt64BE(0n, 0);
  bytes.writeInt32BE(bytes.length - LENGTH_BASE, 8);
  bytes.writeInt32BE(-1, 12);
  bytes[16] = MAGIC;
  bytes.writeUInt32BE(0, 17);
  bytes.writeInt16BE(batch.compression === 'zstd' ? CODEC_ZSTD : 0, 21);
  bytes.writeInt32BE(batch.recordCount - 1, 23);
  bytes.writeBigInt64BE(BigInt(batch.baseTimestampMs), 27);
  bytes.writeBigInt64BE(BigInt(batch.maxTimestampMs), 35);
  bytes.writeBigInt64BE(-1n, 43);
  bytes.writeInt16BE(-1, 51);
  bytes.writeInt32BE(-1, 53);
  bytes.writeInt32BE(batch.recordCount, 57);
}

/** Fills in what only the log knows, and the checksum. `groupStart` goes into the producer id (see queue/segment-log). */
export function sealBatch(bytes: Buffer, baseOffset: number, epoch: number, groupStart: number): void {
  bytes.writeBigInt64BE(BigInt(baseOffset), 0);
  bytes.writeInt32BE(epoch, 12);
  bytes.writeBigInt64BE(BigInt(groupStart), 43);
  bytes.writeUInt32BE(crc32c(bytes.subarray(CRC_FROM)), 17);
}

export interface BatchHeader {
  readonly baseOffset: number;
  /** The whole batch, header included. */
  readonly sizeBytes: number;
  readonly epoch: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  readonly groupStart: number;
  readonly recordCount: number;
  readonly compression: BatchCompression;
}

/** The header at `at`; undefined where the bytes are too few or cannot be one. The checksum is not looked at. */
export function readBatchHeader(bytes: Buffer, at = 0): BatchHeader | undefined {
  if (bytes.length - at < BATCH_HEADER_BYTES || bytes[at + 16] !== MAGIC) return undefined;
  const sizeBytes = bytes.readInt32BE(at + 8) + LENGTH_BASE;
  const recordCount = bytes.readInt32BE(at + 57);
  const lastOffsetDelta = bytes.readInt32BE(at + 23);
  const codec = bytes.readInt16BE(at + 21) & CODEC_MASK;
  if (sizeBytes < BATCH_HEADER_BYTES || sizeBytes > QUEUE_LIMITS.batchBytes) return undefined;
  if (recordCount < 1 || lastOffsetDelta !== recordCount - 1) return undefined;
  if (codec !== 0 && codec !== CODEC_ZSTD) return undefined;
  return {
    baseOffset: Number(bytes.readBigInt64BE(at)),
    sizeBytes,
    epoch: bytes.readInt32BE(at + 12),
    lastOffsetDelta,
    baseTimestampMs: Number(bytes.readBigInt64BE(at + 27)),
    maxTimestampMs: Number(bytes.readBigInt64BE(at + 35)),
    groupStart: Number(bytes.readBigInt64BE(at + 43)),
    recordCount,
    compression: codec === CODEC_ZSTD ? 'zstd' : 'none',
  };
}

/** Whether the whole batch `bytes` (exactly one) matches its checksum. */
export function batchIsIntact(bytes: Buffer): boolean {
  return crc32c(bytes.subarray(CRC_FROM)) === bytes.readUInt32BE(17);
}

/** Who has appended a batch to Kafka, and the sequence of its first record. */
export interface BatchProducer {
  readonly id: bigint;
  readonly epoch: number;
  readonly sequence: number;
}

export function readProducer(bytes: Buffer): BatchProducer {
  return { id: bytes.readBigInt64BE(43), epoch: bytes.readInt16BE(51), sequence: bytes.readInt32BE(53) };
}

/** A copy as its builder had made it, but for what every log fills in (`sealBatch`, `sealForKafka`). */
export function withoutProducer(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeInt16BE(-1, 51);
  copy.writeInt32BE(-1, 53);
  return copy;
}

/** Fills in what a producer of Kafka says of itself, and the checksum: the broker passes over what it has already. */
export function sealForKafka(bytes: Buffer, producerId: bigint, producerEpoch: number, baseSequence: number): void {
  bytes.writeBigInt64BE(0n, 0);
  bytes.writeInt32BE(-1, 12);
  bytes.writeBigInt64BE(producerId, 43);
  bytes.writeInt16BE(producerEpoch, 51);
  bytes.writeInt32BE(baseSequence, 53);
  bytes.writeUInt32BE(crc32c(bytes.subarray(CRC_FROM)), 17);
}
