/**
 * A disk in memory that behaves as badly as a real one may: what was not synced can be lost, torn or partly kept in a
 * crash, names need a sync of their directory, a full disk takes part of a write, and after a sync that failed the data
 * looks as if it were there but never reaches the disk. For tests and the simulator.
 */
import { basename, dirname } from 'node:path';
import type { Disk, DiskFile, OpenMode } from './disk.ts';
import { type Change, crashedContent, type Keep } from './memory-disk-crash.ts';

export type OperationKind =
  | 'open'
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
  /** From 1, over the disk's life. */
  readonly number: number;
}

/** What happens instead of, or after, an operation; undefined for nothing unusual. */
export type Fault =
  | { readonly error: string }
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

interface Inode {
  content: Buffer;
  durable: Buffer;
  changes: Change[];
  links: number;
}

type Entry = { readonly file: Inode } | { readonly directory: Directory };

interface Directory {
  entries: Map<string, Entry>;
  durable: Map<string, Entry>;
  /** The entries after each change since the last sync. */
  changes: Map<string, Entry>[];
}

export class PowerCut extends Error {
  constructor() {
    super('the power is cut');
    this.name = 'PowerCut';
  }
}

export class MemoryDisk implements Disk {
  #root: Directory;
  #options: MemoryDiskOptions;
  #operations = 0;
  #isOff = false;

  constructor(options: MemoryDiskOptions = {}, root: Directory = emptyDirectory()) {
    this.#options = options;
    this.#root = root;
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
    return usedBytes(this.#root);
  }

  /** Nothing works any more. */
  cutPower(): void {
    this.#isOff = true;
  }

  /** The disk as it is found after the power came back; `keep` decides about each change that was not synced. */
  afterCrash(keep: Keep, options: MemoryDiskOptions = {}): MemoryDisk {
    return new MemoryDisk(options, crashedDirectory(this.#root, keep, new Map()));
  }

  /** Changes stored bytes behind everyone's back. */
  corrupt(path: string, change: (content: Buffer) => Buffer): void {
    const inode = this.#file(path);
    inode.content = change(Buffer.from(inode.content));
    inode.durable = Buffer.from(inode.content);
    inode.changes = [];
  }

  content(path: string): Buffer {
    return Buffer.from(this.#file(path).content);
  }

  /** Paths of all files. */
  files(): string[] {
    return filesIn(this.#root, '');
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.#run('open', path, () => {
      const parent = this.#directory(dirname(path));
      const known = parent.entries.get(basename(path));
      if (known !== undefined && !('file' in known)) throw failure('EISDIR', path);
      if (mode !== 'create') {
        if (known === undefined) throw failure('ENOENT', path);
        return this.#handle(path, known.file);
      }
      if (known !== undefined) throw failure('EEXIST', path);
      if (this.#freeBytes() <= 0) throw failure('ENOSPC', path);
      const file: Inode = { content: Buffer.alloc(0), durable: Buffer.alloc(0), changes: [], links: 1 };
      change(parent, (entries) => entries.set(basename(path), { file }));
      return this.#handle(path, file);
    });
  }

  async list(directory: string): Promise<string[]> {
    return this.#run('list', directory, () => [...this.#directory(directory).entries.keys()]);
  }

  async makeDirectory(path: string): Promise<void> {
    return this.#run('makeDirectory', path, () => {
      const parent = this.#directory(dirname(path));
      if (parent.entries.has(basename(path))) throw failure('EEXIST', path);
      change(parent, (entries) => entries.set(basename(path), { directory: emptyDirectory() }));
    });
  }

  async rename(from: string, to: string): Promise<void> {
    return this.#run('rename', to, () => {
      const parent = this.#directory(dirname(from));
      if (dirname(from) !== dirname(to)) throw failure('EXDEV', to);
      const entry = parent.entries.get(basename(from));
      if (entry === undefined) throw failure('ENOENT', from);
      unlink(parent.entries.get(basename(to)));
      change(parent, (entries) => {
        entries.delete(basename(from));
        entries.set(basename(to), entry);
      });
    });
  }

