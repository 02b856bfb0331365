/** Collects records of `events` into a block with what an insert has to know about them. */
import { decodeProgress, foldProgress, isProgress, type Progress } from '../../event/progress.ts';
import type { RecordCursor } from '../../event/record-batch.ts';
import { messageOf } from '../../lib/errors.ts';
import { EventBlock, refused } from '../clickhouse/native/event-block.ts';
import type { Range } from '../journal.ts';
import type { RetentionPolicy } from '../slices.ts';
import type { RefusedRecord } from './dead-letters.ts';
import { type Draft, SliceTally } from './draft.ts';
import type { DraftFiles } from './draft-files.ts';

interface Span {
  from: number;
  to: number;
}

export class BlockBuilder {
  readonly #block = new EventBlock();
  readonly #policy: RetentionPolicy;
  #tally: SliceTally;
  #spans = new Map<number, Span>();
  #refused: RefusedRecord[] = [];
  #progress = new Map<number, Progress>();
  #full = false;

  constructor(policy: RetentionPolicy) {
    this.#policy = policy;
    this.#tally = new SliceTally(policy);
  }

  get isFull(): boolean {
    return this.#full || this.#block.isFull;
  }

  get isEmpty(): boolean {
    return this.#spans.size === 0;
  }

  get rows(): number {
    return this.#block.rows;
  }

  /** Takes the record the cursor stands on. False where it does not fit any more: it belongs to the next block. */
  take(cursor: RecordCursor, partition: number): boolean {
    if (isProgress(cursor)) {
      const progress = decodeProgress(cursor.value());
      this.#progress.set(partition, foldProgress(this.#progress.get(partition), progress));
    } else if (!this.#takeEvent(cursor, partition)) {
      this.#full = true;
      return false;
    }
    const span = this.#spans.get(partition);
    if (span === undefined) this.#spans.set(partition, { from: cursor.offset, to: cursor.offset + 1 });
    else span.to = cursor.offset + 1;
    return true;
  }

  /** Writes the rows to a file and is empty again. */
  async finish(files: DraftFiles): Promise<Draft> {
    const rows = this.#block.rows;
    const draft: Draft = {
      file: rows === 0 ? undefined : await files.write(this.#block.encode()),
      rows,
      ranges: Array.from(this.#spans, ([partition, span]): Range => ({ partition, from: span.from, to: span.to })),
      slices: this.#tally.slices(),
      paths: [...this.#block.pathTypes()],
      refused: this.#refused,
      progress: this.#progress,
      newestReceivedMs: this.#tally.newestReceivedMs,
    };
    this.clear();
    return draft;
  }

  clear(): void {
    this.#block.clear();
    this.#tally = new SliceTally(this.#policy);
    this.#spans = new Map();
    this.#refused = [];
    this.#progress = new Map();
    this.#full = false;
  }

  #takeEvent(cursor: RecordCursor, partition: number): boolean {
    const { bytes, valueStart, valueEnd, offset } = cursor;
    try {
      const tally = this.#tally;
      if (!this.#block.add(bytes, valueStart, valueEnd, partition, offset, (facts) => tally.place(facts))) return false;
      tally.added(valueEnd - valueStart);
    } catch (thrown) {
      if (!refused(thrown)) throw thrown;
      const value = Buffer.from(cursor.value());
      this.#refused.push({ partition, offset, timestampMs: cursor.timestampMs, value, reason: messageOf(thrown) });
    }
    return true;
  }
}
