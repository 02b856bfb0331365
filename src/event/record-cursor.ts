/** Reads the records of a batch. */
import { zstdDecompressSync } from 'node:zlib';
import { SpillwayError } from '../lib/errors.ts';
import { QUEUE_LIMITS } from '../lib/limits.ts';
import { BATCH_HEADER_BYTES, type BatchHeader, readBatchHeader } from './record-batch-header.ts';
import { type ByteCursor, readVarint } from './varint.ts';

const ZSTD_CHUNK_BYTES = 256 * 1024;

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
  /** It has no value, which is not an empty one: a tombstone. */
  isNull = false;
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
    this.isNull = valueLength < 0;
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
      if (!(keyLength >= 0)) throw this.#corrupt();
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

/**
 * Into one piece of memory of the right size, where the frame says how large its content is. By default zlib gathers
 * pieces of 16 KiB and joins them, which takes twice the time and keeps the garbage collector busy.
 */
function decompress(records: Buffer): Buffer {
  const maxOutputLength = QUEUE_LIMITS.decompressedBatchBytes;
  const size = zstdContentBytes(records);
  // A byte more than needed, or a second piece would be made to see that nothing follows.
  const chunkSize = size === undefined ? ZSTD_CHUNK_BYTES : Math.max(64, Math.min(size + 1, maxOutputLength));
  try {
    return zstdDecompressSync(records, { maxOutputLength, chunkSize });
  } catch (cause) {
    throw new SpillwayError('QUEUE_CORRUPT', 'The compressed records of a batch cannot be read.', { cause });
  }
}

const ZSTD_MAGIC = 0xfd2fb528;

/** What the header of a Zstandard frame (RFC 8878, 3.1.1.1) says about its content; undefined where it says nothing. */
function zstdContentBytes(frame: Buffer): number | undefined {
  if (frame.length < 18 || frame.readUInt32LE(0) !== ZSTD_MAGIC) return undefined;
  const descriptor = frame[4] ?? 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 0x03] ?? 0;
  const at = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes;
  switch (descriptor >> 6) {
    case 0:
      return isSingleSegment ? frame[at] : undefined;
    case 1:
      return frame.readUInt16LE(at) + 256;
    case 2:
      return frame.readUInt32LE(at);
    default:
      return Number(frame.readBigUInt64LE(at));
  }
}
