/**
 * Ownership of a partition on the disk. A new owner puts its own file under the name `owner`; the earlier owner, which
 * holds its file open, sees that no directory names it any more and stops, before it acknowledges anything that the new
 * owner's scan may have missed: the new owner claims first and scans then, the old one writes first and looks then.
 */
import { join } from 'node:path';
import type { Disk, DiskFile } from '../../lib/disk.ts';
import { makeDirectories, readWhole, replaceFileAndKeep } from '../../lib/disk-files.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { OWNER_FILE } from './names.ts';

export interface Ownership {
  readonly epoch: number;
  /** Whether another owner has taken over. */
  isLost(): boolean;
  release(): Promise<void>;
}

export async function claimPartition(disk: Disk, folder: string, epoch: number): Promise<Ownership> {
  await makeDirectories(disk, folder);
  const path = join(folder, OWNER_FILE);
  const known = ownerEpoch(await readWhole(disk, path));
  if (known >= epoch) {
    throw new SpillwayError('QUEUE_FENCED', `${folder} belongs to epoch ${known} already; ${epoch} is not newer.`, {
      details: { folder, epoch, current: known },
    });
  }
  const file: DiskFile = await replaceFileAndKeep(disk, path, Buffer.from(`${JSON.stringify({ epoch })}\n`));
  return { epoch, isLost: () => file.isUnlinked(), release: () => file.close() };
}

function ownerEpoch(bytes: Buffer | undefined): number {
  if (bytes === undefined) return 0;
  try {
    const { epoch } = JSON.parse(bytes.toString('utf8'));
    return Number.isSafeInteger(epoch) ? epoch : 0;
  } catch {
    // Not ours: the segments' own epochs still guard the folder.
    return 0;
  }
}
