/** Batches made from texts and read back, for tests of the queue. */
import { encodeHeaders, RecordBatchBuilder, RecordCursor } from '../event/record-batch.ts';
import { offset, type PartitionReader } from './port.ts';

export interface TestRecord {
  readonly value: string;
  readonly timestampMs?: number;
  readonly key?: string;
  readonly headers?: readonly (readonly [string, Buffer])[];
}

export function batchOf(records: readonly TestRecord[], compression: 'none' | 'zstd' = 'none'): Buffer {
  const builder = new RecordBatchBuilder({ compression });
  for (const { value, timestampMs = 1_000, key, headers = [] } of records) {
    const bytes = Buffer.from(value);
    const keyBytes = key === undefined ? undefined : Buffer.from(key);
    builder.append(bytes, 0, bytes.length, timestampMs, encodeHeaders(headers), keyBytes);
  }
  return builder.finish();
}

export const values = (...texts: string[]): Buffer => batchOf(texts.map((value) => ({ value })));

export interface ReadRecord {
  readonly offset: number;
  readonly value: string;
}

/** All records from the offset to the durable end. */
export async function readAll(reader: PartitionReader, from: number, maxBytes?: number): Promise<ReadRecord[]> {
  const records: ReadRecord[] = [];
  let next = offset(from);
  for (;;) {
    const read = await reader.read(next, maxBytes === undefined ? {} : { maxBytes });
    for (const { bytes } of read.batches) {
      const record = new RecordCursor(bytes);
      while (record.next()) {
        if (record.offset >= from) records.push({ offset: record.offset, value: record.value().toString() });
      }
    }
    if (read.nextOffset === next) return records;
    next = read.nextOffset;
  }
}
