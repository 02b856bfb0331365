/**
 * Commits the processor's position in a partition of `raw` for retention and lag, now and then: what decides where a
 * successor goes on is the progress marker, so a commit may be late but is never ahead.
 */
import { PROCESS_LIMITS } from '../lib/limits.ts';
import { type AssignedPartition, offset } from '../queue/port.ts';

export class Committer {
  readonly #assigned: AssignedPartition;
  readonly #onFailure: (failure: unknown) => void;
  #reached = -1;
  #committed = -1;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(assigned: AssignedPartition, onFailure: (failure: unknown) => void) {
    this.#assigned = assigned;
    this.#onFailure = onFailure;
  }

  /** Everything before `rawOffset` is durable in `events`. */
  reached(rawOffset: number): void {
    this.#reached = rawOffset;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#commit();
    }, PROCESS_LIMITS.commitMs);
  }

  /** Commits what is left. Never throws: the position is in the marker as well. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#commit();
    await this.#running;
  }

  #commit(): void {
    this.#running = this.#running.then(async () => {
      const position = this.#reached;
      if (position <= this.#committed) return;
      try {
        await this.#assigned.commit(offset(position));
        this.#committed = position;
      } catch (failure) {
        this.#onFailure(failure);
      }
    });
  }
}
