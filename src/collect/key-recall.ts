/** Reads the Idempotency-Keys of the last day back from the log, from the records that carry them. */
import { DEAD_LETTER_KEY, decodeDeadLetterReason } from '../event/dead-letter.ts';
import { decodeRawMeta, RAW_META_KEY, type RawMeta } from '../event/raw-meta.ts';
import { RecordCursor } from '../event/record-batch.ts';
import { type Offset, offset, type PartitionReader } from '../queue/port.ts';
import type { IdempotencyKeys } from './inputs/http/idempotency.ts';

export interface RecallRange {
  readonly reader: PartitionReader;
  /** Where this process began to write. */
  readonly end: Offset;
  readonly fromMs: number;
}

/** What one partition holds of keyed requests, up to where this process began to write. */
export async function recallKeys(keys: IdempotencyKeys, { reader, end, fromMs }: RecallRange): Promise<void> {
  let position = await reader.offsetAtTime(fromMs);
  while (position < end) {
    const { batches, nextOffset } = await reader.read(position);
    if (batches.length === 0) return;
    for (const batch of batches) if (batch.baseOffset < end) recallBatch(keys, batch.bytes);
    position = offset(nextOffset);
  }
}

function recallBatch(keys: IdempotencyKeys, bytes: Buffer): void {
  const records = new RecordCursor(bytes);
  let known: Buffer | undefined;
  let meta: RawMeta | undefined;
  while (records.next()) {
    const headers = records.bytes.subarray(records.headersStart, records.headersEnd);
    if (known === undefined || !known.equals(headers)) {
      known = headers;
      const encoded = records.headerValue(RAW_META_KEY);
      meta = encoded === undefined ? undefined : decodeRawMeta(encoded);
      // A batch of sockets holds nothing else: lanes do not mix.
      if (meta?.input.startsWith('syslog') === true) return;
    }
    if (meta?.idempotency === undefined) continue;
    const reason = records.headerValue(DEAD_LETTER_KEY);
    if (reason === undefined) keys.recall(meta.idempotency, records.timestampMs, 'record');
    else if (decodeDeadLetterReason(reason).last) keys.recall(meta.idempotency, records.timestampMs, 'dead letter');
  }
}
