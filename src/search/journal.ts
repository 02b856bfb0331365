/**
 * The store's journal: what it is about to insert, durable before the insert. It holds whole lines of JSON, numbered;
 * a snapshot beside it (replaced in one step) says how far its lines are counted, so a line counts once.
 *
 * - `begin`: an intent: ranges of `events`, and the slices that the insert touches with their bounds. Durable when it
 *   resolves. At most one intent is open; after a crash the open one says which ranges to look at.
 * - `end`: its rows are durable and its offsets committed. Needs no fsync: if a crash takes the line, the ranges are
 *   looked at again and found complete.
 * - `drop`: slices that retention takes away. Durable before the engine drops them.
 */
import { join } from 'node:path';
import { type Disk, type DiskFile, nodeDisk } from '../lib/disk.ts';
import { makeDirectories, readWhole, replaceFile, writeFully } from '../lib/disk-files.ts';
import { SpillwayError } from '../lib/errors.ts';
import { STORE_LIMITS } from '../lib/limits.ts';
import { type PathType, PathTypes } from './path-types.ts';
import { Catalogue, type Slice } from './slices.ts';

/** Offsets [from, to) of a partition of `events`. */
export interface Range {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

export interface Intent {
  readonly ranges: readonly Range[];
  /** What the insert adds to each slice. */
  readonly slices: readonly Slice[];
  /** Days whose slices may hold rows of the ranges. */
  readonly days: readonly number[];
  /** Types that the insert brings to paths where they were not known. */
  readonly paths: readonly PathType[];
  /** Of earlier versions: where the store's one partition of `dead-letter` ended before. */
  readonly deadLettersFrom?: number;
}

export interface OpenIntent extends Intent {
  readonly number: number;
}

interface Drop {
  readonly where: string;
  readonly retentionDays: number;
  readonly day: number;
}

type Entry =
  | ({ readonly kind: 'begin'; readonly number: number } & Intent)
  | { readonly kind: 'end'; readonly number: number; readonly intent: number }
  | ({ readonly kind: 'drop'; readonly number: number } & Drop);

interface Snapshot {
  readonly version: 1;
  /** The last line that is counted in. */
  readonly through: number;
  readonly slices: readonly Slice[];
  readonly paths: readonly PathType[];
  /** Whether there are more paths than these. */
  readonly morePaths: boolean;
  readonly open: OpenIntent | null;
}

const JOURNAL = 'journal.ndjson';
const SNAPSHOT = 'catalogue.json';

export class StoreJournal {
  readonly catalogue = new Catalogue();
  readonly paths = new PathTypes();
  readonly #disk: Disk;
  readonly #directory: string;
  #file: DiskFile | undefined;
  #isClosed = false;
  #sizeBytes = 0;
  #number = 0;
  #open: OpenIntent | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(directory: string, disk: Disk) {
    this.#directory = directory;
    this.#disk = disk;
  }

  static async open(directory: string, disk: Disk = nodeDisk): Promise<StoreJournal> {
    const journal = new StoreJournal(directory, disk);
    await makeDirectories(disk, directory);
    await journal.#load();
    await journal.#compact();
    return journal;
  }

  /** The intent that has not ended: after a restart, the one that the last process left. */
  get openIntent(): OpenIntent | undefined {
    return this.#open;
  }

  /** Takes the place of the open intent, if there is one. */
  async begin(intent: Intent): Promise<void> {
    await this.#append((number) => ({ kind: 'begin', number, ...intent }), true);
  }

  async end(): Promise<void> {
    const open = this.#open;
    if (open !== undefined) await this.#append((number) => ({ kind: 'end', number, intent: open.number }), false);
  }

  async drop(drop: Drop): Promise<void> {
    await this.#append((number) => ({ kind: 'drop', number, ...drop }), true);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#tail.catch(() => {});
    await this.#file?.close();
    this.#file = undefined;
  }

