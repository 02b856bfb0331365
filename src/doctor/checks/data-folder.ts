/** The data folder: there, ours, writable, and on a file system that keeps what it says it has. */
import { lstat, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../lib/disk-files.ts';
import { messageOf } from '../../lib/errors.ts';
import { always, type Check } from '../check.ts';
import { type Finding, unknown, warning, well, wrong } from '../finding.ts';
import { existingFolder, withTrialFile } from '../trial-file.ts';

/** By their magic numbers (statfs(2)); what is not here is taken for a disk. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  26985: 'NFS',
  1397703499: 'SMB',
  4283649346: 'SMB',
  4266872130: 'SMB2',
  16914839: '9p',
  1702057286: 'FUSE',
  16914836: 'tmpfs',
  2240043254: 'ramfs',
  2035054128: 'overlayfs',
  1635083891: 'AFS',
  12805120: 'Ceph',
};
/** Levels of the folder whose owners are looked at: the queue's partitions are the third. */
const LEVELS = 3;

export const dataFolder: Check = {
  about: 'data folder',
  applies: always,
  async examine({ config }) {
    const folder = await existingFolder(config.data);
    const findings: Finding[] = [];
    try {
      await withTrialFile(folder, async () => {});
      findings.push(well(folder === config.data ? `${folder} can be written` : `${config.data} can be made`));
    } catch (thrown) {
      findings.push(unwritable(folder, thrown));
    }
    const kind = FILE_SYSTEMS[(await statfs(folder)).type];
    if (kind !== undefined) findings.push(await notADisk(folder, kind));
    if (folder === config.data) findings.push(...(await ownersBelow(folder)));
    return findings;
  },
};

function unwritable(folder: string, thrown: unknown): Finding {
  const found = `${folder} cannot be written: ${messageOf(thrown)}`;
  const code = systemCode(thrown);
  if (code === 'EROFS') {
    return wrong(found, 'It is mounted read-only: look at the kernel log for why, then `mount -o remount,rw` it.');
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') return wrong(found, 'Free some space there, or raise the quota.');
  return wrong(found, `Give it to the user that Spillway runs as: chown -R ${userName()} ${folder}`);
}

async function notADisk(folder: string, kind: string): Promise<Finding> {
  if (kind === 'tmpfs' || kind === 'ramfs') {
    const mend = 'Put the data folder on a disk (option `data`).';
    return warning(`${folder} is in memory (${kind}): what is acknowledged does not survive the power`, mend);
  }
  if (kind === 'overlayfs') {
    const mend = 'Mount a volume at the data folder.';
    return warning(`${folder} is in the writable layer of a container (overlayfs) and goes with it`, mend);
  }
  const mend = 'Put the data folder on a local disk with ext4, XFS or ZFS (option `data`).';
  return warning(`${folder} is on ${kind}, which may not keep what an fsync says is there, nor locks`, mend);
}

/** Files of another user, as a start with sudo leaves them, are found by the service only when it needs them. */
async function ownersBelow(folder: string): Promise<readonly Finding[]> {
  const owner = (await lstat(folder)).uid;
  const other = await firstOfAnother(folder, owner, LEVELS);
  const findings: Finding[] = [];
  if (other !== undefined) {
    const found = `${other.path} belongs to user ${other.uid}, the folder to user ${owner}`;
    findings.push(wrong(found, `chown -R ${owner} ${folder}`));
  }
  const me = process.getuid?.();
  if (me === undefined) findings.push(unknown('who owns it cannot be seen on this system'));
  else if (me !== 0 && me !== owner) {
    const found = `${folder} belongs to user ${owner}, and this is user ${me}`;
    findings.push(warning(found, `Run doctor as the user that Spillway runs as, or: chown -R ${userName()} ${folder}`));
  }
  return findings;
}

async function firstOfAnother(
  folder: string,
  owner: number,
  levels: number,
): Promise<{ readonly path: string; readonly uid: number } | undefined> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const stats = await lstat(path).catch(() => undefined);
    if (stats === undefined) continue;
    if (stats.uid !== owner) return { path, uid: stats.uid };
    const below = stats.isDirectory() && levels > 1 ? await firstOfAnother(path, owner, levels - 1) : undefined;
    if (below !== undefined) return below;
  }
  return undefined;
}

const userName = (): string => String(process.getuid?.() ?? 'USER');
