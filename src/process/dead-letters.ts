/**
 * The processor's dead letters: records that no stage could handle, whole. Those of a partition of `raw` have a partition
 * of `dead-letter` to themselves, whose writer is whoever has that of `raw`: so it may move between processes. Each letter
 * is written once: what a predecessor wrote before it died is read back and skipped.
 */
import {
  DEAD_LETTER_KEY,
  deadLetterPartition,
  decodeDeadLetterReason,
  EARLIER_DEAD_LETTERS,
  encodeDeadLetterReason,
} from '../event/dead-letter.ts';
import { parseOrigin } from '../event/origin.ts';
import { encodeRawMeta, RAW_META_KEY, type RawMeta } from '../event/raw-meta.ts';
import { encodeHeaders, RecordBatchBuilder, RecordCursor } from '../event/record-batch.ts';
import { TOPICS } from '../event/topics.ts';
import type { ErrorCode } from '../lib/errors.ts';
import { offset, type PartitionWriter, type Queue, type TopicPartition } from '../queue/port.ts';
import type { RawRecord } from './record.ts';
import type { LetterStart } from './start.ts';

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

export interface DeadLettersOptions {
  readonly queue: Queue;
  readonly site: string;
  /** Of `raw`. */
  readonly partition: number;
  /** Progress has durably passed everything before it. */
  readonly rawOffset: number;
  readonly start: LetterStart;
}

/** The dead letters of one partition of `raw`, for as long as this process has it. */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #writer: PartitionWriter;
  /** Offsets of records whose dead letter is there and whose progress is not yet. */
  readonly #written = new Set<number>();

  private constructor(options: DeadLettersOptions, writer: PartitionWriter) {
    this.#options = options;
    this.#writer = writer;
  }

  /** Takes the partition over, so that an earlier owner writes nothing there any more; then reads back what it wrote. */
  static async open(options: DeadLettersOptions): Promise<DeadLetters> {
    const { queue, partition, start } = options;
    const at = { topic: TOPICS.deadLetter, partition: deadLetterPartition.processing(partition) };
    const writer = await queue.openWriter(at);
    const letters = new DeadLetters(options, writer);
    try {
      await letters.#recall(at, start.offset, writer.nextOffset);
      if (start.earlierOffset !== undefined) {
        await letters.#recall({ ...at, partition: EARLIER_DEAD_LETTERS.processor }, start.earlierOffset);
      }
      return letters;
    } catch (thrown) {
      await writer.close();
      throw thrown;
    }
  }

  /** Letters of records that no progress has passed are before it. */
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
      appended.push(
        this.#writer.append(builder.finish()).then(() => {
          for (const { rawOffset } of done) this.#written.add(rawOffset);
        }),
      );
    };
    for (const letter of letters) {
      if (this.#written.has(letter.rawOffset)) continue;
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
    for (const { rawOffset } of letters) this.#written.delete(rawOffset);
  }

  async close(): Promise<void> {
    await this.#writer.close();
  }

  async #recall(at: TopicPartition, from: number, end?: number): Promise<void> {
    const reader = this.#options.queue.openReader(at);
    try {
      const to = end ?? (await reader.endOffset());
      let next = Math.max(Math.min(from, to), await reader.earliestOffset());
      while (next < to) {
        await reader.waitFor(offset(next), new AbortController().signal);
        const { batches, nextOffset } = await reader.read(offset(next));
        for (const batch of batches) this.#readBack(batch.bytes);
        next = nextOffset;
      }
    } finally {
      await reader.close();
    }
  }

  #readBack(batch: Buffer): void {
    const { site, partition, rawOffset } = this.#options;
    const cursor = new RecordCursor(batch);
    while (cursor.next()) {
      const reason = cursor.headerValue(DEAD_LETTER_KEY);
      if (reason === undefined) continue;
      const origin = parseOrigin(decodeDeadLetterReason(reason).origin);
      if (origin?.site !== site || origin.topic !== TOPICS.raw || origin.partition !== partition) continue;
      if (origin.offset >= rawOffset) this.#written.add(origin.offset);
    }
  }
}
