/** Takes over a partition: claim, recover, begin a new segment under the new epoch. */
import { join } from 'node:path';
import type { Disk, DiskFile } from '../../lib/disk.ts';
import { removeIfThere } from '../../lib/disk-files.ts';
import { SpillwayError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { type Chain, chainOf } from './chain.ts';
import { readDurablePoint } from './durable-point.ts';
import { parseSegmentName, type SegmentName, segmentName } from './names.ts';
import { belongsToAnother, claimPartition, type Ownership } from './owner.ts';
import { recoverSegment } from './recover.ts';
import { SegmentList } from './segment-list.ts';

export interface OpenedPartition {
  readonly ownership: Ownership;
  readonly segment: SegmentName;
  readonly file: DiskFile;
  readonly nextOffset: number;
  readonly list: SegmentList;
}

export async function openPartition(disk: Disk, folder: string, epoch: number, log: Logger): Promise<OpenedPartition> {
  const ownership = await claimPartition(disk, folder, epoch);
  let file: DiskFile | undefined;
  try {
    const names = await disk.list(folder);
    refuseOldEpoch(names, epoch, folder);
    const chain = chainOf(names);
    const nextOffset = await recoverEnd(disk, folder, chain, epoch, log);
    const segment = segmentName(nextOffset, epoch);
    file = await ownership.beginSegment(segment.name);
    const useless = await removeUseless(disk, folder, chain, nextOffset);
    const kept = chain.segments.filter((known) => !useless.has(known.name));
    const list = await SegmentList.read(disk, folder, [...kept, segment]);
    return { ownership, segment, file, nextOffset, list };
  } catch (error) {
    // What fails because somebody else works in the folder by now says so.
    const reason = ownership.isLost() ? belongsToAnother(folder, epoch) : error;
    await file?.close();
    await ownership.release();
    throw reason;
  }
}

function refuseOldEpoch(names: readonly string[], epoch: number, folder: string): void {
  const newest = names.reduce((max, name) => Math.max(max, parseSegmentName(name)?.epoch ?? 0), 0);
  if (newest < epoch) return;
  throw new SpillwayError('QUEUE_FENCED', `${folder} has segments of epoch ${newest}; ${epoch} is not newer.`, {
    details: { folder, epoch, current: newest },
  });
}

async function recoverEnd(disk: Disk, folder: string, chain: Chain, epoch: number, log: Logger): Promise<number> {
  const last = chain.segments.at(-1);
  const found = last === undefined ? 0 : (await recoverSegment(disk, folder, last, epoch, log)).nextOffset;
  const durable = await readDurablePoint(disk, folder);
  if (durable === undefined || durable.nextOffset <= found) return found;
  log.error(
    { folder, found, durable },
    'QUEUE_CORRUPT: records that were durable are not there any more; their offsets are not given again',
  );
  return durable.nextOffset;
}

/**
 * Empty segments at the end, which each start without appends leaves behind, and ones that nothing reads: by now the
 * new one stands in front of them, so that whoever looks into the folder does not miss them.
 */
async function removeUseless(disk: Disk, folder: string, chain: Chain, nextOffset: number): Promise<Set<string>> {
  const useless = new Set<string>();
  for (const segment of chain.segments) if (segment.base >= nextOffset) useless.add(segment.name);
  for (const name of useless) await removeIfThere(disk, join(folder, name));
  return useless;
}
