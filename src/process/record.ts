/** A record of `raw` as the topology sees it: the sender's bytes and what the collector knew about them. */
import { decodeRawMeta, RAW_META_KEY, type RawMeta } from '../event/raw-meta.ts';
import type { RecordCursor } from '../event/record-batch.ts';
import { SpillwayError } from '../lib/errors.ts';
import { PROCESS_LIMITS } from '../lib/limits.ts';

export interface RawRecord {
  /** The record's value is `bytes[start, end)`. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly meta: RawMeta;
  /** Epoch ms. */
  readonly receivedMs: number;
  readonly partition: number;
  readonly offset: number;
  /** Printed origin: the event's id. */
  readonly id: string;
}

/**
 * Reads the metadata of records. Equal header bytes mean equal metadata, so they are decoded once per sender and not
 * once per record.
 */
export class MetaReader {
  readonly #known = new Map<string, RawMeta>();
  #lastBytes: Buffer = Buffer.alloc(0);
  #last: RawMeta | undefined;

  /** Throws FRAME_INVALID where the record has no metadata: then nobody knows whose it is. */
  read(cursor: RecordCursor): RawMeta {
    if (this.#last !== undefined && this.#isLast(cursor)) return this.#last;
    const { bytes, headersStart, headersEnd } = cursor;
    const key = bytes.toString('latin1', headersStart, headersEnd);
    let meta = this.#known.get(key);
    if (meta === undefined) {
      meta = decode(cursor);
      if (this.#known.size >= PROCESS_LIMITS.metas) this.#known.clear();
      this.#known.set(key, meta);
    }
    this.#lastBytes = Buffer.from(bytes.subarray(headersStart, headersEnd));
    this.#last = meta;
    return meta;
  }

  #isLast(cursor: RecordCursor): boolean {
    const last = this.#lastBytes;
    const { bytes, headersStart } = cursor;
    if (cursor.headersEnd - headersStart !== last.length) return false;
    for (let i = 0; i < last.length; i++) if (last[i] !== bytes[headersStart + i]) return false;
    return true;
  }
}

function decode(cursor: RecordCursor): RawMeta {
  const bytes = cursor.headerValue(RAW_META_KEY);
  if (bytes === undefined) {
    throw new SpillwayError('FRAME_INVALID', `The record at offset ${cursor.offset} has no header "${RAW_META_KEY}".`);
  }
  try {
    return decodeRawMeta(bytes);
  } catch (cause) {
    const message = `The header "${RAW_META_KEY}" of the record at offset ${cursor.offset} cannot be read.`;
    throw new SpillwayError('FRAME_INVALID', message, { cause });
  }
}
