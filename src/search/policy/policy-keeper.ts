/**
 * Keeps the policy: reads what other stores have decided, measures, and decides. A store that cannot read what others
 * decided takes no more events after a while, since it might put them where they do not belong.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import { POLICY_LIMITS, STORE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { StoreJournal } from '../journal.ts';
import type { PolicyLog } from '../port.ts';
import { decide, decideByVolume, type PolicyWish } from './decide.ts';
import type { SlicePolicy } from './slice-policy.ts';

export interface PolicyKeeperParts {
  readonly policy: PolicyLog;
  readonly journal: Pick<StoreJournal, 'volumes'>;
  readonly wish: PolicyWish;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly everyMs?: number;
  /** Told why somebody waits for the policy. */
  readonly onFailure?: (reason: string) => void;
}

export class PolicyKeeper {
  readonly #parts: PolicyKeeperParts;
  readonly #timer: NodeJS.Timeout;
  #readMs = 0;
  /** What the configuration says has been decided. */
  #hasBegun = false;
  #running: Promise<void> | undefined;

  private constructor(parts: PolicyKeeperParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.#tick(), parts.everyMs ?? POLICY_LIMITS.everyMs);
    this.#timer.unref();
  }

  /** What the configuration says is decided when it resolves. Tries again while the engine is away. */
  static async open(parts: PolicyKeeperParts): Promise<PolicyKeeper> {
    const keeper = new PolicyKeeper(parts);
    try {
      await keeper.#read();
    } catch (thrown) {
      await keeper.close();
      throw thrown;
    }
    return keeper;
  }

  get current(): SlicePolicy {
    return this.#parts.policy.current;
  }

  /** Whether events may be placed by `current`; else wait for `refreshed`. */
  get isFresh(): boolean {
    return performance.now() - this.#readMs < POLICY_LIMITS.staleMs;
  }

  /** Resolves when it is, or the signal fired. */
  async refreshed(): Promise<void> {
    try {
      await this.#read();
    } catch (thrown) {
      if (!this.#parts.signal.aborted) throw thrown;
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running?.catch(() => {});
  }

  async #read(): Promise<void> {
    const { log, signal, onFailure } = this.#parts;
    for (let pauseMs: number = STORE_LIMITS.retryDelayMs; ; pauseMs *= 2) {
      try {
        await this.#once();
        return;
      } catch (thrown) {
        if (signal.aborted) throw thrown;
        onFailure?.(messageOf(thrown));
        log.error({ reason: messageOf(thrown) }, 'The store waits for the policy of slices');
      }
      await delay(Math.min(pauseMs, STORE_LIMITS.retryDelayMaxMs), undefined, { signal });
    }
  }

  async #tick(): Promise<void> {
    try {
      await this.#once();
    } catch (thrown) {
      this.#parts.log.warn({ reason: messageOf(thrown) }, 'The policy of slices cannot be read');
    }
  }

  /** Whoever comes while it runs waits for the same. */
  #once(): Promise<void> {
    this.#running ??= this.#decide().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #decide(): Promise<void> {
    const { policy, journal, wish, clock, log } = this.#parts;
    const began = performance.now();
    await policy.refresh();
    const volumes = await policy.shareVolumes(journal.volumes.at(clock.now()));
    for (;;) {
      const what = this.#hasBegun ? decideByVolume : decide;
      const decisions = what(policy.current, wish, volumes, clock.now());
      if (decisions.length === 0) break;
      if (!(await policy.append(decisions))) continue;
      for (const { tenant, rule, fromMs, why } of decisions) {
        const from = new Date(fromMs).toISOString();
        log.info({ tenant: tenant === '' ? 'all others' : tenant, tier: rule?.tier, from, why }, 'Slices were decided');
      }
      break;
    }
    this.#readMs = began;
    this.#hasBegun = true;
  }
}
