/**
 * How far the store is behind the processor, and so whether a lane may go on: the events of noisy tenants that the store has
 * not taken yet are what everybody's next event waits behind. One for all partitions of a processor.
 *
 * Where only one tenant sends, nobody waits for it, and it may be as far ahead as keeps the store busy. A partition of which
 * the store takes nothing for long does not count: there is no store, it is down, or events of one slice wait there while all
 * others are taken. Nothing is gained by waiting for it then.
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
  /** When the store took something of it, or had all. */
  movedMs: number;
}

export class Pace {
  readonly shares = new TenantShares();
  readonly #options: PaceOptions;
  readonly #nowMs: () => number;
  readonly #partitions = new Map<number, Ends>();
  /** By tenant, when a record of it was last seen. */
  readonly #seenMs = new Map<string, number>();
  #askedMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** The partition of `events` ends there. */
  appended(partition: number, nextOffset: number): void {
    const ends = this.#partitions.get(partition);
    const nowMs = this.#nowMs();
    if (ends === undefined) this.#partitions.set(partition, { appended: nextOffset, stored: 0, movedMs: nowMs });
    else {
      if (ends.stored >= ends.appended) ends.movedMs = nowMs;
      ends.appended = nextOffset;
    }
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
    return (await this.#waiting(this.#window)) < this.#window;
  }

  /** Whether so much waits for the store that more than lanes must be held back. */
  async isBehind(): Promise<boolean> {
    const most = LANE_LIMITS.behindWindows * this.#window;
    return (await this.#waiting(most)) > most;
  }

  get #window(): number {
    return this.isShared ? this.#options.window : Math.max(this.#options.window, LANE_LIMITS.windowAlone);
  }

  /** Events that the store has not taken, looked up where it may be as many as asked about. */
  async #waiting(asked: number): Promise<number> {
    const { all, moving } = this.#known;
    if (all < asked) {
      // It is not behind, so it has not stalled either; but with as many as hold lanes back that is not said.
      const nowMs = this.#nowMs();
      if (all < this.#window) for (const ends of this.#partitions.values()) ends.movedMs = nowMs;
      return all;
    }
    const everyMs = moving < asked ? LANE_LIMITS.askStalledMs : LANE_LIMITS.askStoredMs;
    if (this.#nowMs() - this.#askedMs >= everyMs) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
    }
    await this.#asking;
    return this.#known.moving;
  }

  /** In all, and in partitions of which the store takes something. */
  get #known(): { readonly all: number; readonly moving: number } {
    const [nowMs, known] = [this.#nowMs(), { all: 0, moving: 0 }];
    for (const { appended, stored, movedMs } of this.#partitions.values()) {
      const waiting = Math.max(0, appended - stored);
      known.all += waiting;
      if (nowMs - movedMs <= LANE_LIMITS.storeStalledMs) known.moving += waiting;
    }
    return known;
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
        ends.movedMs = this.#nowMs();
      }),
    );
  }
}
