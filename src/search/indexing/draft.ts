/** What one insert is made of: rows, where they come from, and which slices they go to. */
import type { Progress } from '../../event/progress.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { SliceShare } from '../catalogue.ts';
import type { Range } from '../journal.ts';
import type { PathType } from '../path-types.ts';
import type { SlicePolicy } from '../policy/slice-policy.ts';
import type { Placement, RefusedRecord, RowFacts, WriteBatch } from '../port.ts';
import { sliceAt, sliceSpan, sliceText, sliceTime } from '../slices.ts';

export interface Draft {
  /** Undefined where there are no rows. */
  readonly batch: WriteBatch | undefined;
  readonly rows: number;
  readonly ranges: readonly Range[];
  /** What placed the rows. */
  readonly policy: SlicePolicy;
  readonly shares: readonly SliceShare[];
  readonly paths: readonly PathType[];
  readonly refused: readonly RefusedRecord[];
  /** Progress markers of the ranges, folded, by partition. */
  readonly progress: ReadonlyMap<number, Progress>;
  /** Newest time of receipt among the rows, epoch ms. */
  readonly newestReceivedMs: number;
}

/** One tenant in one slice. */
interface Counted {
  readonly tenant: string;
  readonly placement: Placement;
  /** Slice times for which the tenant's events go here. */
  readonly sinceMs: number;
  readonly untilMs: number;
  fromMs: number;
  toMs: number;
  docs: number;
  bytes: number;
  /** Of the same tenant, in another slice. */
  readonly earlier: Counted | undefined;
}

/** Places rows into slices and counts them; refuses one that would touch more slices than an insert may. */
export class SliceTally {
  readonly #policy: SlicePolicy;
  /** Of each tenant, the latest: with thousands of tenants each step to what is not at hand counts. */
  readonly #counted = new Map<string, Counted>();
  readonly #placements = new Map<string, Placement>();
  #last: Counted | undefined;
  newestReceivedMs = 0;

  constructor(policy: SlicePolicy) {
    this.#policy = policy;
  }

  get policy(): SlicePolicy {
    return this.#policy;
  }

  /** Places the row, which counts with the next call of `added`. */
  place(facts: RowFacts): Placement | undefined {
    const time = sliceTime(facts.timestampMs, facts.receivedMs);
    const last = this.#last;
    const isLast = last?.tenant === facts.tenant && time >= last.sinceMs && time < last.untilMs;
    const counted = isLast ? last : this.#find(facts.tenant, time);
    if (counted === undefined) return undefined;
    this.#last = counted;
    if (facts.timestampMs < counted.fromMs) counted.fromMs = facts.timestampMs;
    if (facts.timestampMs > counted.toMs) counted.toMs = facts.timestampMs;
    if (facts.receivedMs > this.newestReceivedMs) this.newestReceivedMs = facts.receivedMs;
    return counted.placement;
  }

  added(bytes: number): void {
    if (this.#last === undefined) return;
    this.#last.docs++;
    this.#last.bytes += bytes;
  }

  get tenants(): number {
    return this.#counted.size;
  }

  shares(): SliceShare[] {
    const shares: SliceShare[] = [];
    for (const latest of this.#counted.values()) {
      for (let one: Counted | undefined = latest; one !== undefined; one = one.earlier) {
        const { tenant, placement, fromMs, toMs, docs, bytes } = one;
        shares.push({ slice: placement.slice, tenant, fromMs, toMs, docs, bytes });
      }
    }
    return shares;
  }

  #find(tenant: string, time: number): Counted | undefined {
    const latest = this.#counted.get(tenant);
    for (let one = latest; one !== undefined; one = one.earlier) {
      if (time >= one.sinceMs && time < one.untilMs) return one;
    }
    const { rule, fromMs, toMs } = this.#policy.ruleAt(tenant, time);
    const slice = sliceAt(rule, time);
    const text = sliceText(slice);
    let placement = this.#placements.get(text);
    if (placement === undefined) {
      if (this.#placements.size >= STORE_LIMITS.slicesPerInsert) return undefined;
      placement = { slice, tier: rule.tier };
      this.#placements.set(text, placement);
    }
    const span = sliceSpan(slice);
    const counted: Counted = {
      tenant,
      placement,
      sinceMs: Math.max(fromMs, span.fromMs),
      untilMs: Math.min(toMs, span.toMs),
      fromMs: Number.POSITIVE_INFINITY,
      toMs: Number.NEGATIVE_INFINITY,
      docs: 0,
      bytes: 0,
      earlier: latest,
    };
    this.#counted.set(tenant, counted);
    return counted;
  }
}