  /** One call after another: the inserts and retention both write here. */
  #append(entryOf: (number: number) => Entry, durably: boolean): Promise<void> {
    const done = this.#tail.catch(() => {}).then(() => this.#write(entryOf(this.#number + 1), durably));
    this.#tail = done;
    return done;
  }

  async #write(entry: Entry, durably: boolean): Promise<void> {
    if (this.#isClosed) throw new SpillwayError('UNAVAILABLE', 'The store is closed.');
    if (this.#file === undefined || this.#sizeBytes > STORE_LIMITS.journalBytes) await this.#compact();
    const file = this.#file;
    if (file === undefined) throw new SpillwayError('UNAVAILABLE', 'The journal of the store cannot be opened.');
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    try {
      await writeFully(file, [line], this.#sizeBytes);
      if (durably) await file.dataSync();
    } catch (thrown) {
      // What a file holds after a failed write or sync is not known: the next entry goes to a new one.
      this.#file = undefined;
      await file.close();
      throw thrown;
    }
    this.#sizeBytes += line.length;
    this.#count(entry);
  }

  #count(entry: Entry): void {
    this.#number = entry.number;
    if (entry.kind === 'drop') this.catalogue.remove(entry.where, entry.retentionDays, entry.day);
    else if (entry.kind === 'end') {
      if (this.#open?.number !== entry.intent) return;
      for (const slice of this.#open.slices) this.catalogue.add({ ...slice });
      this.#open = undefined;
    } else {
      const { kind: _, ...intent } = entry;
      this.#open = intent;
      // The bounds count from now on, since rows may become visible from now on; the sums when it has ended.
      this.paths.add(intent.paths);
      for (const slice of intent.slices) this.catalogue.add({ ...slice, docs: 0, bytes: 0 });
    }
  }

  async #load(): Promise<void> {
    const snapshot = await this.#readSnapshot();
    for (const slice of snapshot?.slices ?? []) this.catalogue.add(slice);
    this.paths.add(snapshot?.paths ?? []);
    if (snapshot?.morePaths === true) this.paths.markFull();
    this.#number = snapshot?.through ?? 0;
    this.#open = snapshot?.open ?? undefined;
    const bytes = (await readWhole(this.#disk, join(this.#directory, JOURNAL))) ?? Buffer.alloc(0);
    const lines = bytes.toString('utf8').split('\n');
    for (const [i, line] of lines.entries()) {
      if (line === '') continue;
      const entry = parseEntry(line);
      if (entry === undefined) {
        // A torn line at the end was not durable, so nothing followed it.
        if (lines.slice(i + 1).every((rest) => parseEntry(rest) === undefined)) break;
        throw new SpillwayError(
          'QUEUE_CORRUPT',
          `Line ${i + 1} of the store's journal in ${this.#directory} cannot be read.`,
        );
      }
      if (entry.number > this.#number) this.#count(entry);
    }
  }

  async #readSnapshot(): Promise<Snapshot | undefined> {
    const bytes = await readWhole(this.#disk, join(this.#directory, SNAPSHOT));
    if (bytes === undefined) return undefined;
    const snapshot: Snapshot = JSON.parse(bytes.toString('utf8'));
    if (snapshot.version === 1) return snapshot;
    throw new SpillwayError('QUEUE_CORRUPT', `The store's catalogue in ${this.#directory} is not of version 1.`);
  }

  /** Snapshot first, then an empty journal: a crash between leaves lines that the snapshot has counted. */
  async #compact(): Promise<void> {
    const snapshot: Snapshot = {
      version: 1,
      through: this.#number,
      slices: [...this.catalogue.all()],
      paths: [...this.paths.all()],
      morePaths: this.paths.isFull,
      open: this.#open ?? null,
    };
    await replaceFile(this.#disk, join(this.#directory, SNAPSHOT), Buffer.from(JSON.stringify(snapshot)));
    const path = join(this.#directory, JOURNAL);
    await this.#file?.close();
    this.#file = undefined;
    await replaceFile(this.#disk, path, Buffer.alloc(0));
    this.#file = await this.#disk.open(path, 'write');
    this.#sizeBytes = 0;
  }
}

function parseEntry(line: string): Entry | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
