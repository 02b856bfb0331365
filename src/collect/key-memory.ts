/**
 * Idempotency-Keys over a restart. The log has them all (each record of a keyed request carries its key); a file says
 * how far it was read, with what was found up to there.
 */
import { DEAD_LETTER_KEY, decodeDeadLetterReason } from '../event/dead-letter.ts';
import { decodeRawMeta, RAW_META_KEY, type RawMeta } from '../event/raw-meta.ts';
import { RecordCursor } from '../event/record-batch.ts';
import { messageOf } from '../lib/errors.ts';
import type { CollectLimits } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import {
  type Offset,
  offset,
  type PartitionReader,
  type PartitionWriter,
  type Queue,
  type TopicPartition,
} from '../queue/port.ts';
import type { IdempotencyKeys, KeyBook, LogEnds } from './inputs/http/idempotency.ts';
import { KeyFile } from './key-file.ts';

const FORMAT = 'spillway-idempotency-keys-1';

export interface KeyMemoryOptions {
  readonly keys: IdempotencyKeys;
  readonly queue: Queue;
  /** Of every log that may have keys; where they end now is where this process begins. */
  readonly writers: readonly PartitionWriter[];
  /** Records of before are not looked at. */
  readonly fromMs: number;
  readonly limits: CollectLimits;
  readonly log: Logger;
  /** Absolute; without it every start reads the day. */
  readonly file?: string | undefined;
}

export const logNameOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

export class KeyMemory {
  /** Resolves when all keys of before the start are known; rejects where the log cannot be read. */
  readonly recalled: Promise<void>;
  /**
   * Resolves when keyed requests may be taken: with `recalled`, but where the queue is away, when what was written down
   * is known. What is only in the log is then not known here, as it is not to another collector: the processor passes
   * over what comes again.
   */
  readonly usable: Promise<void>;
  readonly #options: KeyMemoryOptions;
  readonly #file: KeyFile<{ readonly book: KeyBook }>;
  /** How far the log had been read when this was written down, while it was not read on from there: the queue is away. */
  #unreadFrom: LogEnds | undefined;

  constructor(options: KeyMemoryOptions) {
    this.#options = options;
    const { file, limits, log } = options;
    const content = () => ({ book: this.#book() });
    this.#file = new KeyFile({ file, format: FORMAT, content, everyMs: limits.keySnapshotMs, log });
    const isLate = options.writers.some(({ known }) => known !== undefined);
    const early = isLate ? this.#restore() : undefined;
    this.recalled = early === undefined ? this.#recall() : early.then(() => this.#recallLate());
    this.usable = early ?? this.recalled;
    this.recalled.catch((error) => log.error({ error: messageOf(error) }, 'idempotency keys cannot be read back'));
    this.usable.then(
      () => this.#file.writeNowAndThen(),
      () => {},
    );
  }

  /** Call it when no request is under way. */
  close(): Promise<void> {
    return this.#file.close();
  }

  /** Without the log. */
  async #restore(): Promise<void> {
    const book = await this.#read({});
    this.#unreadFrom = book?.ends ?? {};
    if (book !== undefined) this.#options.keys.restore(book);
  }

  async #recallLate(): Promise<void> {
    await Promise.all(this.#options.writers.map(({ known }) => known));
    await this.#recall({ isRestored: true });
  }

  async #recall({ isRestored = false } = {}): Promise<void> {
    const { keys, queue, writers, fromMs } = this.#options;
    const ends = endsOf(writers);
    const book = await this.#read(ends);
    if (book !== undefined && !isRestored) keys.restore(book);
    const readers = writers.map(({ topic, partition }) => queue.openReader({ topic, partition }));
    try {
      const starts: Record<string, number> = {};
      for (const reader of readers) starts[logNameOf(reader)] = await startOf(reader, book?.ends, fromMs);
      for (const reader of readers) {
        const name = logNameOf(reader);
        await recallLog(keys, reader, offset(starts[name] ?? 0), ends[name] ?? 0, starts);
      }
    } finally {
      await Promise.all(readers.map((reader) => reader.close()));
    }
    keys.endRecall();
    this.#unreadFrom = undefined;
  }

  /** Undefined where there is none that belongs to these logs. */
  async #read(ends: LogEnds): Promise<KeyBook | undefined> {
    const found = await this.#file.read(({ book }) =>
      Object.entries(ends).every(([name, end]) => (book.ends[name] ?? 0) <= end),
    );
    return found?.book;
  }

  #book(): KeyBook {
    const book = this.#options.keys.book();
    return this.#unreadFrom === undefined ? book : { ...book, ends: this.#unreadFrom };
  }
}

function endsOf(writers: readonly PartitionWriter[]): LogEnds {
  return Object.fromEntries(writers.map((writer) => [logNameOf(writer), writer.nextOffset]));
}

/** The first offset of a log that has to be read. */
async function startOf(reader: PartitionReader, ends: LogEnds | undefined, fromMs: number): Promise<number> {
  const known = ends?.[logNameOf(reader)];
  return known === undefined ? await reader.offsetAtTime(fromMs) : Math.max(known, await reader.earliestOffset());
}

async function recallLog(
  keys: IdempotencyKeys,
  reader: PartitionReader,
  start: Offset,
  end: number,
  since: LogEnds,
): Promise<void> {
  let position = start;
  while (position < end) {
    const { batches, nextOffset } = await reader.read(position);
    if (nextOffset <= position) return;
    // What is noted down ends with a batch, so none is counted in part.
    for (const batch of batches) if (batch.baseOffset < end) recallBatch(keys, batch.bytes, since);
    position = nextOffset;
  }
}

function recallBatch(keys: IdempotencyKeys, bytes: Buffer, since: LogEnds): void {
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
    if (reason === undefined) keys.recall(meta.idempotency, records.timestampMs, 'record', since);
    else if (decodeDeadLetterReason(reason).last)
      keys.recall(meta.idempotency, records.timestampMs, 'dead letter', since);
  }
}
