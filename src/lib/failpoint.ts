/**
 * A failpoint for crash tests: the process kills itself (SIGKILL) before or after its n-th change of the disk. It is
 * armed by a file that SPILLWAY_TEST_FAILPOINT names, `{"role": "store", "at": 17, "when": "before"}`, which it removes
 * when it strikes, so that the next start goes through; what it struck is written beside it. `at` 0 never strikes and
 * lists the changes instead. Reads do not count: a crash there leaves nothing behind.
 */
import { appendFileSync, existsSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Disk, DiskFile } from './disk.ts';

export interface Failpoint {
  readonly role: string;
  /** From 1; 0 for a list. */
  readonly at: number;
  readonly when: 'before' | 'after';
}

export const STRUCK = '.struck';
export const LISTED = '.list';

type Guard = <T>(what: string, operation: () => Promise<T>) => Promise<T>;

/** Arms the disk where the file is there and names the role. Changes the disk in place, so that all its users have it. */
export function armFailpoint(role: string, disk: Disk, file: string | undefined): void {
  if (file === undefined || !existsSync(file)) return;
  const point: Failpoint = JSON.parse(readFileSync(file, 'utf8'));
  if (point.role !== role) return;
  const guard = guardOf(point, file);
  const { open, makeDirectory, rename, remove, syncDirectory } = disk;
  Object.assign(disk, {
    open: async (path, mode) => {
      const opening = () => open.call(disk, path, mode);
      return guardedFile(await (mode === 'create' ? guard(`create ${path}`, opening) : opening()), guard);
    },
    makeDirectory: (path) => guard(`mkdir ${path}`, () => makeDirectory.call(disk, path)),
    rename: (from, to) => guard(`rename ${to}`, () => rename.call(disk, from, to)),
    remove: (path) => guard(`remove ${path}`, () => remove.call(disk, path)),
    syncDirectory: (path) => guard(`fsync ${path}`, () => syncDirectory.call(disk, path)),
  } satisfies Partial<Disk>);
}

function guardOf({ at, when }: Failpoint, file: string): Guard {
  let count = 0;
  const strike = (what: string): void => {
    unlinkSync(file);
    writeFileSync(file + STRUCK, what);
    process.kill(process.pid, 'SIGKILL');
  };
  return async (what, operation) => {
    const strikes = ++count === at;
    if (at === 0) appendFileSync(file + LISTED, `${what}\n`);
    if (strikes && when === 'before') strike(what);
    const result = await operation();
    if (strikes) strike(what);
    return result;
  };
}

function guardedFile(file: DiskFile, guard: Guard): DiskFile {
  const { write, dataSync, truncate } = file;
  return Object.assign(file, {
    write: (buffers, position) => guard(`write ${file.path}`, () => write.call(file, buffers, position)),
    dataSync: () => guard(`fdatasync ${file.path}`, () => dataSync.call(file)),
    truncate: (sizeBytes) => guard(`truncate ${file.path}`, () => truncate.call(file, sizeBytes)),
  } satisfies Partial<DiskFile>);
}
