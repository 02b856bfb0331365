/** `spillway segment check FILE`: what is wrong in a segment, where, and what can be saved. It changes nothing. */
import { basename, dirname } from 'node:path';
import { type Disk, nodeDisk } from '../../lib/disk.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { classify } from './classify.ts';
import { readDurablePoint } from './durable-point.ts';
import { parseSegmentName } from './names.ts';
import { scanSegment } from './scan.ts';

export interface SegmentProblem {
  /** `corrupt` had been durable; `torn` had not been acknowledged, unless it is the last group's (see docs/queue.md). */
  readonly kind: 'corrupt' | 'torn';
  /** Byte positions; `to` is past the last one. */
  readonly from: number;
  readonly to: number;
  readonly fromOffset: number;
  /** The offset that goes on at `to`; absent where nothing readable follows. */
  readonly nextOffset?: number;
  /** What it means and what to do. */
  readonly advice: string;
}

export interface SegmentReport {
  readonly file: string;
  readonly baseOffset: number;
  readonly epoch: number;
  readonly sizeBytes: number;
  readonly batches: number;
  readonly records: number;
  /** After the last readable record. */
  readonly nextOffset: number;
  readonly readableBytes: number;
  readonly oldestMs?: number;
  readonly newestMs?: number;
  readonly problems: readonly SegmentProblem[];
}

export async function checkSegment(path: string, disk: Disk = nodeDisk): Promise<SegmentReport> {
  const segment = parseSegmentName(basename(path));
  if (segment === undefined) {
    throw new SpillwayError(
      'BAD_REQUEST',
      `${path} is not a segment: those are named OFFSET.EPOCH.log (20 and 10 digits).`,
    );
  }
  const durable = await readDurablePoint(disk, dirname(path));
  const file = await disk.open(path, 'read');
  try {
    const scan = await scanSegment(file, segment, await file.sizeBytes());
    const { corrupt, tornFrom } = classify(scan, durable?.segment === segment.name ? durable : undefined);
    const problems: SegmentProblem[] = corrupt.map(({ from, to, fromOffset, nextOffset }) => ({
      kind: 'corrupt',
      from,
      to,
      fromOffset,
      ...(nextOffset === undefined ? {} : { nextOffset }),
      advice:
        'Durable records are unreadable. Readers pass over them and say so; everything else stays readable. ' +
        'Restore the file from a backup or the archive, and check the disk.',
    }));
    if (tornFrom !== undefined) {
      problems.push({
        kind: 'torn',
        from: tornFrom,
        to: scan.sizeBytes,
        fromOffset: scan.bad.find(({ from }) => from === tornFrom)?.fromOffset ?? scan.nextOffset,
        advice:
          'The last group was not written whole, as after a power cut, and was not acknowledged. The next start cuts ' +
          'it and keeps a copy; nothing needs to be done.',
      });
    }
    const bad = scan.bad.reduce((sum, { from, to }) => sum + to - from, 0);
    return {
      file: path,
      baseOffset: segment.base,
      epoch: segment.epoch,
      sizeBytes: scan.sizeBytes,
      batches: scan.batches,
      records: scan.records,
      nextOffset: scan.nextOffset,
      readableBytes: scan.sizeBytes - bad,
      ...(scan.baseTimestampMs === undefined ? {} : { oldestMs: scan.baseTimestampMs }),
      ...(scan.maxTimestampMs === undefined ? {} : { newestMs: scan.maxTimestampMs }),
      problems,
    };
  } finally {
    await file.close();
  }
}
