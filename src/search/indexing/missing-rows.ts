/**
 * The slow path of an insert: after a crash or a failure, rows of given ranges that are not visible are read from the
 * queue again and inserted; where the engine refuses a block although it works, the block is halved until the row
 * that it refuses stands alone.
 */
import { decodeProgress, foldProgress, isProgress, type Progress } from '../../event/progress.ts';
import { RecordCursor } from '../../event/record-batch.ts';
import { TOPICS } from '../../event/topics.ts';
import { messageOf } from '../../lib/errors.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { offset, type PartitionReader, type Queue, type ReadResult } from '../../queue/port.ts';
import { retainedFrom } from '../../queue/retained-from.ts';
import type { SliceShare } from '../catalogue.ts';
import type { Range } from '../journal.ts';
import type { PathType } from '../path-types.ts';
import type { SlicePolicy } from '../policy/slice-policy.ts';
import type { Inserted, InsertOptions, RefusedRecord, SearchWriter, WaitingRows, WriteBatch } from '../port.ts';
import { type SliceKey, sliceText } from '../slices.ts';
import { BlockBuilder } from './block-builder.ts';
import type { Draft } from './draft.ts';

interface Row {
  readonly partition: number;
  readonly offset: number;
}

/** An insert that was begun: which records, where rows of them may be, and what says where they belong. */
export interface Begun {
  readonly ranges: readonly Range[];
  readonly slices: readonly SliceKey[];
  readonly policy: SlicePolicy;
}

/** What inserting them came to. */
export interface Filled extends Inserted {
  /** Slices, as texts, that have taken rows. */
  readonly taken: ReadonlySet<string>;
  /** Rows that were tried. */
  readonly rows: number;
}

export interface FillOptions extends InsertOptions {
  /** All that was stored of the ranges was stored long ago: so it can be found. Others wait for this, so the queue must answer. */
  readonly isOld?: boolean;
}

export interface Survey {
  /** Where the missing rows belong. */
  readonly shares: readonly SliceShare[];
  readonly paths: readonly PathType[];
  readonly progress: ReadonlyMap<number, Progress>;
}

/** Told before rows can be seen which types they bring to which paths; durable when it resolves. */
export type OnPaths = (paths: readonly PathType[]) => Promise<void>;

interface Filling {
  readonly policy: SlicePolicy;
  readonly onPaths: OnPaths;
  readonly how: InsertOptions;
  /** Slices, as texts, of rows that were tried. */
  readonly taken: Set<string>;
}

export interface MissingRowsParts {
  readonly queue: Queue;
  readonly writer: SearchWriter;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Told of records that were removed from the queue before they were inserted. */
  readonly onLost: (partition: number, records: number) => void;
}

export class MissingRows {
  readonly #parts: MissingRowsParts;
  /** By partition: up to where it was said that records are gone, since a range is looked at again and again. */
  readonly #goneTo = new Map<number, number>();

  constructor(parts: MissingRowsParts) {
    this.#parts = parts;
  }

