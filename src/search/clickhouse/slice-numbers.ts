/**
 * The two numbers by which the table is partitioned, for each slice. The table is as old as slices of a day that tenants
 * of a retention shared, and its key cannot be altered: `retention_days` and `slice_day` were its two numbers, and those
 * slices have them still. Slices of another length or of one tenant have, in the place of the days, a number that stands
 * for (retention, length, group), and in the place of the day their own start. Which number is which is kept beside the
 * engine's files, durable before the first row that has it.
 */
import { join } from 'node:path';
import { type Disk, nodeDisk } from '../../lib/disk.ts';
import { makeDirectories, readWhole, replaceFile } from '../../lib/disk-files.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { classText, SHARED_GROUP, type SliceClass, type SliceKey } from '../slices.ts';

/** Values of `retention_days` and `slice_day`. */
export interface SliceNumber {
  readonly kind: number;
  readonly start: number;
}

/** Below are days of retention, and nobody keeps logs for a hundred years. */
const FIRST = 40_000;
/** What the column holds. */
const LAST = 65_535;
const FILE = 'slice-classes.json';

interface Stored {
  readonly version: 1;
  readonly classes: readonly (SliceClass & { readonly number: number })[];
}

/** Of a day, shared: what all slices once were. */
function isPlain({ retentionDays, hours, group }: SliceClass): boolean {
  return hours === 24 && group === SHARED_GROUP && retentionDays < FIRST;
}

export class SliceNumbers {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #numbers = new Map<string, number>();
  readonly #classes = new Map<number, SliceClass>();
  /** Of rows that the table has, and nobody knows for what they stand. */
  #strange: ReadonlySet<number> = new Set();
  #isDirty = false;

  private constructor(directory: string, disk: Disk) {
    this.#directory = directory;
    this.#disk = disk;
  }

  static async open(directory: string, disk: Disk = nodeDisk): Promise<SliceNumbers> {
    const numbers = new SliceNumbers(directory, disk);
    await makeDirectories(disk, directory);
    const bytes = await readWhole(disk, join(directory, FILE));
    if (bytes === undefined) return numbers;
    const stored: Stored = JSON.parse(bytes.toString('utf8'));
    if (stored.version !== 1) {
      throw new SpillwayError(
        'QUEUE_CORRUPT',
        `${join(directory, FILE)} is of a later version than this Spillway knows.`,
      );
    }
    for (const { number, ...kind } of stored.classes) numbers.#know(number, kind);
    return numbers;
  }

  /** The numbers of a slice; new ones where nothing was ever put into its like: then `save` before they are used. */
  of(slice: SliceKey): SliceNumber {
    return {
      kind: isPlain(slice) ? slice.retentionDays : (this.#numberOf(slice) ?? this.#give(slice)),
      start: slice.start,
    };
  }

  /** Undefined where nothing can be in it. */
  find(slice: SliceKey): SliceNumber | undefined {
    const kind = isPlain(slice) ? slice.retentionDays : this.#numberOf(slice);
    return kind === undefined ? undefined : { kind, start: slice.start };
  }

  /** Undefined for numbers that nobody gave. */
  sliceOf({ kind, start }: SliceNumber): SliceKey | undefined {
    if (kind < FIRST) return { retentionDays: kind, hours: 24, group: SHARED_GROUP, start };
    const known = this.#classes.get(kind);
    return known === undefined ? undefined : { ...known, start };
  }

  /** What was given is durable when it resolves. */
  async save(): Promise<void> {
    if (!this.#isDirty) return;
    const classes = Array.from(this.#classes, ([number, kind]) => ({ number, ...kind }));
    const stored: Stored = { version: 1, classes };
    await replaceFile(this.#disk, join(this.#directory, FILE), Buffer.from(JSON.stringify(stored)));
    this.#isDirty = false;
  }

  /** Those that nothing has any more may be given again, and no others. Call it while nothing is inserted. */
  keepOnly(used: Iterable<SliceNumber>): void {
    const kinds = new Set(Array.from(used, ({ kind }) => kind));
    this.#strange = new Set([...kinds].filter((kind) => !this.#classes.has(kind)));
    for (const [number, kind] of this.#classes) {
      if (kinds.has(number)) continue;
      this.#classes.delete(number);
      this.#numbers.delete(classText(kind));
      this.#isDirty = true;
    }
  }

  #numberOf(slice: SliceClass): number | undefined {
    return this.#numbers.get(classText(slice));
  }

  #know(number: number, kind: SliceClass): void {
    this.#classes.set(number, kind);
    this.#numbers.set(classText(kind), number);
  }

  #give({ retentionDays, hours, group }: SliceClass): number {
    for (let number = FIRST; number <= LAST; number++) {
      if (this.#classes.has(number) || this.#strange.has(number)) continue;
      this.#know(number, { retentionDays, hours, group });
      this.#isDirty = true;
      return number;
    }
    throw new SpillwayError('UNAVAILABLE', `There are more than ${LAST - FIRST} kinds of slices: configure fewer.`);
  }
}
