/**
 * What a new owner does with the last segment that it finds: cut a torn tail (a copy is kept), leave corruption where
 * it is, and make sure that whatever will be readable is on the disk. Earlier segments were complete before the next
 * one began, so they are not looked at: start-up does not depend on how much history there is.
 */
import { join } from 'node:path';
import { batchIsIntact, readBatchHeader } from '../../event/record-batch.ts';
import type { Disk, DiskFile } from '../../lib/disk.ts';
import { readFully, replaceFile, writeFully } from '../../lib/disk-files.ts';
import type { Logger } from '../../lib/log.ts';
import { classify } from './classify.ts';
import { type DurablePoint, readDurablePoint } from './durable-point.ts';
import { type SegmentName, tornName, tornTemporary } from './names.ts';
import { type BadRange, scanSegment } from './scan.ts';

export interface Recovered {
  /** What the next record gets. */
  readonly nextOffset: number;
  /** Of the segment, after the cut. */
  readonly sizeBytes: number;
  readonly records: number;
  readonly corrupt: readonly BadRange[];
  readonly tornBytes: number;
}

/** `epoch`: the new owner's. */
export async function recoverSegment(
  disk: Disk,
  folder: string,
  segment: SegmentName,
  epoch: number,
  log: Logger,
): Promise<Recovered> {
  const durable = await readDurablePoint(disk, folder);
  const file = await disk.open(join(folder, segment.name), 'write');
  try {
    return await recoverFile(disk, folder, segment, epoch, file, durable, log);
  } finally {
    await file.close();
  }
}

async function recoverFile(
  disk: Disk,
  folder: string,
  segment: SegmentName,
  epoch: number,
  file: DiskFile,
  durable: DurablePoint | undefined,
  log: Logger,
): Promise<Recovered> {
  const scan = await scanSegment(file, segment, await file.sizeBytes());
  const known = durable?.segment === segment.name ? durable : undefined;
  const found = classify(scan, known);
  for (const range of found.corrupt) {
    log.error(
      { segment: segment.name, folder, ...range },
      'QUEUE_CORRUPT: stored data does not match its checksum; it stays where it is, readers skip it and say so',
    );
  }
  if (found.tornFrom !== undefined) {
    await keepAside(disk, folder, segment, epoch, file, found.tornFrom, scan.sizeBytes);
    await file.truncate(found.tornFrom);
    const aside = tornName(segment, found.tornFrom);
    log.warn(
      { segment: segment.name, folder, from: found.tornFrom, to: scan.sizeBytes, offset: found.nextOffset, aside },
      'cut a torn tail, which had not been acknowledged; the cut bytes are kept aside',
    );
  }
  const sizeBytes = found.tornFrom ?? scan.sizeBytes;
  const from = Math.min(scan.lastGroupStart, sizeBytes);
  await rewrite(file, from, sizeBytes, found.corrupt.length === 0);
  return {
    nextOffset: found.nextOffset,
    sizeBytes,
    records: scan.records,
    corrupt: found.corrupt,
    tornBytes: scan.sizeBytes - sizeBytes,
  };
}

async function keepAside(
  disk: Disk,
  folder: string,
  segment: SegmentName,
  epoch: number,
  file: DiskFile,
  from: number,
  to: number,
): Promise<void> {
  const bytes = Buffer.allocUnsafe(to - from);
  const read = await readFully(file, bytes, 0, bytes.length, from);
  const temporary = join(folder, tornTemporary(epoch));
  await replaceFile(disk, join(folder, tornName(segment, from)), bytes.subarray(0, read), temporary);
}

/**
 * Writes the last group once more, as it is, and syncs it. After an fsync that failed the system may call pages clean
 * that never reached the disk: a mere sync would then say yes without doing anything. And it may have forgotten such
 * pages since the scan, so what is written is looked at here (`isWhole`: where the scan found nothing wrong before it).
 */
async function rewrite(file: DiskFile, from: number, to: number, isWhole: boolean): Promise<void> {
  const bytes = Buffer.allocUnsafe(to - from);
  const read = await readFully(file, bytes, 0, bytes.length, from);
  if (read < bytes.length || (isWhole && !areBatches(bytes))) {
    throw new Error(`${file.path} has other bytes at ${from} than a moment ago`);
  }
  await writeFully(file, [bytes], from);
  await file.dataSync();
}

function areBatches(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; ) {
    const header = readBatchHeader(bytes, at);
    if (header === undefined || !batchIsIntact(bytes.subarray(at, at + header.sizeBytes))) return false;
    at += header.sizeBytes;
  }
  return true;
}
