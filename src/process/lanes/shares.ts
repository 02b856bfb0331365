/**
 * How much each tenant has sent lately, beside its records in lanes, to tell the one that sends too much from those that
 * wait for it: it sends more than twice what the others do on the average, and more than a few records. Of equals none is
 * noisy. One for all partitions of a processor.
 */
import { LANE_LIMITS } from '../../lib/limits.ts';

interface Share {
  records: number;
  cost: number;
}

export class TenantShares {
  readonly #shares = new Map<string, Share>();
  #agedMs = 0;
  #hasNew = false;

  count(tenant: string, records: number, sizeBytes: number): void {
    const share = this.#shares.get(tenant) ?? this.#begin(tenant);
    share.records += records;
    share.cost += sizeBytes + records * LANE_LIMITS.recordCostBytes;
  }

  /** Who has sent something lately. */
  tenants(): Iterable<string> {
    return this.#shares.keys();
  }

  /** Whether it is time to look at them again: somebody is new, or some time has passed. */
  isDue(nowMs: number): boolean {
    return this.#hasNew || nowMs - this.#agedMs >= LANE_LIMITS.shareStepMs;
  }

  /** Lets what was counted before fade: half of it in `shareHalfLifeMs`. */
  age(nowMs: number): void {
    const left = 2 ** ((this.#agedMs - nowMs) / LANE_LIMITS.shareHalfLifeMs);
    this.#agedMs = nowMs;
    this.#hasNew = false;
    for (const [tenant, share] of this.#shares) {
      share.records *= left;
      share.cost *= left;
      if (share.records < LANE_LIMITS.leastShareRecords) this.#shares.delete(tenant);
    }
  }

  /** Who of these sends too much, and more than so many records; undefined where nobody does. */
  noisiest(among: Iterable<string>, leastRecords: number): string | undefined {
    let noisiest: string | undefined;
    let most: Share = { records: 0, cost: 0 };
    for (const tenant of among) {
      const share = this.#shares.get(tenant);
      if (share === undefined || share.records < leastRecords || share.cost <= most.cost) continue;
      noisiest = tenant;
      most = share;
    }
    let others = -most.cost;
    for (const { cost } of this.#shares.values()) others += cost;
    const average = others / Math.max(1, this.#shares.size - 1);
    return most.cost > LANE_LIMITS.noisyFactor * average ? noisiest : undefined;
  }

  #begin(tenant: string): Share {
    // What is large is soon known again.
    if (this.#shares.size >= LANE_LIMITS.tenants) this.#shares.clear();
    const share = { records: 0, cost: 0 };
    this.#shares.set(tenant, share);
    this.#hasNew = true;
    return share;
  }
}
