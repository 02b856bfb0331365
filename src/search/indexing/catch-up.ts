/**
 * Reads again what waits: of a slice that takes events again those that it has not, and of a partition that was taken over
 * what its last owner left. A step is short, since inserts of what has just come wait for it.
 */
import { messageOf } from '../../lib/errors.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { PolicyLog } from '../port.ts';
import { type SliceKey, sliceText } from '../slices.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Hole } from './hole.ts';
import { isPassing } from './is-passing.ts';
import type { Filled, MissingRows, OnPaths } from './missing-rows.ts';
import type { Positions } from './positions.ts';
import { rowsOf, type WaitingEvents } from './waiting.ts';

export interface CatchUpParts {
  readonly waiting: WaitingEvents;
  readonly positions: Positions;
  readonly missing: MissingRows;
  readonly letters: Pick<DeadLetters, 'write'>;
  readonly policyLog: Pick<PolicyLog, 'current'>;
  readonly onPaths: OnPaths;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export class CatchUp {
  readonly #parts: CatchUpParts;
  /** What was not committed is tried again then. */
  #advanceMs = 0;

  constructor(parts: CatchUpParts) {
    this.#parts = parts;
  }

  /** Until there is something to do; infinite where nothing waits. */
  get untilDueMs(): number {
    const { positions, waiting } = this.#parts;
    const advanceMs = positions.late === undefined ? Number.POSITIVE_INFINITY : this.#advanceMs - performance.now();
    return Math.max(0, Math.min(advanceMs, waiting.untilDueMs));
  }

  /** Rejects where the store cannot go on. How many rows were inserted. */
  async step(): Promise<number> {
    const { positions, waiting } = this.#parts;
    const late = performance.now() < this.#advanceMs ? undefined : positions.late;
    const hole = late === undefined ? waiting.next() : undefined;
    const rows = hole === undefined ? 0 : await this.#fill(hole);
    const partition = late ?? hole?.partition;
    if (partition !== undefined) await this.#advance(partition);
    return rows;
  }

  async #advance(partition: number): Promise<void> {
    const { positions, log, signal } = this.#parts;
    try {
      await positions.advance(partition);
    } catch (thrown) {
      if (!isPassing(thrown) || signal.aborted) throw thrown;
      this.#advanceMs = performance.now() + STORE_LIMITS.trialPauseMaxMs;
      log.warn({ partition, reason: messageOf(thrown) }, 'What is stored could not be committed; trying again');
    }
  }

  async #fill(hole: Hole): Promise<number> {
    const { waiting, log, signal } = this.#parts;
    const endMs = performance.now() + STORE_LIMITS.catchUpMs;
    try {
      while (hole.from < hole.to && performance.now() < endMs) {
        const { rows, waiting: left } = await this.#piece(hole);
        if (rows > 0) return rows - rowsOf(left);
      }
    } catch (thrown) {
      if (!isPassing(thrown) || signal.aborted) throw thrown;
      waiting.postpone(hole);
      const { partition, from } = hole;
      log.warn(
        { partition, from, reason: messageOf(thrown) },
        'What waits could not be read again; it goes on waiting',
      );
    }
    return 0;
  }

  async #piece(hole: Hole): Promise<Filled> {
    const { waiting, missing, letters, policyLog, onPaths } = this.#parts;
    const { partition, from, slice } = hole;
    const to = Math.min(hole.to, from + STORE_LIMITS.catchUpOffsets);
    const begun = { ranges: [{ partition, from, to }], slices: [], policy: policyLog.current };
    const isOwn = (other: SliceKey) => slice !== undefined && sliceText(other) === sliceText(slice);
    const skips = (other: SliceKey) => !isOwn(other) && waiting.skips(other);
    const found = await missing.insert(begun, onPaths, { skips, isTrial: slice !== undefined, isOld: true });
    await letters.write(found.refused, true);
    waiting.add(found.waiting, slice === undefined);
    if (found.waiting.some((one) => isOwn(one.slice))) waiting.postpone(hole);
    else waiting.passed(hole, to, slice !== undefined && found.taken.has(sliceText(slice)));
    return found;
  }
}
