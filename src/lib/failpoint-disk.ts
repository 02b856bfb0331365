/**
 * A disk that tells of every operation before and after it, so that a test can stop the process, fail the operation or
 * count, at any of them.
 */
import type { Disk, DiskFile } from './disk.ts';

export interface DiskStep {
  readonly kind: string;
  readonly path: string;
  /** From 1, over all operations that change the disk; looking at it does not count. */
  readonly number: number;
  readonly when: 'before' | 'after';
}

/** `at` may throw, which fails the operation (or hides that it was done), or end the process. */
export function failpointDisk(disk: Disk, at: (step: DiskStep) => void): Disk {
  let operations = 0;
  const step = async <T>(kind: string, path: string, act: () => Promise<T>): Promise<T> => {
    const number = ++operations;
    at({ kind, path, number, when: 'before' });
    try {
      return await act();
    } finally {
      at({ kind, path, number, when: 'after' });
    }
  };
  const watched = (file: DiskFile): DiskFile => ({
    path: file.path,
    write: (buffers, position) => step('write', file.path, () => file.write(buffers, position)),
    read: (target, start, length, position) => file.read(target, start, length, position),
    dataSync: () => step('dataSync', file.path, () => file.dataSync()),
    truncate: (sizeBytes) => step('truncate', file.path, () => file.truncate(sizeBytes)),
    sizeBytes: () => file.sizeBytes(),
    isUnlinked: () => file.isUnlinked(),
    close: () => file.close(),
  });
  return {
    open: async (path, mode) => {
      const open = () => disk.open(path, mode);
      return watched(await (mode === 'create' ? step('create', path, open) : open()));
    },
    list: (directory) => disk.list(directory),
    makeDirectory: (path) => step('makeDirectory', path, () => disk.makeDirectory(path)),
    rename: (from, to) => step('rename', to, () => disk.rename(from, to)),
    remove: (path) => step('remove', path, () => disk.remove(path)),
    syncDirectory: (path) => step('syncDirectory', path, () => disk.syncDirectory(path)),
  };
}

/** Ends this process with SIGKILL before or after the operation of that number. */
export function killAt(disk: Disk, number: number, when: 'before' | 'after'): Disk {
  return failpointDisk(disk, (step) => {
    if (step.number === number && step.when === when) process.kill(process.pid, 'SIGKILL');
  });
}
