/**
 * How far the store is behind the processor, and so whether a lane may go on: the events of noisy tenants that the store has
 * not taken yet are what everybody's next event waits behind. One for all partitions of a processor.
 *
 * Where only one tenant sends, nobody waits for it, and it may be as far ahead as keeps the store busy. Where no store
 * takes anything for long there is none, or it is down: then nothing is gained by waiting for it.
 */
import { LANE_LIMITS } from '../../lib/limits.ts';
import { TenantShares } from './shares.ts';

export interface PaceOptions {
  /** How far the store has come in a partition of `events`; undefined where it has never committed. */
  readonly stored: (partition: number) => Promise<number | undefined>;
  /** Events of lanes that the store may have before it while other tenants send as well. */
  readonly window: number;
  /** Milliseconds, growing. */
  readonly nowMs?: () => number;
}

interface Ends {
  appended: number;
  stored: number;
}

export class Pace {
  readonly shares = new TenantShares();
  readonly #options: PaceOptions;
  readonly #nowMs: () => number;
  readonly #partitions = new Map<number, Ends>();
  /** By tenant, when a record of it was last seen. */
  readonly #seenMs = new Map<string, number>();
  #askedMs = Number.NEGATIVE_INFINITY;
  #movedMs: number;
  #asking: Promise<void> | undefined;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#movedMs = this.#nowMs();
  }

  /** The partition of `events` ends there. */
  appended(partition: number, nextOffset: number): void {
    const ends = this.#partitions.get(partition);
    if (ends === undefined) this.#partitions.set(partition, { appended: nextOffset, stored: 0 });
    else ends.appended = nextOffset;
  }

  forget(partition: number): void {
    this.#partitions.delete(partition);
  }

  /** Who of these tenants is to be held back. */
  noisiest(among: Iterable<string>): string | undefined {
    return this.shares.noisiest(among, LANE_LIMITS.noisyWindowShare * this.#options.window);
  }

  /** The tenant has sent something. */
  saw(tenant: string): void {
    // A lost memory takes others for new ones, and they are seen again when they send.
    if (this.#seenMs.size >= LANE_LIMITS.tenants) this.#seenMs.clear();
    this.#seenMs.set(tenant, this.#nowMs());
  }

  /** Whether more than one tenant has sent lately. */
  get isShared(): boolean {
    if (this.#seenMs.size <= 1) return false;
    const sinceMs = this.#nowMs() - LANE_LIMITS.tenantMemoryMs;
    for (const [tenant, seenMs] of this.#seenMs) if (seenMs < sinceMs) this.#seenMs.delete(tenant);
    return this.#seenMs.size > 1;
  }

  /** Whether a lane may go on. */
  async mayGoOn(): Promise<boolean> {
    return (await this.#waiting(this.#window)) < this.#window || this.#isStalled;
  }

  /** Whether so much waits for the store that more than lanes must be held back. */
  async isBehind(): Promise<boolean> {
    const most = LANE_LIMITS.behindWindows * this.#window;
    return (await this.#waiting(most)) > most && !this.#isStalled;
  }

  get #window(): number {
    return this.isShared ? this.#options.window : Math.max(this.#options.window, LANE_LIMITS.windowAlone);
  }

  get #isStalled(): boolean {
    return this.#nowMs() - this.#movedMs > LANE_LIMITS.storeStalledMs;
  }

  /** Events that the store has not taken, looked up where it may be as many as asked about. */
  async #waiting(asked: number): Promise<number> {
    if (this.#known < asked) {
      // It is not behind, so it has not stalled either.
      this.#movedMs = this.#nowMs();
      return this.#known;
    }
    if (this.#nowMs() - this.#askedMs >= LANE_LIMITS.askStoredMs) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
    }
    await this.#asking;
    return this.#known;
  }

  get #known(): number {
    let waiting = 0;
    for (const { appended, stored } of this.#partitions.values()) waiting += Math.max(0, appended - stored);
    return waiting;
  }

  async #ask(): Promise<void> {
    this.#askedMs = this.#nowMs();
    const behind = [...this.#partitions].filter(([, { appended, stored }]) => appended > stored);
    await Promise.all(
      behind.map(async ([partition, ends]) => {
        // Who cannot be asked is taken for one that has not moved.
        const stored = await this.#options.stored(partition).catch(() => undefined);
        if (stored === undefined || stored <= ends.stored) return;
        ends.stored = stored;
        this.#movedMs = this.#nowMs();
      }),
    );
  }
}
