/**
 * The account of all process trees, made of their reports in the order in which the topic has them. A report counts if
 * nothing of its ranges has been counted before; else it is passed over, and what of it is missing will be counted from
 * the log. So reports may come late, twice, or from a process that was paused, and every reader has the same account.
 */
import { LEDGER_LIMITS } from '../../lib/limits.ts';
import type { LedgerRow } from './ledger.ts';
import { offsetsIn, type Range, Ranges } from './ranges.ts';
import type { Gone, Report, SnapshotPart } from './report.ts';
import { LedgerRows, readRow, type WrittenRow, writeRow } from './rows.ts';

const NOTHING = new Ranges();
/** Of a row it is 1. */
const RANGE_WEIGHT = 0.15;

interface Content {
  readonly counted: Record<string, readonly number[]>;
  readonly gone: Readonly<Record<string, Gone>>;
  readonly rows: WrittenRow[];
}

export class SharedBook {
  readonly #rows = new LedgerRows();
  readonly #counted = new Map<string, Ranges>();
  readonly #gone = new Map<string, Gone>();
  #newestMinute = 0;

  /** What of the log has been counted, or was found to be gone. */
  counted(log: string): Ranges {
    return this.#counted.get(log) ?? NOTHING;
  }

  /** By log: what was removed before anybody counted it. */
  get gone(): ReadonlyMap<string, Gone> {
    return this.#gone;
  }

  /** Whether it counts. */
  apply({ log, ranges, rows, goneBeforeMs }: Report): boolean {
    const counted = this.#counted.get(log) ?? new Ranges();
    const added = piecesOf(ranges);
    if (added === undefined || added.some(([from, to]) => counted.overlaps(from, to))) return false;
    const apart = added.filter(([from, to]) => !counted.touches(from, to)).length;
    if (counted.size + apart > LEDGER_LIMITS.ranges) return false;
    for (const [from, to] of added) counted.add(from, to);
    this.#counted.set(log, counted);
    for (const row of rows) this.#add(readRow(row));
    if (goneBeforeMs !== undefined) {
      const before = this.#gone.get(log) ?? { offsets: 0, beforeMs: 0 };
      const offsets = before.offsets + offsetsIn(added);
      this.#gone.set(log, { offsets, beforeMs: Math.max(before.beforeMs, goneBeforeMs) });
    }
    return true;
  }

  takeChanges(): { readonly reset: boolean; readonly rows: readonly LedgerRow[] } {
    return this.#rows.takeChanges();
  }

  /**
   * By the clock, but not beyond what was received: a clock that is ahead ages nothing. The cells of a tree and those in a
   * snapshot may differ by this, their sums do not.
   */
  fold(nowMinute: number): void {
    this.#rows.fold(Math.min(nowMinute, this.#newestMinute));
  }

  /** The state, in parts that fit a record each, for a topic whose records before `at` it is made of. */
  snapshot(id: string, at: number): SnapshotPart[] {
    const parts: Content[] = [{ counted: {}, gone: Object.fromEntries(this.#gone), rows: [] }];
    let weight = 0;
    const open = (more: number): Content => {
      weight += more;
      const last = parts.at(-1);
      if (last !== undefined && weight <= LEDGER_LIMITS.snapshotRows) return last;
      const next = { counted: {}, gone: {}, rows: [] };
      parts.push(next);
      weight = more;
      return next;
    };
    for (const [log, ranges] of this.#counted) open(1 + ranges.size * RANGE_WEIGHT).counted[log] = ranges.bounds;
    for (const row of this.#rows.values()) open(1).rows.push(writeRow(row));
    return parts.map((content, part) => ({ version: 1, snapshot: id, at, part, parts: parts.length, ...content }));
  }

  /** From all parts of one snapshot. */
  static of(parts: readonly SnapshotPart[]): SharedBook {
    const book = new SharedBook();
    for (const { counted, gone, rows } of parts) {
      for (const [log, bounds] of Object.entries(counted)) book.#counted.set(log, new Ranges(bounds));
      for (const [log, what] of Object.entries(gone)) book.#gone.set(log, what);
      for (const row of rows) book.#add(readRow(row));
    }
    return book;
  }

  #add(row: LedgerRow): void {
    this.#newestMinute = Math.max(this.#newestMinute, row.minute);
    this.#rows.add(row);
  }
}

/** Undefined where these are no ranges: then somebody else has written them. */
function piecesOf(bounds: readonly number[]): readonly Range[] | undefined {
  try {
    return new Ranges(bounds).all;
  } catch {
    return undefined;
  }
}
