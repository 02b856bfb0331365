/**
 * Whether a process that says something each second has gone silent: it stands still (a signal, a debugger, a loop without
 * an end), of which no exit tells. Looks are counted and not the time: who stood still itself meanwhile has not looked.
 */
import { SUPERVISOR_LIMITS } from '../lib/limits.ts';

export class Silence {
  readonly #onChange: (sinceMs: number | null) => void;
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
  #heardMs = 0;
  #sinceMs: number | null = null;

  /** `onChange`: since when (epoch ms) it is silent, or null: it has said something again. */
  constructor(onChange: (sinceMs: number | null) => void) {
    this.#onChange = onChange;
  }

  get sinceMs(): number | null {
    return this.#sinceMs;
  }

  /** From now on it is expected to say something. */
  expect(): void {
    this.end();
    this.#heardMs = Date.now();
    this.#timer = setInterval(() => this.#look(), SUPERVISOR_LIMITS.silenceLookMs).unref();
  }

  heard(): void {
    this.#looks = 0;
    this.#heardMs = Date.now();
    if (this.#sinceMs === null) return;
    this.#sinceMs = null;
    this.#onChange(null);
  }

  /** Nothing is expected any more. */
  end(): void {
    clearInterval(this.#timer);
    this.#looks = 0;
    this.#sinceMs = null;
  }

  #look(): void {
    this.#looks++;
    if (this.#sinceMs !== null || this.#looks < SUPERVISOR_LIMITS.silenceLooks) return;
    this.#sinceMs = this.#heardMs;
    this.#onChange(this.#sinceMs);
  }
}
