/**
 * The processor's dead letters: records that no stage could handle, whole, in the processor's own partition of
 * `dead-letter`. Each is written once: what a predecessor wrote before it died is read back at takeover and skipped.
 */
import {
  DEAD_LETTER_KEY,
  DEAD_LETTER_PARTITIONS,
  decodeDeadLetterReason,
  encodeDeadLetterReason,
} from '../event/dead-letter.ts';
import { parseOrigin } from '../event/origin.ts';
import { encodeRawMeta, RAW_META_KEY, type RawMeta } from '../event/raw-meta.ts';
import { encodeHeaders, RecordBatchBuilder, RecordCursor } from '../event/record-batch.ts';
import { TOPICS } from '../event/topics.ts';
import type { ErrorCode } from '../lib/errors.ts';
import { offset, type PartitionWriter, type Queue } from '../queue/port.ts';
import type { RawRecord } from './record.ts';

export interface DeadLetter {
  readonly partition: number;
  readonly rawOffset: number;
  readonly receivedMs: number;
  readonly value: Buffer;
  readonly headers: Buffer;
}

/** The whole record, copied out of its batch. `meta` is undefined where it had none that could be read. */
export function deadLetterOf(
  record: Omit<RawRecord, 'meta'> & { readonly meta: RawMeta | undefined },
  code: ErrorCode,
  reason: string,
): DeadLetter {
  const why = encodeDeadLetterReason({ code, reason, origin: record.id, chunk: 0, last: true });
  const headers: [string, Uint8Array][] = [[DEAD_LETTER_KEY, why]];
  if (record.meta !== undefined) headers.unshift([RAW_META_KEY, encodeRawMeta(record.meta)]);
  return {
    partition: record.partition,
    rawOffset: record.offset,
    receivedMs: record.receivedMs,
    value: Buffer.from(record.bytes.subarray(record.start, record.end)),
    headers: encodeHeaders(headers),
  };
}

export interface DeadLetterStart {
  readonly rawOffset: number;
  readonly deadLetterOffset: number;
}

export class DeadLetters {
  readonly #queue: Queue;
  readonly #writer: PartitionWriter;
  readonly #site: string;
  /** By partition of `raw`: offsets of records whose dead letter is there and whose progress is not yet. */
  readonly #written = new Map<number, Set<number>>();

  private constructor(queue: Queue, writer: PartitionWriter, site: string) {
    this.#queue = queue;
    this.#writer = writer;
    this.#site = site;
  }

  /** Takes over the partition. */
  static async open(queue: Queue, site: string): Promise<DeadLetters> {
    const at = { topic: TOPICS.deadLetter, partition: DEAD_LETTER_PARTITIONS.processor };
    return new DeadLetters(queue, await queue.openWriter(at), site);
  }

  /**
   * Reads back the letters of records of a partition of `raw` that no progress has passed: call it before the first one
   * is written. `start`: its progress, and from where on (an offset of `dead-letter`) it can have such letters.
   */
  async recall(partition: number, start: DeadLetterStart): Promise<void> {
    const { topic, partition: own } = this.#writer;
    const reader = this.#queue.openReader({ topic, partition: own });
    try {
      // Whoever had the partition of `raw` before may have written until just now: where the engine lets several
      // processes write to one partition, theirs and ours stand side by side.
      const end = await reader.endOffset();
      let next = Math.max(Math.min(start.deadLetterOffset, end), await reader.earliestOffset());
      while (next < end) {
        await reader.waitFor(offset(next), new AbortController().signal);
        const { batches, nextOffset } = await reader.read(offset(next));
        for (const batch of batches) this.#readBack(batch.bytes, partition, start.rawOffset);
        next = nextOffset;
      }
    } finally {
      await reader.close();
    }
  }

  get nextOffset(): number {
    return this.#writer.nextOffset;
  }

  /** Durable when it resolves. Letters of records that have one already are left out. */
  async write(letters: readonly DeadLetter[]): Promise<void> {
    const builder = new RecordBatchBuilder();
    const appended: Promise<void>[] = [];
    let batch: DeadLetter[] = [];
    const append = (): void => {
      const done = batch;
      batch = [];
      appended.push(this.#writer.append(builder.finish()).then(() => this.#remember(done)));
    };
    for (const letter of letters) {
      if (this.#writtenOf(letter.partition).has(letter.rawOffset)) continue;
      if (!builder.append(letter.value, 0, letter.value.length, letter.receivedMs, letter.headers)) {
        append();
        builder.append(letter.value, 0, letter.value.length, letter.receivedMs, letter.headers);
      }
      batch.push(letter);
    }
    if (batch.length > 0) append();
    await Promise.all(appended);
  }

  /** A marker that stands for their records is durable. */
  passed(letters: readonly DeadLetter[]): void {
    for (const { partition, rawOffset } of letters) this.#written.get(partition)?.delete(rawOffset);
  }

  async close(): Promise<void> {
    await this.#writer.close();
  }

  #remember(letters: readonly DeadLetter[]): void {
    for (const letter of letters) this.#writtenOf(letter.partition).add(letter.rawOffset);
  }

  #writtenOf(partition: number): Set<number> {
    const known = this.#written.get(partition);
    if (known !== undefined) return known;
    const written = new Set<number>();
    this.#written.set(partition, written);
    return written;
  }

  #readBack(batch: Buffer, partition: number, rawOffset: number): void {
    const cursor = new RecordCursor(batch);
    while (cursor.next()) {
      const reason = cursor.headerValue(DEAD_LETTER_KEY);
      if (reason === undefined) continue;
      const origin = parseOrigin(decodeDeadLetterReason(reason).origin);
      if (origin?.site !== this.#site || origin.topic !== TOPICS.raw || origin.partition !== partition) continue;
      if (origin.offset >= rawOffset) this.#writtenOf(partition).add(origin.offset);
    }
  }
}
