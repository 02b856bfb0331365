/**
 * A disk in memory that behaves as badly as a real one may: what was not synced can be lost, torn or partly kept in a
 * crash, names need a sync of their directory, a full disk takes part of a write, and after a sync that failed the data
 * looks as if it were there but never reaches the disk. For tests and the simulator.
 */
import { basename, dirname } from 'node:path';
import type { Disk, DiskFile, OpenMode } from './disk.ts';
import { type Keep, keepNothing } from './memory-disk-crash.ts';
import { Directory, type Entry, filesIn, Inode, usedBytes } from './memory-disk-tree.ts';

export type OperationKind =
  | 'open'
  | 'create'
  | 'write'
  | 'read'
  | 'dataSync'
  | 'truncate'
  | 'sizeBytes'
  | 'close'
  | 'list'
  | 'makeDirectory'
  | 'rename'
  | 'remove'
  | 'syncDirectory';

export interface Operation {
  readonly kind: OperationKind;
  readonly path: string;
  /** From 1, over the life of this view of the disk. */
  readonly number: number;
}

/** What happens instead of, or after, an operation; undefined for nothing unusual. */
export type Fault =
  /** `reached`: what of the unsynced changes a failed dataSync has brought to the disk all the same. */
  | { readonly error: string; readonly reached?: Keep }
  /** The power goes, before or after the operation had its effect (which is in memory only). */
  | { readonly crash: 'before' | 'after' };

export interface MemoryDiskOptions {
  readonly capacityBytes?: number;
  /** One write takes no more. */
  readonly writeAtMostBytes?: number;
  readonly fault?: (operation: Operation) => Fault | undefined;
  /** Awaited before each operation, so that a scheduler can decide who goes on. */
  readonly turn?: (operation: Operation) => Promise<void>;
}

/** What all views of one disk share. */
interface Volume {
  readonly root: Directory;
  usedBytes: number;
}

export class PowerCut extends Error {
  constructor() {
    super('the power is cut');
    this.name = 'PowerCut';
  }
}

export class MemoryDisk implements Disk {
  readonly #volume: Volume;
  #options: MemoryDiskOptions;
  #operations = 0;
  #isOff = false;

  constructor(options: MemoryDiskOptions = {}, volume: Volume = { root: new Directory(), usedBytes: 0 }) {
    this.#options = options;
    this.#volume = volume;
  }

  /** How many operations there were. */
  get operations(): number {
    return this.#operations;
  }

  set options(options: MemoryDiskOptions) {
    this.#options = options;
  }

  /** Bytes in all files. */
  get usedBytes(): number {
    return this.#volume.usedBytes;
  }

  /** Nothing works any more, in this view. */
  cutPower(): void {
    this.#isOff = true;
  }

