/** How full the disks of the data folder are, by the same marks at which inputs pause. */
import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeSpace } from '../../lib/disk-space.ts';
import { DOCTOR_LIMITS } from '../../lib/limits.ts';
import { formatSize } from '../../lib/units.ts';
import { always, type Check, type Installation } from '../check.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';
import { existingFolder } from '../trial-file.ts';

const MEND =
  'Free some space, enlarge the disk, or lower queue.retention, queue.maxSize or search.retention (docs/operations.md).';
const FEW_INODES = 0.02;

export const diskSpace: Check = {
  about: 'disk space',
  applies: always,
  async examine({ config }) {
    const seen = new Set<number>();
    const findings: Finding[] = [];
    for (const path of [join(config.data, 'queue'), join(config.data, 'search')]) {
      const folder = await existingFolder(path);
      const { dev } = await stat(folder);
      if (!seen.has(dev)) findings.push(...(await spaceOf(folder, config.queue)));
      seen.add(dev);
    }
    return findings;
  },
};

async function spaceOf(folder: string, marks: Installation['config']['queue']): Promise<readonly Finding[]> {
  const { freeBytes, usedPercent } = await nodeSpace(folder);
  const { highWaterPercent, minFreeBytes } = marks;
  const found = `${formatSize(freeBytes)} free, ${usedPercent.toFixed(0)} % used where ${folder} is`;
  const { files, ffree } = await statfs(folder);
  const inodes: Finding[] =
    files > 0 && ffree < files * FEW_INODES ? [warning(`only ${ffree} more files fit where ${folder} is`, MEND)] : [];
  if (usedPercent >= highWaterPercent || freeBytes < minFreeBytes) {
    return [wrong(`${found}: inputs take nothing more (queue.highWater, queue.minFree)`, MEND), ...inodes];
  }
  if (usedPercent >= highWaterPercent - DOCTOR_LIMITS.nearHighWaterPoints) {
    return [warning(`${found}: at ${highWaterPercent} % inputs take nothing more (queue.highWater)`, MEND), ...inodes];
  }
  return [well(found), ...inodes];
}
