/**
 * Ownership of a partition on the disk. A new owner puts its own file under the name `owner`; the earlier owner, which
 * holds its file open, sees that no directory names it any more and stops, before it acknowledges anything that the new
 * owner's scan may have missed: the new owner claims first and scans then, the old one writes first and looks then.
 *
 * Of several that claim at once the newest epoch wins, whatever the order of their steps. Each announces itself by two
 * files first, looks for others then, and takes older announcements away before one of its own becomes `owner` and the
 * other its first segment: so of any two, the older one sees the newer, or finds its announcement gone, or was here
 * first. What a new owner finds in the folder after its claim, no older one can add a first segment to.
 */
import { dirname, join } from 'node:path';
import type { Disk, DiskFile } from '../../lib/disk.ts';
import { makeDirectories, readWhole, removeIfThere, systemCode, writeFully } from '../../lib/disk-files.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { announcedEpoch, announcedOwner, announcedSegment, OWNER_FILE } from './names.ts';

export interface Ownership {
  readonly epoch: number;
  /** Whether another owner has taken over. */
  isLost(): boolean;
  /** The owner's first segment, empty: it gets its name, once, when its first offset is known. */
  beginSegment(name: string): Promise<DiskFile>;
  release(): Promise<void>;
}

export async function claimPartition(disk: Disk, folder: string, epoch: number): Promise<Ownership> {
  // The queue's own directory is the coordinator's business.
  await makeDirectories(disk, folder, dirname(dirname(folder)));
  const files: DiskFile[] = [];
  try {
    const owner = await announce(disk, join(folder, announcedOwner(epoch)), files);
    await writeFully(owner, [Buffer.from(`${JSON.stringify({ epoch })}\n`)], 0);
    await owner.dataSync();
    const segment = await announce(disk, join(folder, announcedSegment(epoch)), files);
    await passOlder(disk, folder, epoch);
    await become(disk, owner, join(folder, OWNER_FILE), epoch);
    await disk.syncDirectory(folder);
    return {
      epoch,
      isLost: () => owner.isUnlinked(),
      async beginSegment(name) {
        await become(disk, segment, join(folder, name), epoch);
        await disk.syncDirectory(folder);
        // Under its own name, which messages show.
        return disk.open(join(folder, name), 'write');
      },
      async release() {
        for (const file of files) await file.close();
      },
    };
  } catch (error) {
    for (const file of files) await file.close();
    throw error;
  }
}

async function announce(disk: Disk, path: string, opened: DiskFile[]): Promise<DiskFile> {
  await removeIfThere(disk, path);
  const file = await disk.open(path, 'create');
  opened.push(file);
  return file;
}

/** Gives the announced file its name; throws QUEUE_FENCED where a newer epoch has taken the announcement away. */
async function become(disk: Disk, announced: DiskFile, path: string, epoch: number): Promise<void> {
  try {
    await disk.rename(announced.path, path);
  } catch (error) {
    throw systemCode(error) === 'ENOENT' ? belongsToAnother(dirname(path), epoch) : error;
  }
}

/** Takes the announcements of older epochs away; throws QUEUE_FENCED where a newer one is there, or has taken over. */
async function passOlder(disk: Disk, folder: string, epoch: number): Promise<void> {
  const older: string[] = [];
  let newest = 0;
  for (const name of await disk.list(folder)) {
    const announced = announcedEpoch(name);
    if (announced === undefined) continue;
    if (announced < epoch) older.push(name);
    else if (announced > epoch) newest = Math.max(newest, announced);
  }
  // After the list: an announcement that is not in it any more has become the owner.
  const current = Math.max(newest, ownerEpoch(await readWhole(disk, join(folder, OWNER_FILE))));
  if (current >= epoch) {
    for (const name of [announcedOwner(epoch), announcedSegment(epoch)]) await removeIfThere(disk, join(folder, name));
    throw belongsToAnother(folder, epoch, current);
  }
  for (const name of older) await removeIfThere(disk, join(folder, name));
}

export function belongsToAnother(folder: string, epoch: number, current?: number): SpillwayError {
  const whose = current === undefined ? 'a newer epoch' : `epoch ${current}`;
  return new SpillwayError('QUEUE_FENCED', `${folder} belongs to ${whose} already; ${epoch} is not newer.`, {
    details: { folder, epoch, ...(current === undefined ? {} : { current }) },
  });
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
