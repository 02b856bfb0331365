/**
 * Decides, from the seed, who goes on. Whatever waits (an operation of the disk, a message between processes, a step of
 * an actor) waits here, and one at a time is let go; the next one after everything that follows from it has settled.
 */
import type { Random } from '../../src/lib/random.ts';

interface Waiting {
  readonly who: string;
  readonly go: () => void;
}

export class Scheduler {
  readonly #random: Random;
  /** How likely it is that the one that just went goes on, where it can. */
  readonly #stickiness: number;
  readonly #waiting: Waiting[] = [];
  #last = '';
  #turns = 0;

  constructor(random: Random, stickiness: number) {
    this.#random = random;
    this.#stickiness = stickiness;
  }

  get turns(): number {
    return this.#turns;
  }

  /** Resolves when it is the turn of whoever asks. */
  turn(who: string): Promise<void> {
    return new Promise((go) => this.#waiting.push({ who, go }));
  }

  /**
   * Lets one after the other go until nobody waits. A tick of Node.js runs after all promises that can settle have
   * settled, so nothing here takes time, and nothing depends on it.
   */
  run(): Promise<void> {
    return new Promise((resolve) => {
      const step = () => {
        const next = this.#next();
        if (next === undefined) return resolve();
        this.#turns++;
        this.#last = next.who;
        next.go();
        queueMicrotask(() => process.nextTick(step));
      };
      queueMicrotask(() => process.nextTick(step));
    });
  }

  #next(): Waiting | undefined {
    const waiting = this.#waiting;
    let index = this.#random.below(waiting.length);
    if (this.#stickiness > 0 && this.#random.chance(this.#stickiness)) {
      const same = waiting.findIndex(({ who }) => who === this.#last);
      if (same >= 0) index = same;
    }
    const next = waiting[index];
    const last = waiting.pop();
    if (last !== undefined && last !== next) waiting[index] = last;
    return next;
  }
}
