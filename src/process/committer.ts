/**
 * Commits the processor's position in a partition of `raw` for retention and lag, now and then: what decides where a
 * successor goes on is the progress marker, so a commit may be late but is never ahead. One that is not answered is made
 * again later; one that is refused for good ends the run.
 */
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { PROCESS_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { type AssignedPartition, offset } from '../queue/port.ts';

export class Committer {
  readonly #assigned: AssignedPartition;
  readonly #log: Logger;
  readonly #onFailure: (failure: unknown) => void;
  #reached = -1;
  #committed = -1;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #hasFailed = false;
  #isClosed = false;

  constructor(assigned: AssignedPartition, log: Logger, onFailure: (failure: unknown) => void) {
    this.#assigned = assigned;
    this.#log = log;
    this.#onFailure = onFailure;
  }

  /** Everything before `rawOffset` is durable in `events`. */
  reached(rawOffset: number): void {
    this.#reached = rawOffset;
    this.#soon();
  }

  /** Commits what is left. Never throws: the position is in the marker as well. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#running;
    if (!this.#hasFailed) await this.#commit();
  }

  #soon(): void {
    if (this.#isClosed || this.#running !== undefined) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#commit().finally(() => {
        this.#running = undefined;
        if (this.#reached > this.#committed) this.#soon();
      });
    }, PROCESS_LIMITS.commitMs);
  }

  async #commit(): Promise<void> {
    const position = this.#reached;
    if (position <= this.#committed) return;
    try {
      await this.#assigned.commit(offset(position));
      this.#committed = position;
      this.#hasFailed = false;
    } catch (failure) {
      const isSaid = this.#hasFailed;
      this.#hasFailed = true;
      if (!(failure instanceof SpillwayError) || !failure.kind.retry) {
        this.#isClosed = true;
        return this.#onFailure(failure);
      }
      // It may last for as long as an outage does.
      if (isSaid) return;
      const { partition } = this.#assigned;
      this.#log.warn({ partition, reason: messageOf(failure) }, 'a position was not committed; it is committed later');
    }
  }
}
