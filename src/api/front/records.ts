/** Records of the queue as people look at them, each tenant its own. */
import { isUtf8 } from 'node:buffer';
import { PROGRESS_KEY } from '../../event/progress.ts';
import { decodeRawMeta, RAW_META_KEY } from '../../event/raw-meta.ts';
import { RecordCursor } from '../../event/record-batch.ts';
import { readVarint } from '../../event/varint.ts';
import { QUEUE_READ_LIMITS } from '../../lib/limits.ts';
import { offset as asOffset, type PartitionReader } from '../../queue/port.ts';
import type { QueueRecord } from '../schemas/queue.ts';
import { isoTime } from '../time.ts';

/** What Spillway adds to records of users begins so, and is nobody's to see. */
const OWN_HEADERS_PREFIX = 'spillway-';

export interface RecordsQuestion {
  readonly from: number;
  readonly limit: number;
  /** Undefined sees all. */
  readonly tenant: string | undefined;
  /** What keys, values and headers may have together as they are answered. */
  readonly answerBytes?: number;
  /** Whether there may be no record where the first is larger than that; else one is always taken. */
  readonly mayBeEmpty?: boolean;
}

export interface RecordsFound {
  readonly records: QueueRecord[];
  readonly next: number;
  readonly endOffset: number;
  /** What they have of `answerBytes`. */
  readonly bytes: number;
  /** What was passed over before `next`: it is damaged, or in a form that is not known here. */
  readonly unreadable?: readonly OffsetRange[];
}

export interface OffsetRange {
  readonly from: number;
  /** The first offset after it. */
  readonly to: number;
}

/** Reads QUEUE_READ_LIMITS.readBytes at the most, so a page may be short, or empty, although more follows. */
export async function readRecords(reader: PartitionReader, question: RecordsQuestion): Promise<RecordsFound> {
  const { from, limit, tenant } = question;
  const records: QueueRecord[] = [];
  const { answerBytes = QUEUE_READ_LIMITS.answerBytes, mayBeEmpty = false } = question;
  let bytes = 0;
  let toRead: number = QUEUE_READ_LIMITS.readBytes;
  let next = from;
  const passed: OffsetRange[] = [];
  const found = (endOffset: number): RecordsFound => {
    // What lies after a page that is full is told with the next one.
    const unreadable = passed.filter(({ to }) => to <= next);
    return { records, next, endOffset, bytes, ...(unreadable.length === 0 ? {} : { unreadable }) };
  };
  for (;;) {
    const result = await reader.read(asOffset(next), { maxBytes: Math.min(toRead, QUEUE_READ_LIMITS.stepBytes) });
    const { endOffset } = result;
    for (const { fromOffset, nextOffset } of result.corrupt ?? []) passed.push({ from: fromOffset, to: nextOffset });
    for (const batch of result.batches) {
      toRead -= batch.bytes.length;
      const cursor = new RecordCursor(batch.bytes);
      while (cursor.next()) {
        if (cursor.offset < next) continue;
        if (tenant === undefined || tenantOf(reader.topic, cursor) === tenant) {
          const record = recordOf(cursor);
          const more = bytesOf(record);
          if (records.length === limit || (bytes + more > answerBytes && (records.length > 0 || mayBeEmpty))) {
            return found(endOffset);
          }
          records.push(record);
          bytes += more;
        }
        next = cursor.offset + 1;
      }
    }
    if (result.nextOffset <= next && result.batches.length === 0) return found(endOffset);
    // Past the last batch, and past what is corrupt.
    next = Math.max(next, result.nextOffset);
    if (next >= endOffset || toRead <= 0 || records.length === limit) return found(endOffset);
  }
}

/** Whose a record is; undefined where it is nobody's, such as a progress marker, or cannot be told. */
function tenantOf(topic: string, cursor: RecordCursor): string | undefined {
  try {
    const meta = cursor.headerValue(RAW_META_KEY);
    if (meta !== undefined) return decodeRawMeta(meta).tenant;
    if (topic !== 'events' || cursor.key()?.toString() === PROGRESS_KEY) return undefined;
    const event: { tenant?: unknown } | null = JSON.parse(cursor.value().toString('utf8'));
    return typeof event?.tenant === 'string' ? event.tenant : undefined;
  } catch {
    return undefined;
  }
}

function recordOf(cursor: RecordCursor): QueueRecord {
  const value = printed(cursor.value());
  const bytes = cursor.key();
  const key = bytes === undefined ? undefined : printed(bytes);
  return {
    offset: cursor.offset,
    timestamp: isoTime(cursor.timestampMs),
    ...(key === undefined ? {} : { key: key.text, keyEncoding: key.encoding }),
    ...headersOf(cursor),
    encoding: value.encoding,
    value: cursor.isNull ? null : value.text,
  };
}

function printed(bytes: Buffer): { readonly encoding: 'text' | 'base64'; readonly text: string } {
  return isUtf8(bytes)
    ? { encoding: 'text', text: bytes.toString('utf8') }
    : { encoding: 'base64', text: bytes.toString('base64') };
}

function headersOf({
  bytes,
  headersStart,
  headersEnd,
}: RecordCursor): Pick<QueueRecord, 'headers' | 'headerEncodings'> {
  const headers: Record<string, string> = Object.create(null);
  const headerEncodings: Record<string, 'base64'> = Object.create(null);
  const cursor = { at: headersStart };
  const piece = (): Buffer => {
    const length = Math.max(readVarint(bytes, cursor), 0);
    const start = cursor.at;
    cursor.at = Math.min(start + length, headersEnd);
    return bytes.subarray(start, cursor.at);
  };
  for (let left = readVarint(bytes, cursor); left > 0 && cursor.at < headersEnd; left--) {
    const name = piece().toString('utf8');
    const { encoding, text } = printed(piece());
    if (name.startsWith(OWN_HEADERS_PREFIX)) continue;
    headers[name] = text;
    if (encoding === 'base64') headerEncodings[name] = encoding;
    else delete headerEncodings[name];
  }
  return Object.keys(headerEncodings).length === 0 ? { headers } : { headers, headerEncodings };
}

/** Of its texts, before JSON's escapes. */
function bytesOf({ key = '', value, headers }: QueueRecord): number {
  const ofHeaders = Object.entries(headers).reduce((sum, [name, text]) => sum + utf8Bytes(name) + utf8Bytes(text), 0);
  return utf8Bytes(key) + utf8Bytes(value ?? '') + ofHeaders;
}

const utf8Bytes = (text: string): number => Buffer.byteLength(text, 'utf8');
