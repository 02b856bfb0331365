/**
 * The indexer's loop: takes a little from each partition in turn, fills a block while the one before is inserted, and inserts
 * it when it is full, or when its first event has waited long enough. Between two inserts what waited is caught up, a short
 * step at a time.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../lib/clock.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { AssignedPartition } from '../../queue/port.ts';
import type { PolicyKeeper } from '../policy/policy-keeper.ts';
import type { BlockBuilder } from './block-builder.ts';
import type { Draft } from './draft.ts';
import type { Inserter } from './inserter.ts';
import type { Intake } from './intake.ts';
import { lostPartition, type Membership } from './membership.ts';
import type { IndexerMetrics } from './metrics.ts';
import type { StoreTrouble } from './trouble.ts';

export interface RunParts {
  readonly membership: Membership;
  /** Begins to read a partition where the store left it. */
  readonly open: (assigned: AssignedPartition) => Promise<Intake>;
  /** Gives it up, when nothing of it is under way. */
  readonly release: (assigned: AssignedPartition) => Promise<void>;
  readonly inserter: Inserter;
  readonly builder: BlockBuilder;
  readonly keeper: Pick<PolicyKeeper, 'isFresh' | 'refreshed'>;
  readonly metrics: IndexerMetrics;
  readonly trouble: StoreTrouble;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly close: () => Promise<void>;
}

