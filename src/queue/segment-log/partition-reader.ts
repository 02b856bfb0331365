/**
 * Reads one partition straight from its segment files, in any process, up to the durable mark and never past it.
 * Reading on from where the last read ended costs one pread and one checksum per batch; records are not copied.
 */
import type { DiskFile } from '../../lib/disk.ts';
import { readFully, systemCode } from '../../lib/disk-files.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import {
  type CorruptRange,
  type Offset,
  offset,
  type PartitionReader,
  type ReadResult,
  type StoredBatch,
} from '../port.ts';
import { type ChainedSegment, segmentFor } from './chain.ts';
import { FileWindow } from './file-window.ts';
import type { QueueMetrics } from './metrics.ts';
import { PartitionView, type Range, type ViewOptions } from './partition-view.ts';
import { findBatch } from './scan.ts';
import { SegmentIndex } from './segment-index.ts';
import { takeBatches } from './take-batches.ts';

export interface ReaderOptions extends ViewOptions {
  readonly log: Logger;
  readonly metrics: QueueMetrics;
  readonly onCorrupt: (range: CorruptRange) => void;
  readonly onClose: () => void;
}

interface Cursor {
  segment: ChainedSegment;
  readonly file: DiskFile;
  position: number;
  /** The offset of the record at `position`. */
  offset: number;
}

export class SegmentReader implements PartitionReader {
  readonly topic: string;
  readonly partition: number;
  readonly #options: ReaderOptions;
  readonly #view: PartitionView;
  readonly #indexes = new Map<string, SegmentIndex>();
  #cursor: Cursor | undefined;
  #reading: Promise<ReadResult> | undefined;
  #isClosed = false;
  #buffer = Buffer.alloc(0);

  constructor(options: ReaderOptions) {
    this.topic = options.at.topic;
    this.partition = options.at.partition;
    this.#options = options;
    this.#view = new PartitionView(options);
  }

