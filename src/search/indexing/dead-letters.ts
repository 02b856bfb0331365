/**
 * The store's dead letters: events that the search engine cannot take, whole. Those of a partition of `events` have a
 * partition of `dead-letter` to themselves, whose writer is whoever has that of `events`: so it may move between stores.
 * Each letter is written once: what was written for records that nobody has committed is read back and skipped. That is
 * of as many records as one insert spans; where more than that is not committed, or what was is forgotten, there may be
 * letters of more, which are read back when the inserts come to them.
 */
import {
  DEAD_LETTER_KEY,
  deadLetterPartition,
  EARLIER_DEAD_LETTERS,
  encodeDeadLetterReason,
} from '../../event/dead-letter.ts';
import { parseOrigin, printOrigin } from '../../event/origin.ts';
import { encodeRawMeta, RAW_META_KEY } from '../../event/raw-meta.ts';
import { encodeHeaders, RecordBatchBuilder } from '../../event/record-batch.ts';
import { TOPICS } from '../../event/topics.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import { DEFAULT_TENANT } from '../../lib/principal.ts';
import { offset, type PartitionWriter, type Queue } from '../../queue/port.ts';
import type { Range } from '../journal.ts';
import type { RefusedRecord } from '../port.ts';
import { reasonsOf, recallLetters } from './recall-letters.ts';

/** Of one partition of `events`. */
interface Letters {
  readonly writer: PartitionWriter;
  /** Where letters end that are to be read back. */
  end: number;
  /** The record's offset, by origin: all letters of records in `covered`, and what was written since. */
  readonly written: Map<string, number>;
  covered: Covered[];
}

/** Offsets of records. */
interface Covered {
  readonly from: number;
  readonly until: number;
}

export class DeadLetters {
  readonly #queue: Queue;
  readonly #site: string;
  readonly #partitions = new Map<number, Letters>();
  /** Origins of letters that an earlier version wrote for the insert that it left. */
  readonly #earlier = new Set<string>();

  constructor(queue: Queue, site: string) {
    this.#queue = queue;
    this.#site = site;
  }

  /** Takes over what belongs to a partition of `events`, of which everything before `committed` is. Again is the same. */
  async open(partition: number, committed: number): Promise<void> {
    if (this.#partitions.has(partition)) return;
    const at = { topic: TOPICS.deadLetter, partition: deadLetterPartition.storing(partition) };
    const writer = await this.#queue.openWriter(at);
    try {
      const letters = { writer, end: writer.nextOffset, written: new Map(), covered: [] };
      await this.#recall(letters, committed);
      this.#partitions.set(partition, letters);
    } catch (thrown) {
      await writer.close();
      throw thrown;
    }
  }

  async #recall(letters: Letters, from: number): Promise<void> {
    const { topic, partition } = letters.writer;
    const reader = this.#queue.openReader({ topic, partition });
    try {
      const { written, until } = await recallLetters(reader, letters.end, from);
      for (const [origin, at] of written) letters.written.set(origin, at);
      letters.covered.push({ from, until });
    } finally {
      await reader.close();
    }
  }

  /** Reads back what an earlier version wrote to the one partition that it had. */
  async recallEarlier(from: number): Promise<void> {
    const reader = this.#queue.openReader({ topic: TOPICS.deadLetter, partition: EARLIER_DEAD_LETTERS.store });
    try {
      const end = await reader.endOffset();
      let next = Math.max(from, await reader.earliestOffset());
      while (next < end) {
        const { batches, nextOffset } = await reader.read(offset(next));
        for (const { bytes } of batches) for (const { origin } of reasonsOf(bytes)) this.#earlier.add(origin ?? '');
        if (nextOffset === next) return;
        next = nextOffset;
      }
    } finally {
      await reader.close();
    }
  }

  /** Durable when it resolves. Their partitions are open. `isLate`: they waited, and later records were written before. */
  async write(records: readonly RefusedRecord[], isLate = false): Promise<void> {
    const byPartition = Map.groupBy(records, ({ partition }) => partition);
    await Promise.all([...byPartition].map(([partition, own]) => this.#write(partition, own, isLate)));
  }

  /** The ranges are committed: their letters will not be asked for again. */
  forget(ranges: readonly Range[]): void {
    this.#earlier.clear();
    for (const { partition, to } of ranges) {
      const written = this.#partitions.get(partition)?.written;
      for (const [origin, at] of written ?? []) if (at < to) written?.delete(origin);
    }
  }

  /** The partition of `events` is given up. */
  async release(partition: number): Promise<void> {
    const known = this.#partitions.get(partition);
    this.#partitions.delete(partition);
    await known?.writer.close();
  }

  async close(): Promise<void> {
    for (const partition of [...this.#partitions.keys()]) await this.release(partition);
  }

  async #write(partition: number, records: readonly RefusedRecord[], isLate: boolean): Promise<void> {
    const known = this.#partitions.get(partition);
    if (known === undefined) throw new RangeError(`the dead letters of partition ${partition} are not open`);
    const { writer, written } = known;
    if (written.size > STORE_LIMITS.lettersKnown) {
      written.clear();
      known.covered = [];
      known.end = writer.nextOffset;
    }
    const isKnown = (at: number) => known.covered.some(({ from, until }) => from <= at && at < until);
    if (!records.every((record) => isKnown(record.offset))) {
      const first = records.reduce((least, record) => Math.min(least, record.offset), Number.POSITIVE_INFINITY);
      await this.#recall(known, first - STORE_LIMITS.insertSpan);
    }
    const builder = new RecordBatchBuilder();
    const appended: Promise<void>[] = [];
    let batch: [string, number][] = [];
    // What is not durable is written again at the next attempt.
    const send = (): void => {
      const done = batch;
      batch = [];
      appended.push(
        writer.append(builder.finish()).then(() => {
          for (const [origin, at] of done) written.set(origin, at);
        }),
      );
    };
    for (const record of records) {
      const { origin, tenant, receivedMs } = this.#describe(record);
      if (written.has(origin) || this.#earlier.has(origin)) continue;
      const why = encodeDeadLetterReason({
        code: 'EVENT_REFUSED',
        reason: record.reason,
        origin,
        chunk: 0,
        last: true,
        record: record.offset,
        ...(isLate && { late: true }),
      });
      const meta = encodeRawMeta({ tenant, input: 'store', remote: '', format: 'json' });
      const headers = encodeHeaders([
        [RAW_META_KEY, meta],
        [DEAD_LETTER_KEY, why],
      ]);
      const append = () => builder.append(record.value, 0, record.value.length, receivedMs, headers);
      if (!append()) {
        send();
        append();
      }
      batch.push([origin, record.offset]);
    }
    if (batch.length > 0) send();
    await Promise.all(appended);
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
}

function parseObject(bytes: Buffer): { readonly [key: string]: unknown } {
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}
