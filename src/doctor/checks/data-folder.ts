/** The data folder: there, ours, writable, and on a file system that keeps what it says it has. */
import { statfs } from 'node:fs/promises';
import { systemCode } from '../../lib/disk-files.ts';
import { messageOf } from '../../lib/errors.ts';
import { always, type Check } from '../check.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';
import { existingFolder, withTrialFile } from '../trial-file.ts';
import { unusableBelow, userName } from '../usable-files.ts';

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
    if (folder === config.data) findings.push(...(await unusableBelow(folder)));
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
  if (code === 'ENOTDIR') return wrong(found, 'Name a folder, and not a file (option `data`).');
  if (code === 'ENOENT') return wrong(found, 'Nothing can be made there: name another folder (option `data`).');
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
