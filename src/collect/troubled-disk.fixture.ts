/** For tests: the real disk, whose syncs wait while it is shut, and which fails below a folder while it is told to. */
import { type Disk, type DiskFile, nodeDisk } from '../lib/disk.ts';

export interface Trouble {
  readonly operation: 'write' | 'dataSync';
  /** Such as ENOSPC. */
  readonly code: string;
  /** Part of the path. */
  readonly below: string;
}

export class TroubledDisk {
  trouble: Trouble | undefined;
  /** Operations that failed. */
  failures = 0;
  /** Syncs that wait. */
  waiting = 0;
  #gate: PromiseWithResolvers<void> | undefined;

  readonly disk: Disk = {
    ...nodeDisk,
    open: async (path, mode) => this.#troubled(await nodeDisk.open(path, mode)),
  };

  shut(): void {
    this.#gate = Promise.withResolvers();
  }

  release(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  #troubled(file: DiskFile): DiskFile {
    return {
      path: file.path,
      write: async (buffers, position) => {
        this.#fail('write', file.path);
        return file.write(buffers, position);
      },
      read: (target, start, length, position) => file.read(target, start, length, position),
      dataSync: async () => {
        this.waiting++;
        await this.#gate?.promise;
        this.waiting--;
        this.#fail('dataSync', file.path);
        return file.dataSync();
      },
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      sizeBytes: () => file.sizeBytes(),
      isUnlinked: () => file.isUnlinked(),
      close: () => file.close(),
    };
  }

  #fail(operation: Trouble['operation'], path: string): void {
    const { trouble } = this;
    if (trouble?.operation !== operation || !path.includes(trouble.below)) return;
    this.failures++;
    throw Object.assign(new Error(`${trouble.code}, made by a test`), { code: trouble.code });
  }
}
