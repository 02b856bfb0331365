/**
 * Record batches in Kafka's layout, magic 2 (Kafka documentation, "Message Format", Record Batch): a 61-byte header and
 * records of varints. Offsets, leader epoch, producer id and CRC-32C are filled in by whoever appends the batch.
 *
 *   0 baseOffset int64 · 8 batchLength int32 · 12 partitionLeaderEpoch int32 · 16 magic int8 · 17 crc uint32 ·
 *   21 attributes int16 · 23 lastOffsetDelta int32 · 27 baseTimestamp int64 · 35 maxTimestamp int64 ·
 *   43 producerId int64 · 51 producerEpoch int16 · 53 baseSequence int32 · 57 recordCount int32 · 61 records
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import { SpillwayError } from '../lib/errors.ts';
import { QUEUE_LIMITS } from '../lib/limits.ts';
import { type ByteCursor, readVarint, varintSize, writeVarint } from './varint.ts';

export const BATCH_HEADER_BYTES = 61;
const MAGIC = 2;
const CODEC_MASK = 0x07;
const CODEC_ZSTD = 4;
/** Bytes before the part that batchLength counts. */
const LENGTH_BASE = 12;
const CRC_FROM = 21;
const RECORD_OVERHEAD_BYTES = 40;

export type BatchCompression = 'none' | 'zstd';

/** The headers of a record, encoded once and used for all records that share them. */
export function encodeHeaders(headers: readonly (readonly [key: string, value: Uint8Array])[]): Buffer {
  const keys = headers.map(([key]) => Buffer.from(key));
  const size = headers.reduce((sum, [, value], i) => sum + (keys[i]?.length ?? 0) + value.length + 10, 5);
  const bytes = Buffer.allocUnsafe(size);
  let at = writeVarint(bytes, 0, headers.length);
  for (const [i, [, value]] of headers.entries()) {
    const key = keys[i] ?? Buffer.alloc(0);
    at = writeVarint(bytes, at, key.length);
    bytes.set(key, at);
    at = writeVarint(bytes, at + key.length, value.length);
    bytes.set(value, at);
    at += value.length;
  }
  return bytes.subarray(0, at);
}

export const NO_HEADERS = encodeHeaders([]);

/** Collects records into one batch. Use it again after `finish()`. */
export class RecordBatchBuilder {
  #bytes: Buffer;
  #at = BATCH_HEADER_BYTES;
  #count = 0;
  #baseTimestamp = 0;
  #maxTimestamp = 0;
  readonly #compression: BatchCompression;
  readonly #maxBytes: number;

  constructor(options: { readonly compression?: BatchCompression; readonly maxBytes?: number } = {}) {
    this.#compression = options.compression ?? 'none';
    this.#maxBytes = options.maxBytes ?? QUEUE_LIMITS.groupBytes;
    this.#bytes = Buffer.allocUnsafe(Math.min(this.#maxBytes, 64 * 1024));
  }

  get recordCount(): number {
    return this.#count;
  }

  /** Bytes so far, header included and before compression. */
  get sizeBytes(): number {
    return this.#at;
  }

