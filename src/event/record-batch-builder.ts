/**
 * Encodes records into a batch. The hot path of the collector: its cost is one copy of the value and one of the
 * headers. Views of a Buffer cost more than copying a log line, so a run of records is copied as a whole behind the
 * batch first and moved from there.
 */
import { constants, zstdCompressSync } from 'node:zlib';
import { QUEUE_LIMITS } from '../lib/limits.ts';
import { batchMemory } from './batch-memory.ts';
import { BATCH_HEADER_BYTES, type BatchCompression, writeBatchHeader } from './record-batch-header.ts';
import { NO_HEADERS } from './record-headers.ts';
import { varintSize, writeVarint } from './varint.ts';

/** Varints of a record at their largest, its attributes, and its length. */
const RECORD_OVERHEAD_BYTES = 40;
const FIRST_BYTES = 4_096;
/** Level 1 makes batches of events as small as level 3, the default, for two thirds of the time. */
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
/** In place of a length, as a varint: -1. There is no key, or no value, which is not the same as an empty one. */
const NULL = 1;

export class RecordBatchBuilder {
  readonly #compression: BatchCompression;
  readonly #maxBytes: number;
  #bytes: Buffer;
  #at = BATCH_HEADER_BYTES;
  #count = 0;
  #baseTimestamp = 0;
  #maxTimestamp = 0;

  constructor(options: { readonly compression?: BatchCompression; readonly maxBytes?: number } = {}) {
    this.#compression = options.compression ?? 'none';
    this.#maxBytes = options.maxBytes ?? QUEUE_LIMITS.groupBytes;
    this.#bytes = batchMemory.take(FIRST_BYTES);
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
    return this.#append(source, start, end, timestampMs, headers, key, false);
  }

  /** The same for a record without a value, by which whoever keeps the newest of each key removes that key. */
  appendNull(timestampMs: number, headers: Buffer = NO_HEADERS, key?: Uint8Array): boolean {
    return this.#append(NO_HEADERS, 0, 0, timestampMs, headers, key, true);
  }

