/**
 * A sparse index of one segment, made from the data by hopping from header to header, as far as a question needs, and
 * kept in memory only: it can be neither missing nor stale. Bytes that cannot be read are jumped over here; reading
 * them is what reports them.
 */
import { BATCH_HEADER_BYTES, readBatchHeader } from '../../event/record-batch.ts';
import type { DiskFile } from '../../lib/disk.ts';
import { readFully } from '../../lib/disk-files.ts';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import { FileWindow } from './file-window.ts';
import type { SegmentName } from './names.ts';
import { agrees, batchAt, type Expected, findBatch } from './scan.ts';

interface Entry {
  readonly offset: number;
  readonly position: number;
  /** The newest timestamp of all batches before this entry; -Infinity for the first. */
  readonly newestBeforeMs: number;
}

export interface Hop {
  readonly position: number;
  readonly offset: number;
}

export class SegmentIndex {
  readonly #segment: SegmentName;
  readonly #entries: Entry[];

  constructor(segment: SegmentName) {
    this.#segment = segment;
    this.#entries = [{ position: 0, offset: segment.base, newestBeforeMs: Number.NEGATIVE_INFINITY }];
  }

  /** Where the batch with the offset begins, or else where the batches below `end` end. */
  async seek(file: DiskFile, target: number, end: number): Promise<Hop> {
    const from = lastWhere(this.#entries, (entry) => entry.offset <= target);
    return (await this.#walk(file, from, end, (next) => next.nextOffset > target)).hop;
  }

  /** The first batch below `end` whose newest record is at or after the time; undefined where there is none. */
  async seekTime(file: DiskFile, timeMs: number, end: number): Promise<Hop | undefined> {
    const from = lastWhere(this.#entries, (entry) => entry.newestBeforeMs < timeMs);
    const { found, hop } = await this.#walk(file, from, end, (next) => next.newestMs >= timeMs);
    return found ? hop : undefined;
  }

  /** The newest timestamp of all its batches; undefined where there are none. */
  async newestMs(file: DiskFile): Promise<number | undefined> {
    const from = lastWhere(this.#entries, () => true);
    const { newestMs } = await this.#walk(file, from, Number.POSITIVE_INFINITY, () => false);
    return newestMs === Number.NEGATIVE_INFINITY ? undefined : newestMs;
  }

  async #walk(
    file: DiskFile,
    from: Entry,
    end: number,
    isIt: (batch: { nextOffset: number; newestMs: number }) => boolean,
  ): Promise<{ found: boolean; hop: Hop; newestMs: number }> {
    const probeMemory = Buffer.allocUnsafe(QUEUE_LIMITS.indexProbeBytes);
    const sizeBytes = await file.sizeBytes();
    let { position, offset, newestBeforeMs: newestMs } = from;
    let probeStart = 0;
    let probe = probeMemory.subarray(0, 0);
    /** The batch whose header led here. */
    let before: Hop | undefined;
    while (offset < end && position !== sizeBytes) {
      if (position < probeStart || position + BATCH_HEADER_BYTES > probeStart + probe.length) {
        const read = await readFully(file, probeMemory, 0, probeMemory.length, position);
        probe = probeMemory.subarray(0, read);
        probeStart = position;
      }
      const expected = { position, offset, epoch: this.#segment.epoch };
      const header = readBatchHeader(probe, position - probeStart);
      if (header === undefined || !agrees(header, position, expected)) {
        const next = await this.#findAfter(new FileWindow(file, sizeBytes), before, expected);
        if (next === undefined || next.header.baseOffset >= end) break;
        before = undefined;
        position = next.position;
        offset = next.header.baseOffset;
        continue;
      }
      this.#remember(position, offset, newestMs);
      if (isIt({ nextOffset: header.baseOffset + header.recordCount, newestMs: header.maxTimestampMs })) {
        return { found: true, hop: { position, offset: header.baseOffset }, newestMs };
      }
      before = { position, offset };
      position += header.sizeBytes;
      offset = header.baseOffset + header.recordCount;
      newestMs = Math.max(newestMs, header.maxTimestampMs);
    }
    return { found: false, hop: { position, offset }, newestMs };
  }

  /**
   * The next whole batch where the walk found none. Only headers were looked at on the way: if the batch before is not
   * whole, its length may have led astray, and what it jumped over is looked through too.
   */
  async #findAfter(window: FileWindow, before: Hop | undefined, here: Expected): ReturnType<typeof findBatch> {
    const { epoch } = this.#segment;
    const isAstray =
      before !== undefined && (await batchAt(window, before.position, { ...before, epoch })) === undefined;
    const lost = isAstray ? { ...before, epoch } : here;
    return findBatch(window, lost.position + 1, lost);
  }

  /** A place where a batch begins. */
  #remember(position: number, offset: number, newestBeforeMs: number): void {
    const last = this.#entries.at(-1);
    if (last !== undefined && position - last.position < QUEUE_LIMITS.indexEveryBytes) return;
    this.#entries.push({ offset, position, newestBeforeMs });
  }
}

/** The last entry that still holds; the first one always does. */
function lastWhere(entries: readonly Entry[], holds: (entry: Entry) => boolean): Entry {
  let low = 1;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && holds(entry)) low = middle + 1;
    else high = middle;
  }
  const found = entries[low - 1];
  if (found === undefined) throw new RangeError('an index has at least one entry');
  return found;
}
