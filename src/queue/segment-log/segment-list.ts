/** The retained segments of a partition as its writer knows them: what state, marks and retention are made from. */
import { join } from 'node:path';
import { BATCH_HEADER_BYTES, readBatchHeader } from '../../event/record-batch.ts';
import type { Disk } from '../../lib/disk.ts';
import { fileSize, readFully } from '../../lib/disk-files.ts';
import type { SegmentName } from './names.ts';

export interface ListedSegment extends SegmentName {
  sizeBytes: number;
}

export class SegmentList {
  readonly #segments: ListedSegment[];
  #bytes: number;
  /** Epoch ms of the oldest retained record. */
  oldestMs: number | undefined;

  constructor(segments: readonly ListedSegment[], oldestMs: number | undefined) {
    this.#segments = [...segments];
    this.#bytes = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
    this.oldestMs = oldestMs;
  }

  static async read(disk: Disk, folder: string, names: readonly SegmentName[]): Promise<SegmentList> {
    const segments: ListedSegment[] = [];
    for (const name of names) {
      const sizeBytes = await fileSize(disk, join(folder, name.name));
      // Not there any more: the retention of the owner before was still at it.
      if (sizeBytes !== undefined) segments.push({ ...name, sizeBytes });
    }
    const list = new SegmentList(segments, undefined);
    list.oldestMs = await oldestRecordMs(disk, folder, list.segments);
    return list;
  }

  get segments(): readonly Readonly<ListedSegment>[] {
    return this.#segments;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get earliestOffset(): number {
    return this.#segments[0]?.base ?? 0;
  }

  add(name: SegmentName): void {
    this.#segments.push({ ...name, sizeBytes: 0 });
  }

  /** The last segment has become so large. */
  grew(sizeBytes: number): void {
    const last = this.#segments.at(-1);
    if (last === undefined) return;
    this.#bytes += sizeBytes - last.sizeBytes;
    last.sizeBytes = sizeBytes;
  }

  /** `oldestMs`: of the segments that stay. */
  dropFirst(count: number, oldestMs: number | undefined): void {
    for (const segment of this.#segments.splice(0, count)) this.#bytes -= segment.sizeBytes;
    this.oldestMs = oldestMs;
  }
}

/** The timestamp of the first record that is there, epoch ms. */
export async function oldestRecordMs(
  disk: Disk,
  folder: string,
  segments: readonly Readonly<ListedSegment>[],
): Promise<number | undefined> {
  const first = segments.find((segment) => segment.sizeBytes >= BATCH_HEADER_BYTES);
  if (first === undefined) return undefined;
  const file = await disk.open(join(folder, first.name), 'read');
  try {
    const bytes = Buffer.allocUnsafe(BATCH_HEADER_BYTES);
    const read = await readFully(file, bytes, 0, bytes.length, 0);
    return readBatchHeader(bytes.subarray(0, read))?.baseTimestampMs;
  } finally {
    await file.close();
  }
}