  /** What inserting the missing rows would touch. */
  async survey({ ranges, slices, policy }: Begun): Promise<Survey> {
    const progress = new Map<number, Progress>();
    const shares: SliceShare[] = [];
    const paths: PathType[] = [];
    const missing = await this.#missing(ranges, slices, false);
    for (const range of ranges) {
      const markers = await this.markers(range);
      if (markers !== undefined) progress.set(range.partition, markers);
    }
    await this.#build(missing, policy, async (builder) => {
      const draft = await this.#discard(builder);
      shares.push(...draft.shares);
      paths.push(...draft.paths);
    });
    return { shares, paths, progress };
  }

  /** The progress markers of the range, folded. */
  async markers(range: Range, signal?: AbortSignal): Promise<Progress | undefined> {
    let progress: Progress | undefined;
    const visit = (batch: Buffer) => {
      const cursor = new RecordCursor(batch);
      while (cursor.next()) {
        if (!isProgress(cursor) || cursor.offset < range.from || cursor.offset >= range.to) continue;
        progress = foldProgress(progress, decodeProgress(cursor.value()));
      }
      return true;
    };
    await this.#read(range, visit, signal);
    return progress;
  }

  /**
   * Inserts the missing rows; returns those that the engine refuses, and those that wait. Rejects where the engine does not
   * work at all. A block of other rows than the first one's may store the same texts as another type: `onPaths` is told of
   * each.
   */
  async insert({ ranges, slices, policy }: Begun, onPaths: OnPaths, options: FillOptions = {}): Promise<Filled> {
    const { isOld = false, ...how } = options;
    const rows = await this.#missing(ranges, slices, isOld);
    const taken = new Set<string>();
    const inserted = await this.#insertRows(rows, { policy, onPaths, how, taken });
    for (const { slice } of inserted.waiting) taken.delete(sliceText(slice));
    return { ...inserted, taken, rows: rows.length };
  }

  async #insertRows(rows: readonly Row[], filling: Filling): Promise<Inserted> {
    const refused: RefusedRecord[] = [];
    const waiting: WaitingRows[] = [];
    await this.#build(rows, filling.policy, async (builder, taken) => {
      const draft = await builder.finish();
      refused.push(...draft.refused);
      for (const { slice } of draft.shares) filling.taken.add(sliceText(slice));
      if (draft.batch === undefined) return;
      try {
        await filling.onPaths(draft.paths);
        const inserted = await this.#insertBatch(draft.batch, taken, filling);
        refused.push(...inserted.refused);
        waiting.push(...inserted.waiting);
      } finally {
        draft.batch.discard();
      }
    });
    return { refused, waiting };
  }

  async #insertBatch(batch: WriteBatch, rows: readonly Row[], filling: Filling): Promise<Inserted> {
    try {
      return await this.#parts.writer.insert(batch, filling.how);
    } catch (thrown) {
      if (!(await this.#parts.writer.works())) throw thrown;
      return this.#divide(rows, messageOf(thrown), filling);
    }
  }

  async #divide(rows: readonly Row[], reason: string, filling: Filling): Promise<Inserted> {
    const [row] = rows;
    if (row === undefined) return { refused: [], waiting: [] };
    if (rows.length === 1) {
      this.#parts.log.warn({ ...row, reason }, 'The search engine refuses an event; it becomes a dead letter');
      return { refused: await this.#letter(row, reason), waiting: [] };
    }
    const middle = rows.length >> 1;
    const first = await this.#insertRows(rows.slice(0, middle), filling);
    const second = await this.#insertRows(rows.slice(middle), filling);
    return { refused: [...first.refused, ...second.refused], waiting: [...first.waiting, ...second.waiting] };
  }

  async #letter(row: Row, reason: string): Promise<readonly RefusedRecord[]> {
    const letters: RefusedRecord[] = [];
    await this.#read({ partition: row.partition, from: row.offset, to: row.offset + 1 }, (batch) => {
      const cursor = new RecordCursor(batch);
      while (cursor.next()) {
        if (cursor.offset !== row.offset) continue;
        const { timestampMs } = cursor;
        letters.push({ ...row, timestampMs, value: Buffer.from(cursor.value()), reason: reason.slice(0, 2_000) });
      }
      return true;
    });
    return letters;
  }

  /** Events of the ranges that are not visible, progress markers left out. */
  async #missing(ranges: readonly Range[], slices: readonly SliceKey[], isOld: boolean): Promise<Row[]> {
    const { writer } = this.#parts;
    const rows: Row[] = [];
    for (const range of ranges) {
      const visible = await (isOld && writer.shared !== undefined
        ? writer.shared.foundOffsets(range)
        : writer.visibleOffsets(range, slices));
      const visit = (batch: Buffer) => {
        const cursor = new RecordCursor(batch);
        while (cursor.next()) {
          const { offset: at } = cursor;
          if (at < range.from || at >= range.to || isProgress(cursor) || visible.has(at)) continue;
          rows.push({ partition: range.partition, offset: at });
        }
        return true;
      };
      const retainedFrom = await this.#read(range, visit, isOld ? soon() : undefined);
      this.#sayGone({ ...range, to: Math.min(retainedFrom, range.to) }, visible);
    }
    return rows;
  }

  /** What was removed and is not visible cannot be inserted any more. */
  #sayGone(gone: Range, visible: ReadonlySet<number>): void {
    const { partition, to } = gone;
    const from = Math.max(gone.from, this.#goneTo.get(partition) ?? 0);
    if (from >= to) return;
    this.#goneTo.set(partition, to);
    let lost = 0;
    for (let at = from; at < to; at++) if (!visible.has(at)) lost++;
    if (lost === 0) return;
    this.#parts.onLost(partition, lost);
    this.#parts.log.error(
      { partition, from, to, lost },
      'Events of an insert that was cut off were removed from the queue before it could be finished: they are not in the index',
    );
  }

  /** Puts the rows, which are in order by partition, into as few blocks as take them. */
  async #build(
    rows: readonly Row[],
    policy: SlicePolicy,
    onBlock: (builder: BlockBuilder, taken: readonly Row[]) => Promise<void>,
  ): Promise<void> {
    const builder = new BlockBuilder(this.#parts.writer.createBlock(), () => policy);
    let taken: Row[] = [];
    const flush = async () => {
      if (taken.length > 0) await onBlock(builder, taken);
      builder.clear();
      taken = [];
    };
    for (let at = 0; at < rows.length; ) {
      const first = rows[at];
      if (first === undefined) break;
      const wanted = new Set<number>();
      let end = at;
      for (let row = first; row.partition === first.partition; ) {
        wanted.add(row.offset);
        const next = rows[++end];
        if (next === undefined) break;
        row = next;
      }
      const last = rows[end - 1] ?? first;
      const range = { partition: first.partition, from: first.offset, to: last.offset + 1 };
      let full = false;
      await this.#read(range, (batch) => {
        const cursor = new RecordCursor(batch);
        while (cursor.next()) {
          if (!wanted.has(cursor.offset)) continue;
          if (builder.isFull || !builder.take(cursor, range.partition)) {
            full = true;
            return false;
          }
          taken.push({ partition: range.partition, offset: cursor.offset });
          at++;
        }
        return true;
      });
      if (!full) at = end;
      else await flush();
    }
    await flush();
  }

  async #discard(builder: BlockBuilder): Promise<Draft> {
    const draft = await builder.finish();
    draft.batch?.discard();
    return draft;
  }

  /**
   * Batches that hold records of the range, until `visit` answers false. From where on of it the queue retains them. Rejects
   * where the signal fires before the queue says that they are there.
   */
  async #read(range: Range, visit: (batch: Buffer) => boolean, late?: AbortSignal): Promise<number> {
    const signal = late === undefined ? this.#parts.signal : AbortSignal.any([late, this.#parts.signal]);
    const reader = this.#parts.queue.openReader({ topic: TOPICS.events, partition: range.partition });
    try {
      let retainedFrom = range.from;
      let next = range.from;
      while (next < range.to) {
        await reader.waitFor(offset(next), signal);
        if (this.#parts.signal.aborted) throw new Error('stopped');
        if (signal.aborted) throw new Error(`the queue does not answer about partition ${range.partition} of events`);
        const read = await readRetained(reader, next);
        if (typeof read === 'number') {
          next = read;
          retainedFrom = read;
          continue;
        }
        for (const { bytes, baseOffset } of read.batches)
          if (baseOffset < range.to && !visit(bytes)) return retainedFrom;
        next = read.nextOffset;
      }
      return retainedFrom;
    } finally {
      await reader.close();
    }
  }
}

/** How long the queue may take to answer where others wait for it. */
export function soon(): AbortSignal {
  return AbortSignal.timeout(STORE_LIMITS.catchUpReadMs);
}

/** Where the partition begins instead, where retention was faster. */
async function readRetained(reader: PartitionReader, from: number): Promise<ReadResult | number> {
  try {
    return await reader.read(offset(from));
  } catch (thrown) {
    return retainedFrom(thrown, from);
  }
}
