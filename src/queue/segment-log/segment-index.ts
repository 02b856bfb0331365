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
import { agrees, findBatch } from './scan.ts';

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
  /** Where the walk stands: the batch at `position` would begin with `offset`. */
  #at: { position: number; offset: number; newestMs: number };

  constructor(segment: SegmentName) {
    this.#segment = segment;
    this.#at = { position: 0, offset: segment.base, newestMs: Number.NEGATIVE_INFINITY };
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
    const last = this.#entries.at(-1);
    if (last !== undefined) await this.#walk(file, last, Number.POSITIVE_INFINITY, () => false);
    return this.#at.newestMs === Number.NEGATIVE_INFINITY ? undefined : this.#at.newestMs;
  }

  async #walk(
    file: DiskFile,
    from: Entry,
    end: number,
    isIt: (batch: { nextOffset: number; newestMs: number }) => boolean,
  ): Promise<{ found: boolean; hop: Hop }> {
    const probeMemory = Buffer.allocUnsafe(QUEUE_LIMITS.indexProbeBytes);
    const sizeBytes = await file.sizeBytes();
    let { position, offset, newestBeforeMs: newestMs } = from;
    let probeStart = 0;
    let probe = probeMemory.subarray(0, 0);
    while (offset < end && position + BATCH_HEADER_BYTES <= sizeBytes) {
      if (position < probeStart || position + BATCH_HEADER_BYTES > probeStart + probe.length) {
        const read = await readFully(file, probeMemory, 0, probeMemory.length, position);
        probe = probeMemory.subarray(0, read);
        probeStart = position;
      }
      const expected = { position, offset, epoch: this.#segment.epoch };
      const header = readBatchHeader(probe, position - probeStart);
      if (header === undefined || !agrees(header, position, expected)) {
        const next = await findBatch(new FileWindow(file, sizeBytes), position + 1, expected);
        if (next === undefined || next.header.baseOffset >= end) break;
        position = next.position;
        offset = next.header.baseOffset;
        continue;
      }
      if (isIt({ nextOffset: header.baseOffset + header.recordCount, newestMs: header.maxTimestampMs })) {
        return { found: true, hop: { position, offset: header.baseOffset } };
      }
      position += header.sizeBytes;
      offset = header.baseOffset + header.recordCount;
      newestMs = Math.max(newestMs, header.maxTimestampMs);
      this.#remember(position, offset, newestMs, end);
    }
    return { found: false, hop: { position, offset } };
  }

  #remember(position: number, offset: number, newestMs: number, end: number): void {
    if (position <= this.#at.position || offset > end) return;
    this.#at = { position, offset, newestMs };
    const last = this.#entries.at(-1);
    if (last !== undefined && position - last.position < QUEUE_LIMITS.indexEveryBytes) return;
    this.#entries.push({ position, offset, newestBeforeMs: newestMs });
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
