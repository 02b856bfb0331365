/**
 * The store's dead letters: events that the search engine cannot take, whole, in the store's own partition of
 * `dead-letter`. Each is written once: what was written for the open intent before a crash is read back and skipped.
 */
import {
  DEAD_LETTER_KEY,
  DEAD_LETTER_PARTITIONS,
  decodeDeadLetterReason,
  encodeDeadLetterReason,
} from '../../event/dead-letter.ts';
import { parseOrigin, printOrigin } from '../../event/origin.ts';
import { encodeRawMeta, RAW_META_KEY } from '../../event/raw-meta.ts';
import { encodeHeaders, RecordBatchBuilder, RecordCursor } from '../../event/record-batch.ts';
import { TOPICS } from '../../event/topics.ts';
import { DEFAULT_TENANT } from '../../lib/principal.ts';
import { offset, type PartitionWriter, type Queue } from '../../queue/port.ts';
import type { RefusedRecord } from '../port.ts';

export class DeadLetters {
  readonly #writer: PartitionWriter;
  readonly #site: string;
  readonly #written = new Set<string>();

  private constructor(writer: PartitionWriter, site: string) {
    this.#writer = writer;
    this.#site = site;
  }

  /** Takes over the partition; reads back the letters from `from` on, where there may be some of an open intent. */
  static async open(queue: Queue, site: string, from: number | undefined): Promise<DeadLetters> {
    const at = { topic: TOPICS.deadLetter, partition: DEAD_LETTER_PARTITIONS.store };
    const letters = new DeadLetters(await queue.openWriter(at), site);
    if (from === undefined) return letters;
    const reader = queue.openReader(at);
    try {
      let next = Math.max(from, await reader.earliestOffset());
      while (next < letters.nextOffset) {
        await reader.waitFor(offset(next), new AbortController().signal);
        const { batches, nextOffset } = await reader.read(offset(next));
        for (const { bytes } of batches) letters.#readBack(bytes);
        next = nextOffset;
      }
    } finally {
      await reader.close();
    }
    return letters;
  }

  get nextOffset(): number {
    return this.#writer.nextOffset;
  }

  /** Durable when it resolves. */
  async write(records: readonly RefusedRecord[]): Promise<void> {
    const builder = new RecordBatchBuilder();
    const appended: Promise<unknown>[] = [];
    for (const record of records) {
      const { origin, tenant, receivedMs } = this.#describe(record);
      if (this.#written.has(origin)) continue;
      this.#written.add(origin);
      const why = encodeDeadLetterReason({
        code: 'EVENT_REFUSED',
        reason: record.reason,
        origin,
        chunk: 0,
        last: true,
      });
      const meta = encodeRawMeta({ tenant, input: 'store', remote: '', format: 'json' });
      const headers = encodeHeaders([
        [RAW_META_KEY, meta],
        [DEAD_LETTER_KEY, why],
      ]);
      const append = () => builder.append(record.value, 0, record.value.length, receivedMs, headers);
      if (append()) continue;
      appended.push(this.#writer.append(builder.finish()));
      append();
    }
    if (builder.recordCount > 0) appended.push(this.#writer.append(builder.finish()));
    await Promise.all(appended);
  }

  /** The intent has ended: its letters will not be asked for again. */
  forget(): void {
    this.#written.clear();
  }

  async close(): Promise<void> {
    await this.#writer.close();
  }

  /** The event's own id where that can be read, else where the record stands; the ledger counts by the partition. */
  #describe(record: RefusedRecord): { origin: string; tenant: string; receivedMs: number } {
    const { partition } = record;
    const place = printOrigin({ site: this.#site, topic: TOPICS.events, partition, offset: record.offset, index: 0 });
    const event = parseObject(record.value);
    const origin = typeof event.id === 'string' && parseOrigin(event.id) !== undefined ? event.id : place;
    const tenant = typeof event.tenant === 'string' ? event.tenant : DEFAULT_TENANT;
    const receivedMs = typeof event.received === 'number' && event.received > 0 ? event.received : record.timestampMs;
    return { origin, tenant, receivedMs: Math.floor(receivedMs) };
  }

  #readBack(batch: Buffer): void {
    const cursor = new RecordCursor(batch);
    while (cursor.next()) {
      const reason = cursor.headerValue(DEAD_LETTER_KEY);
      if (reason !== undefined) this.#written.add(decodeDeadLetterReason(reason).origin);
    }
  }
}

function parseObject(bytes: Buffer): { readonly [key: string]: unknown } {
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}