  #append(
    source: Uint8Array,
    start: number,
    end: number,
    timestampMs: number,
    headers: Buffer,
    key: Uint8Array | undefined,
    isNull: boolean,
  ): boolean {
    const valueLength = end - start;
    const keyLength = key === undefined ? 0 : key.length;
    const room = valueLength + headers.length + keyLength + RECORD_OVERHEAD_BYTES;
    if (this.#at + room > this.#maxBytes && this.#count > 0) return false;
    if (this.#at + room > this.#bytes.length) this.#grow(this.#at + room);
    let at = this.#writePrefix(timestampMs, key, valueLength, headers.length);
    const bytes = this.#bytes;
    // Of the same size as the length of an empty one.
    if (isNull) bytes[at - 1] = NULL;
    if (start === 0 && end === source.length) bytes.set(source, at);
    else if (Buffer.isBuffer(source)) source.copy(bytes, at, start, end);
    else bytes.set(source.subarray(start, end), at);
    at += valueLength;
    bytes.set(headers, at);
    this.#at = at + headers.length;
    this.#count++;
    return true;
  }

  /**
   * Adds records that lie in one piece of memory and share timestamp and headers: record i is
   * `source[bounds[2i], bounds[2i + 1])`, for `from <= i < to`, in ascending order. Answers the number of the first
   * record that was not added because the batch is full (`to` where all were); an empty batch takes any record.
   */
  appendRun(
    source: Uint8Array,
    bounds: ArrayLike<number>,
    from: number,
    to: number,
    timestampMs: number,
    headers: Buffer = NO_HEADERS,
  ): number {
    let record = from;
    while (record < to) {
      const stagedTo = this.#stagedTo(bounds, record, to);
      const before = record;
      if (stagedTo - record > 1) record = this.#appendStaged(source, bounds, record, stagedTo, timestampMs, headers);
      if (record > before) continue;
      if (!this.append(source, bounds[2 * record] ?? 0, bounds[2 * record + 1] ?? 0, timestampMs, headers)) break;
      record++;
    }
    return record;
  }

  /** The encoded batch, which is the caller's; the builder is empty again. */
  finish(): Buffer {
    if (this.#count === 0) throw new RangeError('a record batch holds at least one record');
    const compression = this.#compression;
    let bytes = this.#bytes.subarray(0, this.#at);
    if (compression === 'zstd') {
      const records = zstdCompressSync(bytes.subarray(BATCH_HEADER_BYTES), ZSTD);
      const batch = batchMemory.take(BATCH_HEADER_BYTES + records.length);
      batch.set(records, BATCH_HEADER_BYTES);
      bytes = batch.subarray(0, BATCH_HEADER_BYTES + records.length);
    } else {
      // The next batch will be about as large.
      this.#bytes = batchMemory.take(Math.max(this.#at, FIRST_BYTES));
    }
    writeBatchHeader(bytes, {
      compression,
      recordCount: this.#count,
      baseTimestampMs: this.#baseTimestamp,
      maxTimestampMs: this.#maxTimestamp,
    });
    this.#at = BATCH_HEADER_BYTES;
    this.#count = 0;
    return bytes;
  }

  /** Up to which record the run is short enough to be copied as a whole, gaps included. */
  #stagedTo(bounds: ArrayLike<number>, from: number, to: number): number {
    const start = bounds[2 * from] ?? 0;
    let end = to;
    while (end > from && (bounds[2 * end - 1] ?? 0) - start > QUEUE_LIMITS.runBytes) end = from + ((end - from) >> 1);
    return end;
  }

  #appendStaged(
    source: Uint8Array,
    bounds: ArrayLike<number>,
    from: number,
    to: number,
    timestampMs: number,
    headers: Buffer,
  ): number {
    const start = bounds[2 * from] ?? 0;
    const runBytes = (bounds[2 * to - 1] ?? 0) - start;
    const room = runBytes + (to - from) * (headers.length + RECORD_OVERHEAD_BYTES);
    const needed = Math.min(this.#at + room, Math.max(this.#maxBytes, this.#at)) + runBytes;
    if (needed > this.#bytes.length) this.#grow(needed);
    const bytes = this.#bytes;
    const staged = bytes.length - runBytes;
    bytes.set(source.subarray(start, start + runBytes), staged);
    const shift = staged - start;
    for (let record = from; record < to; record++) {
      const valueStart = bounds[2 * record] ?? 0;
      const valueLength = (bounds[2 * record + 1] ?? 0) - valueStart;
      const size = valueLength + headers.length + RECORD_OVERHEAD_BYTES;
      if (this.#at + size > this.#maxBytes) return record;
      let at = this.#writePrefix(timestampMs, undefined, valueLength, headers.length);
      bytes.copyWithin(at, valueStart + shift, valueStart + shift + valueLength);
      at += valueLength;
      bytes.set(headers, at);
      this.#at = at + headers.length;
      this.#count++;
    }
    return to;
  }

  /** Everything of a record that stands before its value; the position after it. */
  #writePrefix(timestampMs: number, key: Uint8Array | undefined, valueLength: number, headersLength: number): number {
    if (this.#count === 0) {
      this.#baseTimestamp = timestampMs;
      this.#maxTimestamp = timestampMs;
    } else if (timestampMs > this.#maxTimestamp) this.#maxTimestamp = timestampMs;
    const delta = timestampMs - this.#baseTimestamp;
    const bytes = this.#bytes;
    const keyBytes = key === undefined ? 1 : varintSize(key.length) + key.length;
    const fixed = 1 + keyBytes + varintSize(valueLength) + valueLength + headersLength;
    let at = writeVarint(bytes, this.#at, fixed + varintSize(delta) + varintSize(this.#count));
    bytes[at++] = 0;
    at = writeVarint(bytes, at, delta);
    at = writeVarint(bytes, at, this.#count);
    if (key === undefined) bytes[at++] = NULL;
    else {
      at = writeVarint(bytes, at, key.length);
      bytes.set(key, at);
      at += key.length;
    }
    return writeVarint(bytes, at, valueLength);
  }

  #grow(neededBytes: number): void {
    const bytes = batchMemory.take(Math.max(this.#bytes.length * 2, neededBytes));
    this.#bytes.copy(bytes, 0, 0, this.#at);
    batchMemory.giveBack(this.#bytes);
    this.#bytes = bytes;
  }
}
