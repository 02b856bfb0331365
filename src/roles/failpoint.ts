/**
 * A failpoint for crash tests: the process kills itself (SIGKILL) before or after its n-th change of the disk. It is
 * armed by a file that SPILLWAY_TEST_FAILPOINT names, `{"role": "store", "at": 17, "when": "before"}`, which it removes
 * when it strikes, so that the next start goes through; what it struck is written beside it. `at` 0 never strikes and
 * lists the changes instead.
 */
import { appendFileSync, existsSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Disk } from '../lib/disk.ts';
import { type DiskStep, failpointDisk } from '../lib/failpoint-disk.ts';

export interface Failpoint {
  readonly role: string;
  /** From 1; 0 for a list. */
  readonly at: number;
  readonly when: DiskStep['when'];
}

export const STRUCK = '.struck';
export const LISTED = '.list';

/** Arms the disk where the file is there and names the role. Changes the disk in place, so that all its users have it. */
export function armFailpoint(role: string, disk: Disk, file: string | undefined): void {
  if (file === undefined || !existsSync(file)) return;
  const point: Failpoint = JSON.parse(readFileSync(file, 'utf8'));
  if (point.role !== role) return;
  const guarded = failpointDisk({ ...disk }, ({ kind, path, number, when }) => {
    if (point.at === 0 && when === 'before') appendFileSync(file + LISTED, `${kind} ${path}\n`);
    if (number !== point.at || when !== point.when) return;
    unlinkSync(file);
    writeFileSync(file + STRUCK, `${when} ${kind} ${path}`);
    process.kill(process.pid, 'SIGKILL');
  });
  Object.assign(disk, guarded);
}
