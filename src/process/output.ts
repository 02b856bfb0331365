/**
 * One batch of `events` while it is made: the events' JSON, then the progress marker, and beside it the dead letters
 * that must be durable before it. Input position and output are one atomic write, which is what makes the way from
 * `raw` to `events` exactly once.
 */
import { encodeProgress, type LedgerEntry, PROGRESS_KEY } from '../event/progress.ts';
import { NO_HEADERS, RecordBatchBuilder } from '../event/record-batch.ts';
import { PROCESS_LIMITS, QUEUE_LIMITS } from '../lib/limits.ts';
import type { DeadLetter } from './dead-letters.ts';
import { type Lanes, type Position, pass } from './lanes/lanes.ts';
import { LedgerCount, withoutEvent } from './ledger-count.ts';
import type { RawRecord } from './record.ts';

const MARKER_KEY = Buffer.from(PROGRESS_KEY);

export interface FinishedBatch {
  readonly bytes: Buffer;
  readonly ledger: readonly LedgerEntry[];
  /** Everything of `raw` before it is done. */
  readonly rawOffset: number;
}

export class OutputBatch {
  readonly letters: DeadLetter[] = [];
  readonly ledger = new LedgerCount();
  /** The record of an event that is alone in its batch for its size: dead-lettered if the batch is too large even so. */
  large: RawRecord | undefined;
  /** Which position the records that are taken move on: the main one, or that of a lane. */
  at: Position;
  records = 0;
  readonly #lanes: Lanes;
  readonly #builder = new RecordBatchBuilder({
    compression: 'zstd',
    maxBytes: QUEUE_LIMITS.decompressedBatchBytes,
  });
  #scratch = Buffer.allocUnsafe(64 * 1024);

  constructor(lanes: Lanes) {
    this.#lanes = lanes;
    this.at = lanes.main;
  }

  /** Whether the next event must wait for the next batch. */
  isFullFor(sizeBytes: number): boolean {
    if (this.ledger.size >= PROCESS_LIMITS.ledgerEntries) return true;
    return (
      sizeBytes > 0 && this.#builder.recordCount > 0 && this.#builder.sizeBytes + sizeBytes > PROCESS_LIMITS.batchBytes
    );
  }

  /** Encodes an event's JSON; the answer is its size in bytes. `add` takes it over. */
  encode(json: string): number {
    if (json.length * 3 > this.#scratch.length) this.#scratch = Buffer.allocUnsafe(json.length * 3);
    return this.#scratch.write(json, 0);
  }

  add(sizeBytes: number, receivedMs: number): void {
    this.#builder.append(this.#scratch, 0, sizeBytes, receivedMs, NO_HEADERS);
  }

  /** A record was taken, whatever became of it. */
  took(offset: number, receivedMs: number): void {
    this.records++;
    pass(this.at, offset, receivedMs);
  }

  /** Ends the batch with its marker; the next one begins where it ended. */
  finish(letterOffset: number): FinishedBatch {
    this.records = 0;
    this.large = undefined;
    return this.#finish(this.ledger.finish(), letterOffset);
  }

  /** Instead of a batch that held one event too large for it: only its marker, with the event counted as dead. */
  finishWithout(large: RawRecord, batch: FinishedBatch, letterOffset: number): FinishedBatch {
    return this.#finish(withoutEvent(batch.ledger, large), letterOffset);
  }

  #finish(ledger: readonly LedgerEntry[], letterOffset: number): FinishedBatch {
    const { version, rawOffset, receivedTo, ahead } = this.#lanes.positions;
    const marker = encodeProgress({
      ...{ version, rawOffset, receivedTo, ledger, letterOffset },
      ...(ahead === undefined ? {} : { ahead }),
    });
    this.#builder.append(marker, 0, marker.length, this.#lanes.main.receivedTo, NO_HEADERS, MARKER_KEY);
    return { bytes: this.#builder.finish(), ledger, rawOffset };
  }
}
