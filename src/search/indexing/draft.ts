/** What one insert is made of: rows, where they come from, and which slices they go to. */
import type { Progress } from '../../event/progress.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { Range } from '../journal.ts';
import type { PathType } from '../path-types.ts';
import type { Placement, RefusedRecord, RowFacts, WriteBatch } from '../port.ts';
import { type RetentionPolicy, retentionDays, SHARED, type Slice, sliceDay } from '../slices.ts';

export interface Draft {
  /** Undefined where there are no rows. */
  readonly batch: WriteBatch | undefined;
  readonly rows: number;
  readonly ranges: readonly Range[];
  readonly slices: readonly Slice[];
  readonly paths: readonly PathType[];
  readonly refused: readonly RefusedRecord[];
  /** Progress markers of the ranges, folded, by partition. */
  readonly progress: ReadonlyMap<number, Progress>;
  /** Newest time of receipt among the rows, epoch ms. */
  readonly newestReceivedMs: number;
}

interface Counted {
  readonly tenant: string;
  readonly day: number;
  readonly retentionDays: number;
  fromMs: number;
  toMs: number;
  docs: number;
  bytes: number;
}

/** Places rows into slices and counts them; refuses one that would touch more partitions than an insert may. */
export class SliceTally {
  readonly #policy: RetentionPolicy;
  readonly #slices = new Map<string, Counted>();
  readonly #partitions = new Set<string>();
  readonly #tenants = new Set<string>();
  #last: Counted | undefined;
  newestReceivedMs = 0;

  constructor(policy: RetentionPolicy) {
    this.#policy = policy;
  }

  /** Places the row, which counts with the next call of `added`. */
  place(facts: RowFacts): Placement | undefined {
    const day = sliceDay(facts.timestampMs, facts.receivedMs);
    const last = this.#last;
    const slice = last?.tenant === facts.tenant && last.day === day ? last : this.#find(facts.tenant, day);
    if (slice === undefined) return undefined;
    this.#last = slice;
    if (facts.timestampMs < slice.fromMs) slice.fromMs = facts.timestampMs;
    if (facts.timestampMs > slice.toMs) slice.toMs = facts.timestampMs;
    if (facts.receivedMs > this.newestReceivedMs) this.newestReceivedMs = facts.receivedMs;
    return { retentionDays: slice.retentionDays, sliceDay: day };
  }

  added(bytes: number): void {
    if (this.#last === undefined) return;
    this.#last.docs++;
    this.#last.bytes += bytes;
  }

  get tenants(): number {
    return this.#tenants.size;
  }

  slices(): Slice[] {
    return [...this.#slices.values()].map((slice) => ({ ...slice, where: SHARED }));
  }

  #find(tenant: string, day: number): Counted | undefined {
    const key = `${day}/${tenant}`;
    const known = this.#slices.get(key);
    if (known !== undefined) return known;
    const days = retentionDays(this.#policy, tenant);
    const partition = `${days}/${day}`;
    if (!this.#partitions.has(partition) && this.#partitions.size >= STORE_LIMITS.slicesPerInsert) return undefined;
    this.#partitions.add(partition);
    const slice = {
      tenant,
      day,
      retentionDays: days,
      fromMs: Number.POSITIVE_INFINITY,
      toMs: Number.NEGATIVE_INFINITY,
      docs: 0,
      bytes: 0,
    };
    this.#slices.set(key, slice);
    this.#tenants.add(tenant);
    return slice;
  }
}