  /**
   * Adds `source[start, end)` as a record. False, and nothing added, where the batch would pass its limit; an empty
   * batch takes any record.
   */
  append(
    source: Uint8Array,
    start: number,
    end: number,
    timestampMs: number,
    headers: Buffer = NO_HEADERS,
    key?: Uint8Array,
  ): boolean {
    const valueLength = end - start;
    const room = valueLength + headers.length + (key?.length ?? 0) + RECORD_OVERHEAD_BYTES;
    if (this.#at + room > this.#maxBytes && this.#count > 0) return false;
    if (this.#at + room > this.#bytes.length) this.#grow(room);
    if (this.#count === 0) {
      this.#baseTimestamp = timestampMs;
      this.#maxTimestamp = timestampMs;
    } else if (timestampMs > this.#maxTimestamp) this.#maxTimestamp = timestampMs;
    const timestampDelta = timestampMs - this.#baseTimestamp;
    const keyLength = key === undefined ? -1 : key.length;
    const length =
      1 +
      varintSize(timestampDelta) +
      varintSize(this.#count) +
      varintSize(keyLength) +
      (key?.length ?? 0) +
      varintSize(valueLength) +
      valueLength +
      headers.length;
    const bytes = this.#bytes;
    let at = writeVarint(bytes, this.#at, length);
    bytes[at++] = 0;
    at = writeVarint(bytes, at, timestampDelta);
    at = writeVarint(bytes, at, this.#count);
    at = writeVarint(bytes, at, keyLength);
    if (key !== undefined) {
      bytes.set(key, at);
      at += key.length;
    }
    at = writeVarint(bytes, at, valueLength);
    if (Buffer.isBuffer(source)) source.copy(bytes, at, start, end);
    else bytes.set(source.subarray(start, end), at);
    at += valueLength;
    headers.copy(bytes, at);
    this.#at = at + headers.length;
    this.#count++;
    return true;
  }

  /** The encoded batch, which is the caller's; the builder is empty again. */
  finish(): Buffer {
    if (this.#count === 0) throw new RangeError('a record batch holds at least one record');
    let bytes = this.#bytes.subarray(0, this.#at);
    if (this.#compression === 'zstd') {
      const records = zstdCompressSync(bytes.subarray(BATCH_HEADER_BYTES));
      bytes = Buffer.concat([bytes.subarray(0, BATCH_HEADER_BYTES), records]);
    }
    bytes.writeBigInt64BE(0n, 0);
    bytes.writeInt32BE(bytes.length - LENGTH_BASE, 8);
    bytes.writeInt32BE(-1, 12);
    bytes[16] = MAGIC;
    bytes.writeUInt32BE(0, 17);
    bytes.writeInt16BE(this.#compression === 'zstd' ? CODEC_ZSTD : 0, 21);
    bytes.writeInt32BE(this.#count - 1, 23);
    bytes.writeBigInt64BE(BigInt(this.#baseTimestamp), 27);
    bytes.writeBigInt64BE(BigInt(this.#maxTimestamp), 35);
    bytes.writeBigInt64BE(-1n, 43);
    bytes.writeInt16BE(-1, 51);
    bytes.writeInt32BE(-1, 53);
    bytes.writeInt32BE(this.#count, 57);
    if (this.#compression === 'none')
      this.#bytes = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(this.#at, 4096)));
    this.#at = BATCH_HEADER_BYTES;
    this.#count = 0;
    return bytes;
  }

  #grow(room: number): void {
    const bytes = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + room));
    this.#bytes.copy(bytes, 0, 0, this.#at);
    this.#bytes = bytes;
  }
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

/**
 * Walks the records of one batch without making objects: after `next()` returned true the fields describe the record,
 * as positions in `bytes` (which is the batch itself, or its decompressed records).
 */
export class RecordCursor {
  readonly header: BatchHeader;
  /** What the positions refer to. */
  readonly bytes: Buffer;
  offset = 0;
  timestampMs = 0;
  /** -1 where the record has no key. */
  keyStart = -1;
  keyEnd = -1;
  valueStart = 0;
  valueEnd = 0;
  /** The encoded headers, count first: equal bytes mean equal headers. */
  headersStart = 0;
  headersEnd = 0;
  readonly #cursor: ByteCursor;
  #index = -1;

  constructor(batch: Buffer) {
    const header = readBatchHeader(batch);
    if (header === undefined || header.sizeBytes > batch.length) {
      throw new SpillwayError('QUEUE_CORRUPT', 'These bytes are not a record batch of magic 2.');
    }
    this.header = header;
    if (header.compression === 'zstd') {
      this.bytes = decompress(batch.subarray(BATCH_HEADER_BYTES, header.sizeBytes));
      this.#cursor = { at: 0 };
    } else {
      this.bytes = batch.subarray(0, header.sizeBytes);
      this.#cursor = { at: BATCH_HEADER_BYTES };
    }
  }

  next(): boolean {
    if (++this.#index >= this.header.recordCount) return false;
    const { bytes } = this;
    const cursor = this.#cursor;
    const length = readVarint(bytes, cursor);
    const end = cursor.at + length;
    if (!(length > 0) || end > bytes.length) throw this.#corrupt();
    cursor.at++;
    this.timestampMs = this.header.baseTimestampMs + readVarint(bytes, cursor);
    this.offset = this.header.baseOffset + readVarint(bytes, cursor);
    const keyLength = readVarint(bytes, cursor);
    this.keyStart = keyLength < 0 ? -1 : cursor.at;
    if (keyLength > 0) cursor.at += keyLength;
    this.keyEnd = keyLength < 0 ? -1 : cursor.at;
    const valueLength = readVarint(bytes, cursor);
    this.valueStart = cursor.at;
    this.valueEnd = cursor.at + Math.max(valueLength, 0);
    this.headersStart = this.valueEnd;
    this.headersEnd = end;
    if (!(this.valueEnd < end)) throw this.#corrupt();
    cursor.at = end;
    return true;
  }

  /** A view of the value: valid as long as the batch's bytes are. */
  value(): Buffer {
    return this.bytes.subarray(this.valueStart, this.valueEnd);
  }

  key(): Buffer | undefined {
    return this.keyStart < 0 ? undefined : this.bytes.subarray(this.keyStart, this.keyEnd);
  }

  /** The value of the first header of that name. */
  headerValue(name: string): Buffer | undefined {
    const { bytes } = this;
    const cursor = { at: this.headersStart };
    const count = readVarint(bytes, cursor);
    for (let i = 0; i < count; i++) {
      const keyLength = readVarint(bytes, cursor);
      const keyStart = cursor.at;
      cursor.at += keyLength;
      const valueLength = readVarint(bytes, cursor);
      const valueStart = cursor.at;
      cursor.at += Math.max(valueLength, 0);
      if (!(cursor.at <= this.headersEnd)) throw this.#corrupt();
      if (bytes.toString('utf8', keyStart, keyStart + keyLength) === name) return bytes.subarray(valueStart, cursor.at);
    }
    return undefined;
  }

  #corrupt(): SpillwayError {
    return new SpillwayError(
      'QUEUE_CORRUPT',
      `Record ${this.#index} of the batch at offset ${this.header.baseOffset} is malformed although its checksum is right.`,
      { details: { baseOffset: this.header.baseOffset, record: this.#index } },
    );
  }
}

function decompress(records: Buffer): Buffer {
  try {
    return zstdDecompressSync(records, { maxOutputLength: QUEUE_LIMITS.decompressedBatchBytes });
  } catch (cause) {
    throw new SpillwayError('QUEUE_CORRUPT', 'The compressed records of a batch cannot be read.', { cause });
  }
}
