/** Collects records of `events` into a block with what an insert has to know about them. */
import { decodeProgress, foldProgress, isProgress, type Progress } from '../../event/progress.ts';
import type { RecordCursor } from '../../event/record-batch.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { Range } from '../journal.ts';
import type { SlicePolicy } from '../policy/slice-policy.ts';
import type { RefusedRecord, WriteBlock } from '../port.ts';
import { type Draft, SliceTally } from './draft.ts';

interface Span {
  from: number;
  to: number;
}

export class BlockBuilder {
  readonly #block: WriteBlock;
  readonly #policy: () => SlicePolicy;
  #tally: SliceTally | undefined;
  #spans = new Map<number, Span>();
  #refused: RefusedRecord[] = [];
  #progress = new Map<number, Progress>();
  #full = false;

  /** `policy` is asked once for each block, when its first event comes. */
  constructor(block: WriteBlock, policy: () => SlicePolicy) {
    this.#block = block;
    this.#policy = policy;
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

  /** Whether events of several tenants are in it. */
  get isShared(): boolean {
    return (this.#tally?.tenants ?? 0) > 1;
  }

  /** Takes the record the cursor stands on. False where it does not fit any more: it belongs to the next block. */
  take(cursor: RecordCursor, partition: number): boolean {
    const span = this.#spans.get(partition);
    if (span !== undefined && cursor.offset >= span.from + STORE_LIMITS.insertSpan) {
      this.#full = true;
      return false;
    }
    if (isProgress(cursor)) {
      const progress = decodeProgress(cursor.value());
      this.#progress.set(partition, foldProgress(this.#progress.get(partition), progress));
    } else if (!this.#takeEvent(cursor, partition)) {
      this.#full = true;
      return false;
    }
    if (span === undefined) this.#spans.set(partition, { from: cursor.offset, to: cursor.offset + 1 });
    else span.to = cursor.offset + 1;
    return true;
  }

  /** Is empty again when it resolves. */
  async finish(): Promise<Draft> {
    const rows = this.#block.rows;
    const paths = [...this.#block.pathTypes()];
    const draft: Draft = {
      batch: await this.#block.finish(),
      rows,
      ranges: Array.from(this.#spans, ([partition, span]): Range => ({ partition, from: span.from, to: span.to })),
      policy: this.#tally?.policy ?? this.#policy(),
      shares: this.#tally?.shares() ?? [],
      paths,
      refused: this.#refused,
      progress: this.#progress,
      newestReceivedMs: this.#tally?.newestReceivedMs ?? 0,
    };
    this.clear();
    return draft;
  }

  clear(): void {
    this.#block.clear();
    this.#tally = undefined;
    this.#spans = new Map();
    this.#refused = [];
    this.#progress = new Map();
    this.#full = false;
  }

  #takeEvent(cursor: RecordCursor, partition: number): boolean {
    const { bytes, valueStart, valueEnd, offset, timestampMs } = cursor;
    const record = { partition, offset, timestampMs };
    try {
      this.#tally ??= new SliceTally(this.#policy());
      const tally = this.#tally;
      if (!this.#block.add(bytes, valueStart, valueEnd, record, (facts) => tally.place(facts))) return false;
      tally.added(valueEnd - valueStart);
    } catch (thrown) {
      if (!(thrown instanceof SpillwayError) || thrown.code !== 'EVENT_REFUSED') throw thrown;
      this.#refused.push({ ...record, value: Buffer.from(cursor.value()), reason: thrown.message });
    }
    return true;
  }
}