  async remove(path: string): Promise<void> {
    return this.#run('remove', path, () => {
      unlink({ file: this.#file(path) });
      change(this.#directory(dirname(path)), (entries) => entries.delete(basename(path)));
    });
  }

  async syncDirectory(path: string): Promise<void> {
    return this.#run('syncDirectory', path, () => {
      const directory = this.#directory(path);
      directory.durable = new Map(directory.entries);
      directory.changes = [];
    });
  }

  #handle(path: string, inode: Inode): DiskFile {
    return {
      path,
      write: (buffers, position) => this.#run('write', path, () => this.#write(path, inode, buffers, position)),
      read: (target, start, length, position) =>
        this.#run('read', path, () => {
          const bytes = inode.content.subarray(position, position + length);
          target.set(bytes, start);
          return bytes.length;
        }),
      dataSync: () =>
        this.#run(
          'dataSync',
          path,
          () => {
            inode.durable = Buffer.from(inode.content);
            inode.changes = [];
          },
          // As Linux does it: the pages count as clean although they are not on the disk.
          () => {
            inode.changes = [];
          },
        ),
      truncate: (sizeBytes) =>
        this.#run('truncate', path, () => {
          inode.content = resized(inode.content, sizeBytes);
          inode.changes.push({ sizeBytes });
        }),
      sizeBytes: () => this.#run('sizeBytes', path, () => inode.content.length),
      isUnlinked: () => inode.links === 0,
      close: () => this.#run('close', path, () => undefined),
    };
  }

  #write(path: string, inode: Inode, buffers: readonly Uint8Array[], position: number): number {
    const bytes = Buffer.concat(buffers).subarray(0, this.#options.writeAtMostBytes);
    const grows = Math.max(0, position + bytes.length - inode.content.length);
    const fits = bytes.subarray(0, bytes.length - Math.max(0, grows - this.#freeBytes()));
    if (fits.length === 0 && bytes.length > 0) throw failure('ENOSPC', path);
    inode.content = resized(inode.content, Math.max(inode.content.length, position + fits.length));
    inode.content.set(fits, position);
    inode.changes.push({ position, bytes: Buffer.from(fits) });
    return fits.length;
  }

  async #run<T>(kind: OperationKind, path: string, act: () => T, onError?: () => void): Promise<T> {
    const operation = { kind, path, number: ++this.#operations };
    await this.#options.turn?.(operation);
    if (this.#isOff) throw new PowerCut();
    const fault = this.#options.fault?.(operation);
    if (fault !== undefined && 'error' in fault) {
      onError?.();
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
    const { capacityBytes = Number.POSITIVE_INFINITY } = this.#options;
    return capacityBytes === Number.POSITIVE_INFINITY ? capacityBytes : capacityBytes - this.usedBytes;
  }

  #directory(path: string): Directory {
    let directory = this.#root;
    for (const part of path.split('/').filter((name) => name !== '')) {
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

function emptyDirectory(): Directory {
  return { entries: new Map(), durable: new Map(), changes: [] };
}

function change(directory: Directory, apply: (entries: Map<string, Entry>) => void): void {
  apply(directory.entries);
  directory.changes.push(new Map(directory.entries));
}

function unlink(entry: Entry | undefined): void {
  if (entry !== undefined && 'file' in entry) entry.file.links--;
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

function resized(content: Buffer, sizeBytes: number): Buffer {
  if (content.length === sizeBytes) return content;
  const changed = Buffer.alloc(sizeBytes);
  content.copy(changed, 0, 0, sizeBytes);
  return changed;
}

function usedBytes(directory: Directory): number {
  let sum = 0;
  for (const entry of directory.entries.values()) {
    sum += 'file' in entry ? entry.file.content.length : usedBytes(entry.directory);
  }
  return sum;
}

function filesIn(directory: Directory, path: string): string[] {
  return [...directory.entries].flatMap(([name, entry]) =>
    'file' in entry ? [`${path}/${name}`] : filesIn(entry.directory, `${path}/${name}`),
  );
}

function crashedDirectory(directory: Directory, keep: Keep, known: Map<Inode, Inode>): Directory {
  const names = keep.names(directory.changes.length);
  const entries = directory.changes[names - 1] ?? directory.durable;
  const found = new Map<string, Entry>();
  for (const [name, entry] of entries) {
    if ('directory' in entry) found.set(name, { directory: crashedDirectory(entry.directory, keep, known) });
    else {
      const content = crashedContent(entry.file.durable, entry.file.changes, keep);
      const file = known.get(entry.file) ?? { content, durable: Buffer.from(content), changes: [], links: 0 };
      file.links++;
      known.set(entry.file, file);
      found.set(name, { file });
    }
  }
  return { entries: found, durable: new Map(found), changes: [] };
}