/** The indexer at work, until it is stopped or fails. */
export class IndexerRun {
  readonly #parts: RunParts;
  readonly #builder: BlockBuilder;
  #intakes: Intake[] = [];
  /** The insert under way; resolves when it has ended, however it did. */
  #inserting: Promise<void> | undefined;
  /** Told when it ends, once; for who waits for other things too, as often as those come while an engine is away for hours. */
  #onInserted: () => void = () => {};
  #failure: unknown;
  #lastInsertMs = 0;
  /** The last that was done is a step of catching up: an insert is next, where there is one. */
  #hasCaughtUp = false;
  #firstIntake = 0;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#builder = parts.builder;
  }

  /** Begins what is assigned by now; where that fails nothing is at work any more. */
  async begin(): Promise<void> {
    try {
      await this.follow();
    } catch (thrown) {
      await this.#close();
      throw thrown;
    }
  }

  async untilStopped(): Promise<void> {
    const { signal } = this.#parts;
    try {
      while (!signal.aborted && this.#failure === undefined) {
        await this.follow();
        await this.#step();
      }
      await this.#inserting;
    } finally {
      await this.#close();
    }
    if (this.#failure !== undefined && !signal.aborted) throw this.#failure;
  }

  /** Begins what was assigned, gives up what was revoked. Throws QUEUE_FENCED where a partition was lost. */
  async follow(): Promise<void> {
    for (const assigned of this.#parts.membership.look()) {
      if (assigned.isLost) throw lostPartition(assigned.partition);
      const intake = this.#intakes.find((known) => known.assigned === assigned);
      if (assigned.revoked.aborted) await this.#giveUp(assigned, intake);
      else if (intake === undefined) {
        // It may find an insert of another store to finish, and there is one at a time.
        await this.#inserting;
        if (this.#failure === undefined) this.#intakes.push(await this.#parts.open(assigned));
      }
    }
  }

  async #close(): Promise<void> {
    await this.#inserting;
    for (const intake of this.#intakes) await intake.close();
    await this.#parts.close();
  }

  /** After everything that was taken of it is committed. */
  async #giveUp(assigned: AssignedPartition, intake: Intake | undefined): Promise<void> {
    await this.#inserting;
    if (intake !== undefined && !this.#builder.isEmpty) {
      await this.#startInsert();
      await this.#inserting;
    }
    if (this.#failure !== undefined) return;
    this.#intakes = this.#intakes.filter((known) => known !== intake);
    await intake?.close();
    await this.#parts.release(assigned);
  }

  async #step(): Promise<void> {
    const { keeper, signal, trouble } = this.#parts;
    if (!keeper.isFresh) await trouble.watch(() => keeper.refreshed());
    if (signal.aborted) return;
    const any = await this.#fill();
    if (this.#builder.isFull) {
      await this.#inserting;
      if (this.#startCatchingUp()) await this.#inserting;
      await this.#startInsert();
    } else if (this.#inserting === undefined && this.#startCatchingUp()) return;
    else if (!this.#builder.isEmpty && this.#inserting === undefined && this.#untilDueMs() <= 0)
      await this.#startInsert();
    else if (!any) await this.#waitForMore();
  }

  /** Whether there is something that waited, and it is its turn. */
  #startCatchingUp(): boolean {
    const { inserter, metrics } = this.#parts;
    const { catchUp } = inserter;
    if (this.#failure !== undefined || catchUp.untilDueMs > 0) return false;
    const isDue = this.#builder.isFull || (!this.#builder.isEmpty && this.#untilDueMs() <= 0);
    if (this.#hasCaughtUp && isDue) return false;
    this.#hasCaughtUp = true;
    this.#begin(async () => metrics.rows.inc(await catchUp.step()));
    return true;
  }

  /** A little from each partition in turn, so that none waits for another. */
  async #fill(): Promise<boolean> {
    const intakes = this.#intakes;
    const { signal } = this.#parts;
    let any = false;
    for (let i = 0; i < intakes.length && !this.#builder.isFull && !signal.aborted; i++) {
      const intake = intakes[(this.#firstIntake + i) % intakes.length];
      if (intake !== undefined && (await intake.fill(this.#builder))) any = true;
    }
    this.#firstIntake = (this.#firstIntake + 1) % Math.max(1, intakes.length);
    return any;
  }

  #untilDueMs(): number {
    const { busyRows, busyInsertEveryMs, insertEveryMs } = STORE_LIMITS;
    // A small tenant does not wait until the events of a large one are worth an insert.
    const waitsLonger = this.#builder.rows >= busyRows && !this.#builder.isShared;
    const everyMs = waitsLonger ? busyInsertEveryMs : insertEveryMs;
    return this.#lastInsertMs + everyMs - performance.now();
  }

  async #startInsert(): Promise<void> {
    if (this.#failure !== undefined) return;
    const draft = await this.#builder.finish();
    this.#lastInsertMs = performance.now();
    this.#hasCaughtUp = false;
    this.#begin(() => this.#insert(draft));
  }

  /** One thing at a time is done with the engine. */
  #begin(work: () => Promise<void>): void {
    const { trouble, log, signal } = this.#parts;
    this.#inserting = trouble
      .watch(work)
      .catch((thrown: unknown) => {
        log[signal.aborted ? 'warn' : 'error']({ reason: messageOf(thrown) }, 'The indexer cannot go on');
        this.#failure = thrown;
      })
      .finally(() => {
        this.#inserting = undefined;
        this.#onInserted();
      });
  }

  /** Until the insert under way has ended: what was passed over since it began can be committed then. Or a block is due. */
  #untilNext(): Promise<void>[] {
    if (this.#inserting !== undefined) {
      return [
        new Promise((resolve) => {
          this.#onInserted = resolve;
        }),
      ];
    }
    return this.#builder.isEmpty ? [] : [delay(Math.max(1, this.#untilDueMs()))];
  }

  async #insert(draft: Draft): Promise<void> {
    const { inserter, metrics, clock } = this.#parts;
    const began = performance.now();
    const rows = draft.rows - (await inserter.insert(draft));
    metrics.rows.inc(rows);
    metrics.seconds.observe((performance.now() - began) / 1000);
    if (rows > 0) metrics.age.observe(Math.max(0, clock.now() - draft.newestReceivedMs) / 1000);
  }

  /** What could not be read is committed as well: partitions that were added may wait for it. */
  async #commitPassed(): Promise<void> {
    for (const intake of this.#intakes) {
      try {
        await this.#parts.inserter.positions.passed(intake.partition, intake.nextOffset);
      } catch (thrown) {
        if (!(thrown instanceof SpillwayError) || !thrown.kind.retry) throw thrown;
        // It can wait until the next time.
        this.#parts.log.warn(
          { partition: intake.partition, reason: messageOf(thrown) },
          'A position was not committed',
        );
      }
    }
  }

  /** With an empty block until something comes; else a moment, so that what comes in drops is read together. */
  async #waitForMore(): Promise<void> {
    const { membership, signal } = this.#parts;
    const woken = new AbortController();
    const either = AbortSignal.any([signal, woken.signal]);
    const idle = this.#builder.isEmpty;
    // What was taken for an insert that failed is not stored, and the loop ends.
    if (this.#failure !== undefined) return;
    if (idle && this.#inserting === undefined) await this.#commitPassed();
    const news = idle ? [...this.#intakes.map((intake) => intake.wait(either)), membership.changed(either)] : [];
    const waitMs = this.#inserting === undefined ? this.#parts.inserter.catchUp.untilDueMs : Number.POSITIVE_INFINITY;
    const causes = [
      ...news,
      ...this.#untilNext(),
      ...(idle ? [] : [delay(STORE_LIMITS.readEveryMs)]),
      ...(Number.isFinite(waitMs) ? [delay(waitMs, undefined, { signal: woken.signal }).catch(() => {})] : []),
    ];
    try {
      await Promise.race(causes);
    } finally {
      woken.abort();
      await Promise.allSettled(news);
    }
  }
}
