/**
 * The store's journal: what it is about to insert, durable before the insert. It holds whole lines of JSON, numbered;
 * a snapshot beside it (replaced in one step) says how far its lines are counted, so a line counts once.
 *
 * - `begin`: an intent: ranges of `events`, and the slices that the insert touches with their bounds. Durable when it
 *   resolves. At most one intent is open; after a crash the open one says which ranges to look at.
 * - `end`: its rows are durable and its offsets committed. Needs no fsync: if a crash takes the line, the ranges are
 *   looked at again and found complete.
 * - `drop`: a slice that retention takes away. Durable before the engine drops it.
 * - `policy`: decisions on who has which slices, where the engine keeps them here. Durable when it resolves.
 */
import { join } from 'node:path';
import { type Disk, type DiskFile, nodeDisk } from '../lib/disk.ts';
import { makeDirectories, readWhole, replaceFile, writeFully } from '../lib/disk-files.ts';
import { SpillwayError } from '../lib/errors.ts';
import { InTurn } from '../lib/in-turn.ts';
import { STORE_LIMITS } from '../lib/limits.ts';
import { Catalogue, type SliceShare } from './catalogue.ts';
import {
  type Entry,
  type Intent,
  type OpenIntent,
  type Range,
  readEntry,
  readSnapshot,
  type Snapshot,
  writeEntry,
  writeSnapshot,
} from './journal-format.ts';
import { PathTypes } from './path-types.ts';
import { type Decision, SlicePolicy } from './policy/slice-policy.ts';
import { Volumes } from './policy/volumes.ts';
import { type SliceKey, sliceText } from './slices.ts';

export type { Intent, OpenIntent, Range };

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
  #policy = SlicePolicy.EMPTY;
  #volumes = new Volumes();
  #snapshotBytes = 0;
  #writtenBytes = 0;
  /** The inserts and retention both write here. */
  readonly #turns = new InTurn();

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

  /** Since it was opened, snapshots counted in. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** What was decided about slices, where the engine keeps it here. */
  get policy(): SlicePolicy {
    return this.#policy;
  }

  /** What each tenant sends, of what was inserted here. */
  get volumes(): Volumes {
    return this.#volumes;
  }

  /** Takes the place of the open intent, if there is one. */
  async begin(intent: Intent): Promise<void> {
    await this.#append((number) => ({ kind: 'begin', number, intent }), true);
  }

  async end(): Promise<void> {
    const open = this.#open;
    if (open !== undefined) await this.#append((number) => ({ kind: 'end', number, intent: open.number }), false);
  }

  /** Forgets the slice, durably, then lets `remove` take its rows away. Where that fails, call it again. */
  async drop(slice: SliceKey, remove: () => Promise<void>): Promise<void> {
    this.catalogue.leave(slice);
    await this.#append((number) => ({ kind: 'drop', number, slice }), true);
    await remove();
    this.catalogue.left(slice);
  }

  async decide(decisions: readonly Decision[]): Promise<void> {
    await this.#append((number) => ({ kind: 'policy', number, decisions }), true);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#turns.settled();
    await this.#file?.close();
    this.#file = undefined;
  }

  #append(entryOf: (number: number) => Entry, durably: boolean): Promise<void> {
    return this.#turns.run(() => this.#write(entryOf(this.#number + 1), durably));
  }

  async #write(entry: Entry, durably: boolean): Promise<void> {
    if (this.#isClosed) throw new SpillwayError('UNAVAILABLE', 'The store is closed.');
    if (this.#file === undefined || this.#sizeBytes > this.#compactAtBytes) await this.#compact();
    const file = this.#file;
    if (file === undefined) throw new SpillwayError('UNAVAILABLE', 'The journal of the store cannot be opened.');
    const line = Buffer.from(`${writeEntry(entry)}\n`);
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
    this.#writtenBytes += line.length;
    this.#count(entry);
  }

  /** A snapshot is written for at least as many bytes of the journal. */
  get #compactAtBytes(): number {
    return Math.max(STORE_LIMITS.journalBytes, this.#snapshotBytes);
  }

  #count(entry: Entry): void {
    this.#number = entry.number;
    switch (entry.kind) {
      case 'drop':
        this.catalogue.remove(entry.slice);
        // An insert that has begun may put rows there after that.
        this.#expect((this.#open?.shares ?? []).filter(({ slice }) => sliceText(slice) === sliceText(entry.slice)));
        return;
      case 'policy':
        this.#policy = this.#policy.with(entry.decisions);
        return;
      case 'end':
        if (this.#open?.number === entry.intent) this.#end(this.#open);
        return;
      case 'begin':
        this.#open = { ...entry.intent, number: entry.number };
        // The bounds count from now on, since rows may become visible from now on; the sums when it has ended.
        this.paths.add(entry.intent.paths);
        this.#expect(entry.intent.shares);
    }
  }

  #expect(shares: readonly SliceShare[]): void {
    for (const share of shares) this.catalogue.add({ ...share, docs: 0, bytes: 0 });
  }

  #end({ shares, receivedMs }: OpenIntent): void {
    this.#open = undefined;
    for (const share of shares) {
      this.catalogue.add(share);
      this.#volumes.add(share.tenant, share.docs, share.bytes, receivedMs);
    }
  }

  async #load(): Promise<void> {
    const snapshot = await this.#readSnapshot();
    for (const share of snapshot?.shares ?? []) this.catalogue.add(share);
    this.#policy = new SlicePolicy(snapshot?.decisions ?? []);
    this.#volumes = new Volumes(snapshot?.volumes);
    this.paths.add(snapshot?.paths ?? []);
    if (snapshot?.morePaths === true) this.paths.markFull();
    this.#number = snapshot?.through ?? 0;
    this.#open = snapshot?.open ?? undefined;
    const bytes = (await readWhole(this.#disk, join(this.#directory, JOURNAL))) ?? Buffer.alloc(0);
    const lines = bytes.toString('utf8').split('\n');
    for (const [i, line] of lines.entries()) {
      if (line === '') continue;
      const entry = readEntry(line);
      if (entry === undefined) {
        // A torn line at the end was not durable, so nothing followed it.
        if (lines.slice(i + 1).every((rest) => readEntry(rest) === undefined)) break;
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
    return readSnapshot(bytes.toString('utf8'), this.#directory);
  }

  /** Snapshot first, then an empty journal: a crash between leaves lines that the snapshot has counted. */
  async #compact(): Promise<void> {
    const snapshot: Snapshot = {
      through: this.#number,
      shares: [...this.catalogue.all()],
      paths: [...this.paths.all()],
      morePaths: this.paths.isFull,
      open: this.#open ?? null,
      decisions: this.#policy.decisions,
      volumes: [...this.#volumes.all()],
    };
    const bytes = Buffer.from(writeSnapshot(snapshot));
    await replaceFile(this.#disk, join(this.#directory, SNAPSHOT), bytes);
    this.#snapshotBytes = bytes.length;
    this.#writtenBytes += bytes.length;
    const path = join(this.#directory, JOURNAL);
    await this.#file?.close();
    this.#file = undefined;
    await replaceFile(this.#disk, path, Buffer.alloc(0));
    this.#file = await this.#disk.open(path, 'write');
    this.#sizeBytes = 0;
  }
}
