/**
 * Which of the oldest segments may go: whole segments only, past the age or size that the topic keeps, and never one
 * with a record that somebody still needs.
 */
import { join } from 'node:path';
import type { Disk } from '../../lib/disk.ts';
import { removeIfThere } from '../../lib/disk-files.ts';
import { chainOf } from './chain.ts';
import { parseSegmentName, segmentOfTorn } from './names.ts';
import { SegmentIndex } from './segment-index.ts';
import type { ListedSegment } from './segment-list.ts';

export interface RetentionPolicy {
  /** Records older than this may go, ms, by their timestamps. */
  readonly maxAgeMs?: number;
  /** Of one partition. */
  readonly maxBytes?: number;
}

export interface RetentionQuestion {
  readonly policy: RetentionPolicy;
  readonly nowMs: number;
  /** Records from here on are needed by somebody; undefined where nobody needs any. */
  readonly requiredOffset: number | undefined;
  /** Timestamp of the segment's newest record, epoch ms; undefined where it has none. */
  readonly newestMs: (segment: Readonly<ListedSegment>) => Promise<number | undefined>;
}

/** How many segments from the first on may go. The last one never does: it is being written. */
export async function countExpired(
  segments: readonly Readonly<ListedSegment>[],
  question: RetentionQuestion,
): Promise<number> {
  const { policy, requiredOffset = Number.POSITIVE_INFINITY } = question;
  let bytes = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  let count = 0;
  for (const segment of segments.slice(0, -1)) {
    const next = segments[count + 1];
    if (next === undefined || next.base > requiredOffset) break;
    const tooMuch = policy.maxBytes !== undefined && bytes > policy.maxBytes;
    if (!tooMuch && !(await isTooOld(segment, question))) break;
    bytes -= segment.sizeBytes;
    count++;
  }
  return count;
}

async function isTooOld(segment: Readonly<ListedSegment>, question: RetentionQuestion): Promise<boolean> {
  const { maxAgeMs } = question.policy;
  if (maxAgeMs === undefined) return false;
  const newestMs = await question.newestMs(segment);
  return newestMs === undefined || newestMs < question.nowMs - maxAgeMs;
}

/** From the headers of all its batches. */
export async function newestRecordMs(
  disk: Disk,
  folder: string,
  segment: Readonly<ListedSegment>,
): Promise<number | undefined> {
  const file = await disk.open(join(folder, segment.name), 'read');
  try {
    return await new SegmentIndex(segment).newestMs(file);
  } finally {
    await file.close();
  }
}

/** Removes, oldest first, so that a crash on the way leaves no hole, everything that lies wholly below the offset. */
export async function removeBelow(disk: Disk, folder: string, earliestOffset: number): Promise<void> {
  const names = await disk.list(folder);
  const kept = new Set(chainOf(names).segments.flatMap(({ name, bound }) => (bound > earliestOffset ? [name] : [])));
  const gone = names.filter((name) => {
    const segment = parseSegmentName(segmentOfTorn(name) ?? name);
    return segment !== undefined && segment.base < earliestOffset && !kept.has(name);
  });
  if (gone.length === 0) return;
  for (const name of gone.sort()) await removeIfThere(disk, join(folder, name));
  await disk.syncDirectory(folder);
}
