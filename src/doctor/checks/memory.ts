/** How much memory this process tree may use: the machine's, or what its container allows. */
import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { DOCTOR_LIMITS } from '../../lib/limits.ts';
import { plural } from '../../lib/plural.ts';
import { formatSize } from '../../lib/units.ts';
import { always, type Check, type Installation, runsStore } from '../check.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';

/** Of the control group that this process is in, seen from inside a container. */
const EVENTS_FILE = '/sys/fs/cgroup/memory.events';

export const memory: Check = {
  about: 'memory',
  applies: always,
  async examine(installation) {
    // Without a limit it is 0, or more than there is.
    const allowed = process.constrainedMemory();
    const isLimited = allowed > 0 && allowed < totalmem();
    const kills = Number(/^oom_kill (\d+)$/m.exec(await readFile(EVENTS_FILE, 'utf8').catch(() => ''))?.[1] ?? 0);
    return judgeMemory(installation, { bytes: isLimited ? allowed : totalmem(), isLimited, kills });
  },
};

export interface MemorySeen {
  readonly bytes: number;
  /** By a control group, such as a container's. */
  readonly isLimited: boolean;
  /** Processes that the kernel has ended here for want of memory. */
  readonly kills: number;
}

export function judgeMemory(installation: Installation, { bytes, isLimited, kills }: MemorySeen): readonly Finding[] {
  const embedded = runsStore(installation) && installation.config.search.engine === 'embedded';
  const wanted = embedded ? DOCTOR_LIMITS.memoryBytes : DOCTOR_LIMITS.memoryWithoutSearchBytes;
  const found = `${formatSize(bytes)} ${isLimited ? 'are allowed here (a limit of the control group)' : 'in this machine'}`;
  const mend = isLimited
    ? `Raise the limit of the container to ${formatSize(wanted)} or more.`
    : 'Use a larger machine.';
  const findings: Finding[] = [];
  if (bytes < DOCTOR_LIMITS.memoryLeastBytes) findings.push(wrong(found, mend));
  else if (bytes < wanted) findings.push(warning(`${found}, and ${formatSize(wanted)} are better under load`, mend));
  else findings.push(well(found));
  if (kills > 0) {
    findings.push(
      warning(`the kernel has ended ${plural(kills, 'process', 'processes')} here for want of memory`, mend),
    );
  }
  return findings;
}
