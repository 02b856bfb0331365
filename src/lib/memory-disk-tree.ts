/** What the memory disk consists of: files with what is durable of them, and directories of names. */
import { type Change, crashedContent, type Keep } from './memory-disk-crash.ts';

/** Bytes that grow in place. */
export class GrowingBytes {
  #memory: Buffer;
  #length: number;

  constructor(content: Buffer = Buffer.alloc(0)) {
    this.#memory = content;
    this.#length = content.length;
  }

  get length(): number {
    return this.#length;
  }

  /** Valid until the next change. */
  view(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  resize(sizeBytes: number): void {
    if (sizeBytes > this.#memory.length) {
      const memory = Buffer.alloc(Math.max(sizeBytes, 2 * this.#memory.length, 256));
      this.#memory.copy(memory, 0, 0, this.#length);
      this.#memory = memory;
    } else if (sizeBytes > this.#length) this.#memory.fill(0, this.#length, sizeBytes);
    this.#length = sizeBytes;
  }

  set(bytes: Uint8Array, position: number): void {
    if (position + bytes.length > this.#length) this.resize(position + bytes.length);
    this.#memory.set(bytes, position);
  }
}

/** A file: as programs see it, and as it is on the disk. */
export class Inode {
  links = 1;
  #content: GrowingBytes;
  #durable: GrowingBytes;
  /** Since the last sync. */
  #changes: Change[] = [];
  /** A sync failed: programs see what is not on the disk and is not going to be. */
  #isDeceptive = false;

  constructor(content: Buffer = Buffer.alloc(0)) {
    this.#content = new GrowingBytes(content);
    this.#durable = new GrowingBytes(Buffer.from(content));
  }

  get sizeBytes(): number {
    return this.#content.length;
  }

  /** Whether everything that programs see is on the disk. */
  get isDurable(): boolean {
    return this.#changes.length === 0 && !this.#isDeceptive;
  }

  /** Valid until the next change. */
  content(): Buffer {
    return this.#content.view();
  }

  write(bytes: Buffer, position: number): void {
    this.#content.set(bytes, position);
    this.#changes.push({ position, bytes });
  }

  truncate(sizeBytes: number): void {
    this.#content.resize(sizeBytes);
    this.#changes.push({ sizeBytes });
  }

  sync(): void {
    for (const change of this.#changes) {
      if ('sizeBytes' in change) this.#durable.resize(change.sizeBytes);
      else this.#durable.set(change.bytes, change.position);
    }
    this.#changes = [];
  }

  /** As Linux does it: the pages count as clean, although only what `reached` says is on the disk. */
  failSync(reached: Keep): void {
    this.#durable = new GrowingBytes(this.afterCrash(reached));
    this.#changes = [];
    this.#isDeceptive = true;
  }

  /** Memory is short: what counts as clean is forgotten, and read from the disk when it is needed again. */
  evict(): void {
    const { sizeBytes } = this;
    this.#content = new GrowingBytes(Buffer.from(this.#durable.view()));
    for (const change of this.#changes) {
      if ('sizeBytes' in change) this.#content.resize(change.sizeBytes);
      else this.#content.set(change.bytes, change.position);
    }
    this.#content.resize(sizeBytes);
  }

  afterCrash(keep: Keep): Buffer {
    return crashedContent(this.#durable.view(), this.#changes, keep);
  }

  /** Other bytes, also on the disk. */
  replace(content: Buffer): void {
    this.#content = new GrowingBytes(content);
    this.#durable = new GrowingBytes(Buffer.from(content));
    this.#changes = [];
  }
}

export type Entry = { readonly file: Inode } | { readonly directory: Directory };

/** Names that were set, or removed where there is no entry, at once. */
type NameChange = readonly (readonly [name: string, entry: Entry | undefined])[];

export class Directory {
  /** As programs see them. */
  readonly entries: Map<string, Entry>;
  readonly #durable: Map<string, Entry>;
  /** Since the last sync. */
  #changes: NameChange[] = [];

  constructor(entries: Map<string, Entry> = new Map()) {
    this.entries = entries;
    this.#durable = new Map(entries);
  }

  change(...change: NameChange): void {
    apply(this.entries, change);
    this.#changes.push(change);
  }

  sync(): void {
    for (const change of this.#changes) apply(this.#durable, change);
    this.#changes = [];
  }

  /** `known`: files that have been found under another name. */
  afterCrash(keep: Keep, known: Map<Inode, Inode> = new Map()): Directory {
    const entries = new Map(this.#durable);
    const kept = keep.names(this.#changes.length);
    for (const change of this.#changes.slice(0, kept)) apply(entries, change);
    const found = new Map<string, Entry>();
    for (const [name, entry] of entries) {
      found.set(name, 'directory' in entry ? { directory: entry.directory.afterCrash(keep, known) } : crashed(entry));
    }
    return new Directory(found);

    function crashed({ file }: { readonly file: Inode }): Entry {
      const seen = known.get(file);
      if (seen !== undefined) {
        seen.links++;
        return { file: seen };
      }
      const left = new Inode(file.afterCrash(keep));
      known.set(file, left);
      return { file: left };
    }
  }
}

function apply(entries: Map<string, Entry>, change: NameChange): void {
  for (const [name, entry] of change) {
    if (entry === undefined) entries.delete(name);
    else entries.set(name, entry);
  }
}

export function usedBytes(directory: Directory): number {
  let sum = 0;
  for (const entry of directory.entries.values()) {
    sum += 'file' in entry ? entry.file.sizeBytes : usedBytes(entry.directory);
  }
  return sum;
}

export function filesIn(directory: Directory, path = ''): string[] {
  return [...directory.entries].flatMap(([name, entry]) =>
    'file' in entry ? [`${path}/${name}`] : filesIn(entry.directory, `${path}/${name}`),
  );
}
