/** The embedded engine as the indexer writes to it: rows travel in files of the engine's own format. */
import { nowAndFromTimeToTime } from '../../lib/from-time-to-time.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Range } from '../journal.ts';
import type { PathType } from '../path-types.ts';
import type {
  Inserted,
  Placement,
  RowFacts,
  SearchWriter,
  StoredRow,
  StoredSlice,
  WriteBatch,
  WriteBlock,
} from '../port.ts';
import type { SliceKey } from '../slices.ts';
import type { DraftFiles } from './draft-files.ts';
import { type EventsTable, NOBODYS, type StoredPartition } from './events-table.ts';
import { keepMergedPartsDurable } from './merged-parts.ts';
import { EventBlock } from './native/event-block.ts';
import type { EngineSession } from './sessions.ts';
import type { SliceNumber, SliceNumbers } from './slice-numbers.ts';
import { PartsTidier } from './tidy-parts.ts';

const ALL_TAKEN: Inserted = { refused: [], waiting: [] };

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
  readonly #block: EventBlock;
  readonly #files: DraftFiles;
  readonly #numbers: SliceNumbers;

  constructor(files: DraftFiles, numbers: SliceNumbers) {
    this.#files = files;
    this.#numbers = numbers;
    this.#block = new EventBlock((slice) => numbers.of(slice));
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
    await this.#numbers.save();
    const path = await this.#files.write(this.#block.encode());
    this.clear();
    return new FileBatch(path, this.#files);
  }

  clear(): void {
    this.#block.clear();
  }
}

export interface WriterParts {
  readonly table: EventsTable;
  /** For merges alone. */
  readonly tidying: EngineSession;
  readonly admin: EngineSession;
  readonly files: DraftFiles;
  readonly numbers: SliceNumbers;
  readonly catalogue: Catalogue;
  readonly log: Logger;
}

export class ClickHouseWriter implements SearchWriter {
  readonly #table: EventsTable;
  readonly #tidying: EngineSession;
  readonly #admin: EngineSession;
  readonly #files: DraftFiles;
  readonly #numbers: SliceNumbers;
  readonly #catalogue: Catalogue;
  readonly #log: Logger;
  /** Set while the row of `works` may be there: ends what the catalogue was told. */
  #nobodysLeft: (() => void) | undefined;

  constructor({ table, tidying, admin, files, numbers, catalogue, log }: WriterParts) {
    this.#table = table;
    this.#tidying = tidying;
    this.#admin = admin;
    this.#files = files;
    this.#numbers = numbers;
    this.#catalogue = catalogue;
    this.#log = log;
  }

  createBlock(): WriteBlock {
    return new NativeBlock(this.#files, this.#numbers);
  }

  /** All or nothing of a block: which row is refused, the caller finds by halving. */
  async insert(batch: WriteBatch): Promise<Inserted> {
    if (!(batch instanceof FileBatch)) throw new TypeError('a batch of another engine');
    await this.#table.insertFile(batch.path);
    return ALL_TAKEN;
  }

  /** Until it is gone there is a row that is nobody's: questions must not leave out whose events they ask for. */
  async works(): Promise<boolean> {
    const isGone = this.#catalogue.expectNobodys();
    const works = await this.#table.works();
    // In the place of an earlier one.
    this.#nobodysLeft?.();
    this.#nobodysLeft = isGone;
    if (works) await this.slices().catch(() => []);
    return works;
  }

  settle(): Promise<void> {
    return this.#table.syncFolders();
  }

  settleRange(range: Range, slices: readonly SliceKey[]): Promise<void> {
    return this.#table.syncParts(range, this.#existing(slices));
  }

  visibleOffsets(range: Range, slices: readonly SliceKey[]): Promise<ReadonlySet<number>> {
    return this.#table.visibleOffsets(range, this.#existing(slices));
  }

  readonly lastRow = (partition: number): Promise<StoredRow | undefined> => this.#table.lastRow(partition);

  async slices(): Promise<readonly StoredSlice[]> {
    const left = this.#nobodysLeft;
    const partitions = await this.#table.partitions();
    // Not one that was set meanwhile.
    if (left === this.#nobodysLeft && partitions.every(({ number }) => number.kind !== NOBODYS.kind)) {
      left?.();
      this.#nobodysLeft = undefined;
    }
    return storedSlices(partitions, this.#numbers);
  }

  async dropSlice(slice: SliceKey): Promise<void> {
    const number = this.#numbers.find(slice);
    if (number !== undefined) await this.#table.dropPartition(number);
  }

  maintain(): () => Promise<void> {
    const [table, log] = [this.#table, this.#log];
    const tidier = new PartsTidier({ session: this.#tidying, admin: this.#admin, log });
    const stops = [
      keepMergedPartsDurable({ table, log }),
      nowAndFromTimeToTime({
        everyMs: STORE_LIMITS.syncMergedEveryMs,
        work: () => tidier.tidy(),
        failed: (reason) => log.warn({ reason }, 'Small parts could not be looked for: questions take longer'),
      }),
    ];
    return async () => {
      await Promise.all([tidier.stop(), ...stops.map((stop) => stop())]);
    };
  }

  #existing(slices: readonly SliceKey[]): readonly SliceNumber[] {
    return slices.flatMap((slice) => this.#numbers.find(slice) ?? []);
  }
}

/** What partitions there are, as slices. */
export function storedSlices(partitions: readonly StoredPartition[], numbers: SliceNumbers): readonly StoredSlice[] {
  return partitions.flatMap(({ number, rows, bytesOnDisk }) => {
    const slice = numbers.sliceOf(number);
    return slice === undefined ? [] : [{ slice, where: partitionName(number), rows, bytesOnDisk }];
  });
}

/** As the engine names it. */
export function partitionName({ kind, start }: SliceNumber): string {
  return `${kind}-${start}`;
}
