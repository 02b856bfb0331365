/**
 * A failpoint for crash tests: the process kills itself (SIGKILL) before or after its n-th change of the disk. It is
 * armed by a file that SPILLWAY_TEST_FAILPOINT names, `{"role": "store", "at": 17, "when": "before"}`, which it removes when
 * it strikes, so that the next start goes through. Reads do not count: a crash there leaves nothing behind.
 */
import { existsSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Disk, DiskFile } from './disk.ts';

export interface Failpoint {
  readonly role: string;
  /** From 1. */
  readonly at: number;
  readonly when: 'before' | 'after';
}

/** Arms the disk where the file is there and names the role. Changes the disk in place, so that all its users have it. */
export function armFailpoint(role: string, disk: Disk, file: string | undefined): void {
  if (file === undefined || !existsSync(file)) return;
  const point: Failpoint = JSON.parse(readFileSync(file, 'utf8'));
  if (point.role !== role) return;
  let count = 0;
  const strike = (what: string): void => {
    unlinkSync(file);
    writeFileSync(`${file}.struck`, what);
    process.kill(process.pid, 'SIGKILL');
  };
  const guard = async <T>(what: string, operation: () => Promise<T>): Promise<T> => {
    const strikes = ++count === point.at;
    if (strikes && point.when === 'before') strike(what);
    const result = await operation();
    if (strikes) strike(what);
    return result;
  };
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

function guardedFile(file: DiskFile, guard: <T>(what: string, operation: () => Promise<T>) => Promise<T>): DiskFile {
  const { write, dataSync, truncate } = file;
  return Object.assign(file, {
    write: (buffers, position) => guard(`write ${file.path}`, () => write.call(file, buffers, position)),
    dataSync: () => guard(`fdatasync ${file.path}`, () => dataSync.call(file)),
    truncate: (sizeBytes) => guard(`truncate ${file.path}`, () => truncate.call(file, sizeBytes)),
  } satisfies Partial<DiskFile>);
}
