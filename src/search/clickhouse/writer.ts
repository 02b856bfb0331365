/** The embedded engine as the indexer writes to it: rows travel in files of the engine's own format. */
import type { Logger } from '../../lib/log.ts';
import type { Range } from '../journal.ts';
import type { PathType } from '../path-types.ts';
import type { Placement, RefusedRecord, RowFacts, SearchWriter, StoredSlice, WriteBatch, WriteBlock } from '../port.ts';
import type { DraftFiles } from './draft-files.ts';
import type { EventsTable } from './events-table.ts';
import { keepMergedPartsDurable } from './merged-parts.ts';
import { EventBlock } from './native/event-block.ts';

export class FileBatch implements WriteBatch {
  readonly path: string;
  readonly #files: DraftFiles;

  constructor(path: string, files: DraftFiles) {
    this.path = path;
    this.#files = files;
  }

  discard(): void {
    this.#files.remove(this.path);
  }
}

export class NativeBlock implements WriteBlock {
  readonly #block = new EventBlock();
  readonly #files: DraftFiles;

  constructor(files: DraftFiles) {
    this.#files = files;
  }

  get rows(): number {
    return this.#block.rows;
  }

  get isFull(): boolean {
    return this.#block.isFull;
  }

  add(
    source: Buffer,
    start: number,
    end: number,
    { partition, offset }: { readonly partition: number; readonly offset: number },
    place: (facts: RowFacts) => Placement | undefined,
  ): boolean {
    return this.#block.add(source, start, end, partition, offset, place);
  }

  pathTypes(): Iterable<PathType> {
    return this.#block.pathTypes();
  }

  async finish(): Promise<WriteBatch | undefined> {
    if (this.rows === 0) return undefined;
    const path = await this.#files.write(this.#block.encode());
    this.clear();
    return new FileBatch(path, this.#files);
  }

  clear(): void {
    this.#block.clear();
  }
}

export class ClickHouseWriter implements SearchWriter {
  readonly #table: EventsTable;
  readonly #files: DraftFiles;
  readonly #log: Logger;

  constructor(table: EventsTable, files: DraftFiles, log: Logger) {
    this.#table = table;
    this.#files = files;
    this.#log = log;
  }

  createBlock(): WriteBlock {
    return new NativeBlock(this.#files);
  }

  /** All or nothing of a block: which row is refused, the caller finds by halving. */
  async insert(batch: WriteBatch): Promise<readonly RefusedRecord[]> {
    if (!(batch instanceof FileBatch)) throw new TypeError('a batch of another engine');
    await this.#table.insertFile(batch.path);
    return [];
  }

  works(): Promise<boolean> {
    return this.#table.works();
  }

  settle(): Promise<void> {
    return this.#table.syncFolders();
  }

  settleRange(range: Range, days: readonly number[]): Promise<void> {
    return this.#table.syncParts(range, days);
  }

  visibleOffsets(range: Range, days: readonly number[]): Promise<ReadonlySet<number>> {
    return this.#table.visibleOffsets(range, days);
  }

  slices(): Promise<readonly StoredSlice[]> {
    return this.#table.partitions();
  }

  dropSlice({ retentionDays, day }: Pick<StoredSlice, 'retentionDays' | 'day'>): Promise<void> {
    return this.#table.dropPartition(retentionDays, day);
  }

  maintain(): () => Promise<void> {
    return keepMergedPartsDurable({ table: this.#table, log: this.#log });
  }
}
