/**
 * The disk as a port: what must be durable goes through it, so that tests can tear writes, lose what was not synced,
 * fill the disk, fail a sync and stop the program at any operation (see memory-disk.ts and failpoint-disk.ts).
 *
 * Every method is one system call and nothing is retried or repeated here. Failures are Node's system errors with
 * their `code` (`ENOSPC`, `EIO`, `ENOENT` and so on).
 */
import * as fs from 'node:fs';
import * as promises from 'node:fs/promises';

export interface DiskFile {
  readonly path: string;
  /** Writes at the position; the bytes written, which may be fewer than given. */
  write(buffers: readonly Uint8Array[], position: number): Promise<number>;
  /** Reads into `target[start, start + length)`; the bytes read, fewer only at the end of the file. */
  read(target: Uint8Array, start: number, length: number, position: number): Promise<number>;
  /** fdatasync: the data and the length are on the disk. */
  dataSync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  sizeBytes(): Promise<number>;
  /** Whether no directory names the file any more (removed, or another was renamed over it): a look at memory only. */
  isUnlinked(): boolean;
  close(): Promise<void>;
}

/** `read`: an existing file; `write`: an existing file, to read and write; `create`: a new one, to read and write. */
export type OpenMode = 'read' | 'write' | 'create';

export interface Disk {
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** Names in the directory, unsorted. */
  list(directory: string): Promise<string[]>;
  /** One level. */
  makeDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** fsync of the directory: names that were added, renamed or removed are on the disk. */
  syncDirectory(path: string): Promise<void>;
}

const FLAGS: Record<OpenMode, string> = { read: 'r', write: 'r+', create: 'wx+' };

/** Callbacks and plain descriptors: per call a third of the time that FileHandle takes. */
function promised<T>(call: (done: (error: Error | null, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error === null ? resolve(value) : reject(error)));
  });
}

class NodeFile implements DiskFile {
  readonly path: string;
  readonly #fd: number;

  constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  write(buffers: readonly Uint8Array[], position: number): Promise<number> {
    return promised((done) => fs.writev(this.#fd, buffers as Uint8Array[], position, done));
  }

  read(target: Uint8Array, start: number, length: number, position: number): Promise<number> {
    return promised((done) => fs.read(this.#fd, target, start, length, position, done));
  }

  dataSync(): Promise<void> {
    return promised((done) => fs.fdatasync(this.#fd, (error) => done(error, undefined)));
  }

  truncate(sizeBytes: number): Promise<void> {
    return promised((done) => fs.ftruncate(this.#fd, sizeBytes, (error) => done(error, undefined)));
  }

  async sizeBytes(): Promise<number> {
    const stats = await promised<fs.Stats>((done) => fs.fstat(this.#fd, done));
    return stats.size;
  }

  isUnlinked(): boolean {
    return fs.fstatSync(this.#fd).nlink === 0;
  }

  close(): Promise<void> {
    return promised((done) => fs.close(this.#fd, (error) => done(error ?? null, undefined)));
  }
}

/** The real file system. */
export const nodeDisk: Disk = {
  async open(path, mode) {
    const fd = await promised<number>((done) => fs.open(path, FLAGS[mode], 0o640, done));
    return new NodeFile(path, fd);
  },
  list: (directory) => promises.readdir(directory),
  makeDirectory: (path) => promises.mkdir(path, { mode: 0o750 }),
  rename: (from, to) => promises.rename(from, to),
  remove: (path) => promises.unlink(path),
  async syncDirectory(path) {
    const handle = await promises.open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};
