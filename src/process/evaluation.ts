/**
 * Takes record after record through the topology into the batch that is being made. What a stage fails on becomes a
 * dead letter, so a poison record harms nobody and is never tried again and again.
 */
import type { RecordCursor } from '../event/record-batch.ts';
import { TOPICS } from '../event/topics.ts';
import { type ErrorCode, messageOf, SpillwayError } from '../lib/errors.ts';
import { PROCESS_LIMITS, QUEUE_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { DEFAULT_TENANT } from '../lib/principal.ts';
import { type DeadLetter, deadLetterOf } from './dead-letters.ts';
import type { OutputBatch } from './output.ts';
import { MetaReader, type RawRecord } from './record.ts';
import { REPEATED, type Repeats } from './repeats.ts';
import type { Topology } from './topology.ts';

export interface EvaluationOptions {
  readonly partition: number;
  readonly site: string;
  readonly topology: Topology;
  readonly log: Logger;
  /** Where several collectors may have taken the same request. */
  readonly repeats?: Repeats | undefined;
}

/** The largest event that fits a batch beside its marker. */
const EVENT_BYTES = QUEUE_LIMITS.decompressedBatchBytes - PROCESS_LIMITS.batchBytes;

export class Evaluation {
  readonly #options: EvaluationOptions;
  readonly #output: OutputBatch;
  readonly #metas = new MetaReader();
  readonly #idPrefix: string;
  // What became of the record evaluated last: an event of so many bytes, or else dropped by a rule, or else a dead letter.
  #tenant = DEFAULT_TENANT;
  #sizeBytes = 0;
  #rule: string | undefined;
  #letter: DeadLetter | undefined;
  #record: RawRecord | undefined;

  constructor(options: EvaluationOptions, output: OutputBatch) {
    this.#options = options;
    this.#output = output;
    this.#idPrefix = `${options.site}.${TOPICS.raw}.${options.partition}.`;
  }

  /** Whose record it is; undefined where nobody knows. */
  tenantOf(cursor: RecordCursor): string | undefined {
    try {
      return this.#metas.read(cursor).tenant;
    } catch {
      return undefined;
    }
  }

  /** Whose record was evaluated last. */
  get tenant(): string {
    return this.#tenant;
  }

  evaluate(cursor: RecordCursor): void {
    this.#sizeBytes = 0;
    this.#rule = undefined;
    this.#letter = undefined;
    this.#record = undefined;
    this.#tenant = DEFAULT_TENANT;
    try {
      const record = this.#read(cursor);
      const result =
        this.#options.repeats?.isRepeat(record.meta) === true ? { rule: REPEATED } : this.#options.topology.run(record);
      if (typeof result === 'string') this.#sizeBytes = this.#output.encode(result);
      else this.#rule = result.rule;
      if (this.#sizeBytes > EVENT_BYTES) {
        throw new SpillwayError(
          'MESSAGE_TOO_LARGE',
          `As an event it takes ${this.#sizeBytes} bytes, more than a batch holds.`,
        );
      }
    } catch (thrown) {
      this.#sizeBytes = 0;
      this.#letter = this.#deadLetter(cursor, thrown);
    }
  }

  /** Whether the batch must be ended before the record is taken. */
  get mustWait(): boolean {
    return this.#output.isFullFor(this.#sizeBytes);
  }

  /** Puts what became of the record into the batch. */
  take(cursor: RecordCursor): void {
    const output = this.#output;
    const { timestampMs } = cursor;
    if (this.#letter !== undefined) {
      output.letters.push(this.#letter);
      output.ledger.deadLettered(this.#tenant, timestampMs);
    } else if (this.#rule !== undefined) {
      output.ledger.dropped(this.#tenant, timestampMs, this.#rule);
    } else {
      output.add(this.#sizeBytes, timestampMs);
      output.ledger.out(this.#tenant, timestampMs);
      if (this.#sizeBytes > PROCESS_LIMITS.batchBytes) output.large = this.#record;
    }
    output.took(cursor.offset, timestampMs);
  }

  #read(cursor: RecordCursor): RawRecord {
    const meta = this.#metas.read(cursor);
    this.#tenant = meta.tenant;
    const { bytes, valueStart, valueEnd, timestampMs, offset } = cursor;
    const id = `${this.#idPrefix}${offset}.0`;
    this.#record = {
      bytes,
      start: valueStart,
      end: valueEnd,
      meta,
      receivedMs: timestampMs,
      partition: this.#options.partition,
      offset,
      id,
    };
    return this.#record;
  }

  #deadLetter(cursor: RecordCursor, thrown: unknown): DeadLetter {
    const { partition, log } = this.#options;
    const id = `${this.#idPrefix}${cursor.offset}.0`;
    const code: ErrorCode = thrown instanceof SpillwayError ? thrown.code : 'STAGE_FAILED';
    const reason = messageOf(thrown);
    log.warn({ id, code, reason }, 'A record became a dead letter');
    const { bytes, valueStart: start, valueEnd: end, timestampMs: receivedMs, offset } = cursor;
    return deadLetterOf(
      { bytes, start, end, receivedMs, partition, offset, id, meta: this.#record?.meta },
      code,
      reason,
    );
  }
}