  /** The same disk as another process sees it, which can be killed (`cutPower`) alone. */
  view(options: MemoryDiskOptions = {}): MemoryDisk {
    return new MemoryDisk(options, this.#volume);
  }

  /** The disk as it is found after the power came back; `keep` decides about each change that was not synced. */
  afterCrash(keep: Keep, options: MemoryDiskOptions = {}): MemoryDisk {
    const root = this.#volume.root.afterCrash(keep);
    return new MemoryDisk(options, { root, usedBytes: usedBytes(root) });
  }

  /** Changes stored bytes behind everyone's back. */
  corrupt(path: string, change: (content: Buffer) => Buffer): void {
    const file = this.#file(path);
    this.#volume.usedBytes -= file.sizeBytes;
    file.replace(change(Buffer.from(file.content())));
    this.#volume.usedBytes += file.sizeBytes;
  }

  /** Memory is short: after a failed sync, what seemed to be there is not even seen any more. */
  evict(path: string): void {
    this.#file(path).evict();
  }

  content(path: string): Buffer {
    return Buffer.from(this.#file(path).content());
  }

  /** Whether all that is seen of the file is on the disk. */
  isDurable(path: string): boolean {
    return this.#file(path).isDurable;
  }

  /** Paths of all files. */
  files(): string[] {
    return filesIn(this.#volume.root);
  }

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.#run(mode === 'create' ? 'create' : 'open', path, () => {
      const parent = this.#directory(dirname(path));
      const known = parent.entries.get(basename(path));
      if (known !== undefined && !('file' in known)) throw failure('EISDIR', path);
      if (mode !== 'create') {
        if (known === undefined) throw failure('ENOENT', path);
        return this.#handle(path, known.file);
      }
      if (known !== undefined) throw failure('EEXIST', path);
      if (this.#freeBytes() <= 0) throw failure('ENOSPC', path);
      const file = new Inode();
      parent.change([basename(path), { file }]);
      return this.#handle(path, file);
    });
  }

  list(directory: string): Promise<string[]> {
    return this.#run('list', directory, () => [...this.#directory(directory).entries.keys()]);
  }

  makeDirectory(path: string): Promise<void> {
    return this.#run('makeDirectory', path, () => {
      const parent = this.#directory(dirname(path));
      if (parent.entries.has(basename(path))) throw failure('EEXIST', path);
      parent.change([basename(path), { directory: new Directory() }]);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run('rename', to, () => {
      const parent = this.#directory(dirname(from));
      if (dirname(from) !== dirname(to)) throw failure('EXDEV', to);
      const entry = parent.entries.get(basename(from));
      if (entry === undefined) throw failure('ENOENT', from);
      this.#unlink(parent.entries.get(basename(to)));
      parent.change([basename(from), undefined], [basename(to), entry]);
    });
  }

  remove(path: string): Promise<void> {
    return this.#run('remove', path, () => {
      this.#unlink({ file: this.#file(path) });
      this.#directory(dirname(path)).change([basename(path), undefined]);
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#run('syncDirectory', path, () => this.#directory(path).sync());
  }

  #handle(path: string, file: Inode): DiskFile {
    return {
      path,
      write: (buffers, position) => this.#run('write', path, () => this.#write(path, file, buffers, position)),
      read: (target, start, length, position) =>
        this.#run('read', path, () => {
          const bytes = file.content().subarray(position, position + length);
          target.set(bytes, start);
          return bytes.length;
        }),
      dataSync: () =>
        this.#run(
          'dataSync',
          path,
          () => file.sync(),
          (reached = keepNothing) => file.failSync(reached),
        ),
      truncate: (sizeBytes) =>
        this.#run('truncate', path, () => {
          if (file.links > 0) this.#volume.usedBytes += sizeBytes - file.sizeBytes;
          file.truncate(sizeBytes);
        }),
      sizeBytes: () => this.#run('sizeBytes', path, () => file.sizeBytes),
      isUnlinked: () => file.links === 0,
      close: () => this.#run('close', path, () => undefined),
    };
  }

  #write(path: string, file: Inode, buffers: readonly Uint8Array[], position: number): number {
    const bytes = Buffer.concat(buffers).subarray(0, this.#options.writeAtMostBytes);
    const grows = Math.max(0, position + bytes.length - file.sizeBytes);
    const takes = bytes.length - Math.max(0, grows - this.#freeBytes());
    if (takes <= 0 && bytes.length > 0) throw failure('ENOSPC', path);
    const before = file.sizeBytes;
    file.write(bytes.subarray(0, takes), position);
    if (file.links > 0) this.#volume.usedBytes += file.sizeBytes - before;
    return takes;
  }

  async #run<T>(kind: OperationKind, path: string, act: () => T, onError?: (reached?: Keep) => void): Promise<T> {
    const operation = { kind, path, number: ++this.#operations };
    const { turn } = this.#options;
    if (turn !== undefined) await turn(operation);
    if (this.#isOff) throw new PowerCut();
    const fault = this.#options.fault?.(operation);
    if (fault !== undefined && 'error' in fault) {
      onError?.(fault.reached);
      throw failure(fault.error, path);
    }
    if (fault?.crash === 'before') this.#isOff = true;
    if (this.#isOff) throw new PowerCut();
    const result = act();
    if (fault?.crash === 'after') {
      this.#isOff = true;
      throw new PowerCut();
    }
    return result;
  }

  #freeBytes(): number {
    const { capacityBytes } = this.#options;
    return capacityBytes === undefined ? Number.POSITIVE_INFINITY : capacityBytes - this.#volume.usedBytes;
  }

  #unlink(entry: Entry | undefined): void {
    if (entry === undefined || !('file' in entry)) return;
    entry.file.links--;
    if (entry.file.links === 0) this.#volume.usedBytes -= entry.file.sizeBytes;
  }

  #directory(path: string): Directory {
    let directory = this.#volume.root;
    for (const part of path.split('/')) {
      if (part === '') continue;
      const entry = directory.entries.get(part);
      if (entry === undefined) throw failure('ENOENT', path);
      if (!('directory' in entry)) throw failure('ENOTDIR', path);
      directory = entry.directory;
    }
    return directory;
  }

  #file(path: string): Inode {
    const entry = this.#directory(dirname(path)).entries.get(basename(path));
    if (entry === undefined || !('file' in entry)) throw failure('ENOENT', path);
    return entry.file;
  }
}

/** Without a stack: there are many of them, and whoever asked knows where. */
function failure(code: string, path: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = Object.assign(new Error(`${code}: ${path}`), { code });
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}
