/**
 * A trouble that may last for hours and that many notice, such as an outage: said in the log when it begins, again every
 * minute while it lasts, and when it is over for all of them; at most so often too where it comes and goes.
 */
import { TROUBLE_LIMITS } from './limits.ts';
import type { Logger } from './log.ts';

export interface LastingTroubleOptions {
  readonly log: Pick<Logger, 'warn' | 'error' | 'info'>;
  /** A sentence that says what it means. */
  readonly text: string;
  /** A sentence for when it is over. */
  readonly over: string;
  readonly againMs?: number;
  readonly nowMs?: () => number;
}

export class LastingTrouble {
  readonly #options: LastingTroubleOptions;
  /** By who noticed it, what does not work. */
  readonly #failing = new Map<object, string>();
  #sinceMs = 0;
  #saidMs = Number.NEGATIVE_INFINITY;
  /** Of the one that is now. */
  #isSaid = false;
  #isGrave = false;
  #hasEnded = false;

  constructor(options: LastingTroubleOptions) {
    this.#options = options;
  }

  /** `what` does not work; `isGrave`: it does not pass by itself. */
  failed(who: object, what: string, reason: string, isGrave = false): void {
    if (this.#hasEnded) return;
    const { log, text, againMs = TROUBLE_LIMITS.againMs } = this.#options;
    const nowMs = this.#now();
    if (this.#failing.size === 0) this.#sinceMs = nowMs;
    this.#failing.set(who, what);
    const isGraver = isGrave && !this.#isGrave;
    if (!isGraver && nowMs - this.#saidMs < againMs) return;
    this.#saidMs = nowMs;
    this.#isGrave ||= isGrave;
    const failing = [...new Set(this.#failing.values())].slice(0, TROUBLE_LIMITS.named);
    const forS = Math.round((nowMs - this.#sinceMs) / 1_000);
    log[this.#isGrave ? 'error' : 'warn']({ failing, forS, reason }, this.#isSaid ? `Still: ${text}` : text);
    this.#isSaid = true;
  }

  /** It works for this one. */
  passed(who: object): void {
    if (!this.#failing.delete(who) || this.#failing.size > 0 || this.#hasEnded) return;
    const forS = Math.round((this.#now() - this.#sinceMs) / 1_000);
    if (this.#isSaid) this.#options.log.info({ forS }, this.#options.over);
    this.#begin();
  }

  /** This one will not notice any more whether it works: that does not say that it is over. */
  forget(who: object): void {
    if (this.#failing.delete(who) && this.#failing.size === 0) this.#begin();
  }

  /** Nothing is said any more. */
  end(): void {
    this.#hasEnded = true;
  }

  #begin(): void {
    this.#isSaid = false;
    this.#isGrave = false;
  }

  #now(): number {
    return this.#options.nowMs?.() ?? performance.now();
  }
}
