/**
 * How much each tenant has sent to a partition lately, to tell the one that sends too much from those that wait for it.
 * A tenant is noisy where it sends more than twice what the others do on the average; of equals none is.
 */
import { LANE_LIMITS } from '../../lib/limits.ts';

interface Share {
  cost: number;
}

export class TenantShares {
  readonly #shares = new Map<string, Share>();
  #lastTenant: string | undefined;
  #last: Share = { cost: 0 };
  #agedMs = 0;

  /** A record of so many bytes. */
  count(tenant: string, sizeBytes: number): void {
    if (tenant !== this.#lastTenant) this.#find(tenant);
    this.#last.cost += sizeBytes + LANE_LIMITS.recordCostBytes;
  }

  /** Who has sent something lately. */
  tenants(): Iterable<string> {
    return this.#shares.keys();
  }

  isDue(nowMs: number): boolean {
    return nowMs - this.#agedMs >= LANE_LIMITS.shareStepMs;
  }

  /** Lets what was counted before fade: half of it in `shareHalfLifeMs`. */
  age(nowMs: number): void {
    const left = 2 ** ((this.#agedMs - nowMs) / LANE_LIMITS.shareHalfLifeMs);
    this.#agedMs = nowMs;
    for (const [tenant, share] of this.#shares) {
      share.cost *= left;
      // Less than one record.
      if (share.cost < LANE_LIMITS.recordCostBytes) this.forget(tenant);
    }
  }

  forget(tenant: string): void {
    this.#shares.delete(tenant);
    this.#lastTenant = undefined;
  }

  /** Who sends too much; undefined where nobody does. */
  noisiest(): string | undefined {
    let most = 0;
    let noisiest: string | undefined;
    let sum = 0;
    for (const [tenant, { cost }] of this.#shares) {
      sum += cost;
      if (cost <= most) continue;
      most = cost;
      noisiest = tenant;
    }
    const others = this.#shares.size > 1 ? (sum - most) / (this.#shares.size - 1) : 0;
    return most > LANE_LIMITS.noisyFactor * others ? noisiest : undefined;
  }

  #find(tenant: string): void {
    let share = this.#shares.get(tenant);
    if (share === undefined) {
      // What is large is soon known again.
      if (this.#shares.size >= LANE_LIMITS.tenants) this.#shares.clear();
      share = { cost: 0 };
      this.#shares.set(tenant, share);
    }
    this.#last = share;
    this.#lastTenant = tenant;
  }
}