  async read(from: Offset, options: { readonly maxBytes?: number } = {}): Promise<ReadResult> {
    if (this.#isClosed) throw new SpillwayError('UNAVAILABLE', 'This reader of the queue is closed.');
    try {
      const reading = this.#read(from, options.maxBytes ?? QUEUE_LIMITS.readBytes);
      this.#reading = reading;
      return await reading;
    } catch (cause) {
      if (systemCode(cause) === undefined) throw cause;
      await this.#leave();
      throw new SpillwayError('QUEUE_CORRUPT', `${this.#options.folder} cannot be read: ${messageOf(cause)}.`, {
        cause,
      });
    }
  }

  async #read(from: Offset, askedBytes: number): Promise<ReadResult> {
    const range = await this.#view.range();
    if (from < range.earliest) throw this.#outOfRange(from, range.earliest);
    const batches: StoredBatch[] = [];
    const corrupt: CorruptRange[] = [];
    const maxBytes = Math.min(askedBytes, QUEUE_LIMITS.readBytes);
    let next: number = from;
    while (next < range.end && batches.length === 0) {
      const cursor = await this.#cursorAt(next, range);
      if (cursor === undefined) {
        // Retention was faster than the mark that tells of it.
        const first = this.#view.chain.segments[0]?.base ?? next;
        if (first > next && next === from) throw this.#outOfRange(from, first);
        if (first > next) break;
        next = this.#lost(corrupt, { file: this.#options.folder, position: 0, from: next, next: range.end });
        break;
      }
      if (cursor.offset > next) next = this.#lost(corrupt, { ...this.#place(cursor), from: next, next: cursor.offset });
      next = Math.max(next, await this.#readOn(cursor, range.end, maxBytes, batches, corrupt));
    }
    return {
      batches,
      nextOffset: offset(next),
      endOffset: offset(range.end),
      ...(corrupt.length === 0 ? {} : { corrupt }),
    };
  }

  async waitFor(from: Offset, signal: AbortSignal): Promise<void> {
    if ((await this.#view.range()).end > from) return;
    await this.#options.marks.waitPast(this.#options.at, from, signal);
  }

  async earliestOffset(): Promise<Offset> {
    return offset((await this.#view.range()).earliest);
  }

  async endOffset(heard?: AbortSignal): Promise<Offset> {
    if (heard !== undefined) await this.#options.marks.waitPast(this.#options.at, -1, heard);
    return offset((await this.#view.range()).end);
  }

  async offsetAtTime(timeMs: number): Promise<Offset> {
    const { earliest, end } = await this.#view.range();
    await this.#view.refresh();
    for (const segment of this.#view.chain.segments) {
      if (segment.bound <= earliest || segment.base >= end) continue;
      const file = await this.#open(segment);
      if (file === undefined) continue;
      try {
        const hop = await this.#index(segment).seekTime(file, timeMs, Math.min(end, segment.bound));
        if (hop !== undefined) return offset(Math.max(hop.offset, earliest));
      } finally {
        await file.close();
      }
    }
    return offset(end);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // A file that is closed while it is read may already be another one.
    await this.#reading?.catch(() => undefined);
    await this.#leave();
    this.#indexes.clear();
    this.#options.onClose();
  }

  /** Reads from the cursor's segment; the offset after what was read or passed over. */
  async #readOn(
    cursor: Cursor,
    end: number,
    maxBytes: number,
    into: StoredBatch[],
    corrupt: CorruptRange[],
  ): Promise<number> {
    const { file, segment } = cursor;
    const stop = Math.min(end, segment.bound);
    let wanted = Math.min(maxBytes, Math.max(this.#buffer.length, QUEUE_LIMITS.firstReadBytes));
    // The system may read less than there is; what looks like the end is looked at once more.
    for (let sure = false; ; sure = true) {
      if (this.#buffer.length < wanted) this.#buffer = Buffer.allocUnsafeSlow(wanted);
      const buffer = this.#buffer;
      const asked = wanted;
      const read = await (sure ? readFully : readOnce)(file, buffer, 0, asked, cursor.position);
      const from = { epoch: segment.epoch, position: cursor.position, nextOffset: cursor.offset, end: stop };
      const taken = takeBatches(buffer.subarray(0, read), from, maxBytes, into);
      cursor.position = taken.position;
      cursor.offset = taken.nextOffset;
      if (taken.why === 'end' || into.length > 0) {
        // The next read takes more at once where this one was filled.
        if (read === asked && asked < maxBytes) this.#buffer = Buffer.allocUnsafeSlow(Math.min(maxBytes, asked * 2));
        return cursor.offset;
      }
      if (taken.why === 'short') wanted = Math.max(wanted, taken.needBytes);
      if (taken.why === 'short' && (!sure || read === asked)) continue;
      if (read === 0) return await this.#nextSegment(cursor, end, corrupt);
      await this.#passOver(cursor, end, corrupt);
      return cursor.offset;
    }
  }

  async #cursorAt(next: number, range: Range): Promise<Cursor | undefined> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const segment = segmentFor(this.#view.chain, next);
      if (segment !== undefined) {
        const cursor = this.#cursor;
        if (cursor !== undefined && cursor.segment.name === segment.name && cursor.offset === next) {
          cursor.segment = segment;
          return cursor;
        }
        await this.#leave();
        const file = await this.#open(segment);
        if (file !== undefined) return await this.#enter(segment, file, next, range.end);
      }
      await this.#view.refresh();
      this.#forgetIndexes();
    }
    return undefined;
  }

  async #enter(segment: ChainedSegment, file: DiskFile, next: number, end: number): Promise<Cursor> {
    try {
      const hop =
        next === segment.base
          ? { position: 0, offset: next }
          : await this.#index(segment).seek(file, next, Math.min(end, segment.bound));
      this.#cursor = { segment, file, ...hop };
      return this.#cursor;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** At the end of a segment's file although records are missing up to the end: they are in the next one. */
  async #nextSegment(cursor: Cursor, end: number, corrupt: CorruptRange[]): Promise<number> {
    await this.#view.refresh();
    const segment = segmentFor(this.#view.chain, cursor.offset);
    if (segment !== undefined && segment.name !== cursor.segment.name) return cursor.offset;
    const bound = Math.min(end, segment?.bound ?? end);
    // Where a torn tail was cut, the offsets that it might have had are not given again: nothing is lost there.
    if (segment?.wasTorn === true) return bound;
    return this.#lost(corrupt, { ...this.#place(cursor), from: cursor.offset, next: bound });
  }

  /** Goes to the next whole batch after bytes that cannot be read, and says what is lost. */
  async #passOver(cursor: Cursor, end: number, corrupt: CorruptRange[]): Promise<void> {
    const { file, position, offset: from } = cursor;
    const window = new FileWindow(file, await file.sizeBytes());
    const found = await findBatch(window, position + 1, { position, offset: from, epoch: cursor.segment.epoch });
    if (found === undefined) {
      // Only the rest of this segment is lost, and whether another one follows may not be known yet.
      await this.#view.refresh();
      const known = segmentFor(this.#view.chain, from);
      if (known?.name !== cursor.segment.name) return this.#leave();
      cursor.segment = known;
    }
    const stop = Math.min(end, cursor.segment.bound);
    const next = found === undefined ? stop : Math.min(found.header.baseOffset, stop);
    cursor.offset = this.#lost(corrupt, { ...this.#place(cursor), from, next });
    if (found !== undefined && found.header.baseOffset === next) cursor.position = found.position;
    else await this.#leave();
  }

  #place(cursor: Cursor): { file: string; position: number } {
    return { file: cursor.file.path, position: cursor.position };
  }

  #lost(corrupt: CorruptRange[], at: { file: string; position: number; from: number; next: number }): number {
    if (at.next <= at.from) return at.next;
    const range: CorruptRange = {
      file: at.file,
      position: at.position,
      fromOffset: offset(at.from),
      nextOffset: offset(at.next),
    };
    corrupt.push(range);
    this.#options.log.error(
      { topic: this.topic, partition: this.partition, ...range },
      'QUEUE_CORRUPT: stored records cannot be read; they are passed over',
    );
    this.#options.metrics.passedOver(this, at.next - at.from);
    this.#options.onCorrupt(range);
    return at.next;
  }

  async #open(segment: ChainedSegment): Promise<DiskFile | undefined> {
    try {
      return await this.#view.open(segment.name);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  #index(segment: ChainedSegment): SegmentIndex {
    const known = this.#indexes.get(segment.name) ?? new SegmentIndex(segment);
    this.#indexes.set(segment.name, known);
    return known;
  }

  #forgetIndexes(): void {
    const names = new Set(this.#view.chain.segments.map(({ name }) => name));
    for (const name of this.#indexes.keys()) if (!names.has(name)) this.#indexes.delete(name);
  }

  async #leave(): Promise<void> {
    const cursor = this.#cursor;
    this.#cursor = undefined;
    await cursor?.file.close();
  }

  #outOfRange(from: number, earliest: number): SpillwayError {
    const lost = earliest - from;
    this.#options.metrics.askedTooEarly(this, lost);
    return new SpillwayError(
      'QUEUE_OFFSET_OUT_OF_RANGE',
      `Offset ${from} of partition ${this.partition} of '${this.topic}' is not retained: the earliest is ${earliest}, ` +
        `${lost} records are lost to this reader.`,
      { details: { earliest, lost, offset: from } },
    );
  }
}

function readOnce(file: DiskFile, target: Buffer, start: number, length: number, position: number): Promise<number> {
  return file.read(target, start, length, position);
}
