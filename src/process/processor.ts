/**
 * The processor: pulls `raw`, runs the topology, appends `events` and `dead-letter`. It is a member of the group
 * `processor` and runs the partitions that it is assigned, until they are revoked. Partition p of `events` is written
 * only by whoever processes partition p of `raw`. A partition whose failure may pass (a full disk) is taken over again
 * with back-off; one whose failure does not pass ends, and the others go on.
 *
 * A queue may let anybody take over who asks. So nothing is taken over again before the group has said that the partition
 * still is this processor's: one that the group has given it up for would else take it from its successor, and that one from it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { GROUPS, TOPICS } from '../event/topics.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { PROCESS_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { isFenced } from '../queue/is-fenced.ts';
import type { AssignedPartition, GroupMember, Queue } from '../queue/port.ts';
import { barEvents, mustBarEvents } from './barrier.ts';
import { Pace, type PaceOptions } from './lanes/pace.ts';
import { LaneMemory } from './lanes/passed.ts';
import { createProcessorMetrics, type ProcessorMetrics } from './metrics.ts';
import { type PartitionOptions, PartitionRun } from './partition.ts';
import type { Topology } from './topology.ts';

export interface ProcessorOptions {
  readonly queue: Queue;
  /** This installation's name, the first part of every origin. */
  readonly site: string;
  /** On other machines too. */
  readonly severalCollectors?: boolean;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  /** How tenants that send too much are held back; nobody is where it is left out. */
  readonly lanes?: LaneOptions;
  /** The partition of `events` is this processor's: told before anything is written to it. */
  readonly onOpened?: (partition: number) => void;
  /** Told after each batch is durable, in the order of the partition. */
  readonly onLedger: PartitionOptions['onLedger'];
}

export type LaneOptions = PaceOptions;

export interface RunningProcessor {
  /** Ends after the batches under way are durable, and leaves the group. */
  stop(): Promise<void>;
  /** Resolves when every partition that was free runs; rejects where it cannot start. */
  readonly started: Promise<void>;
  /** Resolves after stop(); rejects with a failure that does not pass. The other partitions go on until stop(). */
  readonly done: Promise<void>;
}

export function runProcessor(options: ProcessorOptions): RunningProcessor {
  const stopping = new AbortController();
  const starting = Processor.start(options, stopping.signal);
  const started = starting.then((processor) => processor.firstOpened());
  const done = starting.then((processor) => processor.done);
  // Whoever waits for neither hears of it from the log.
  started.catch(() => {});
  done.catch(() => {});
  return {
    started,
    done,
    stop: async () => {
      stopping.abort();
      await (await starting).stop();
    },
  };
}

class Processor {
  readonly #options: ProcessorOptions;
  readonly #metrics: ProcessorMetrics;
  readonly #pace: Pace | undefined;
  readonly #memory = new LaneMemory();
  readonly #stopping: AbortSignal;
  readonly #ended = Promise.withResolvers<void>();
  /** By partition, its assignments one after another. */
  readonly #lives = new Map<number, Promise<void>>();
  /** Of what was free when it joined. */
  readonly #opening: Promise<void>[] = [];
  #member: GroupMember | undefined;

  private constructor(options: ProcessorOptions, stopping: AbortSignal) {
    this.#options = options;
    this.#metrics = createProcessorMetrics(options.registry);
    this.#pace = options.lanes === undefined ? undefined : new Pace(options.lanes);
    this.#stopping = stopping;
  }

  static async start(options: ProcessorOptions, stopping: AbortSignal): Promise<Processor> {
    const processor = new Processor(options, stopping);
    processor.#member = await options.queue.joinGroup(GROUPS.processor, {
      topics: [TOPICS.raw],
      onAssigned: (assigned) => processor.#take(assigned),
    });
    return processor;
  }

  get done(): Promise<void> {
    return this.#ended.promise;
  }

  async firstOpened(): Promise<void> {
    await Promise.all(this.#opening);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#lives.values());
    await this.#member?.leave();
    this.#ended.resolve();
  }

  #take(assigned: AssignedPartition): void {
    const { partition } = assigned;
    const opened = Promise.withResolvers<void>();
    opened.promise.catch(() => {});
    if (this.#member === undefined) this.#opening.push(opened.promise);
    const life = (this.#lives.get(partition) ?? Promise.resolve()).then(() => this.#live(assigned, opened));
    this.#lives.set(partition, life);
  }

  /** From its assignment until it is given up. Never rejects. */
  async #live(assigned: AssignedPartition, opened: PromiseWithResolvers<void>): Promise<void> {
    const { log } = this.#options;
    const { partition } = assigned;
    const signal = AbortSignal.any([this.#stopping, assigned.revoked]);
    try {
      await this.#keepRunning(assigned, signal, opened);
      await assigned.release();
    } catch (thrown) {
      // Not released: it would come back at once, to fail again.
      if (assigned.isLost) log.warn({ partition, reason: messageOf(thrown) }, 'somebody else has the partition now');
      else this.#ended.reject(thrown);
    } finally {
      opened.resolve();
      this.#metrics.lag.remove({ partition });
      this.#metrics.lagSeconds.remove({ partition });
    }
  }

  async #keepRunning(
    assigned: AssignedPartition,
    signal: AbortSignal,
    opened: PromiseWithResolvers<void>,
  ): Promise<void> {
    const { queue, site, severalCollectors = false, topology, clock, log, onLedger, onOpened } = this.#options;
    const { partition } = assigned;
    const options = {
      ...{ queue, assigned, site, severalCollectors, topology, clock, log, onLedger, signal },
      ...{ metrics: this.#metrics, pace: this.#pace, memory: this.#memory },
    };
    let delayMs: number = PROCESS_LIMITS.retryDelayMs;
    for (let isAgain = false; !signal.aborted; isAgain = true) {
      let run: PartitionRun | undefined;
      try {
        if (isAgain || assigned.isUncertain) await assigned.confirmed(signal);
        if (signal.aborted) return;
        if (mustBarEvents(queue, partition)) {
          // It waits for the others to be opened.
          opened.resolve();
          await barEvents(queue, partition, signal);
        }
        run = await PartitionRun.open(options);
        onOpened?.(partition);
        opened.resolve();
        await run.run();
      } catch (thrown) {
        if (signal.aborted) {
          // Another member that came meanwhile is to have it: that is no reason not to start.
          log.warn({ partition, reason: messageOf(thrown) }, 'a partition failed while it was given up');
          return;
        }
        if (isFenced(thrown)) {
          log.warn({ partition }, `Somebody else writes partition ${partition}: the group is asked whose it is`);
        } else this.#stopped(partition, thrown, opened);
        this.#metrics.restarts.inc({ partition });
      } finally {
        await run?.close();
      }
      if (!signal.aborted) await delay(delayMs, undefined, { signal }).catch(() => {});
      delayMs = Math.min(delayMs * 2, PROCESS_LIMITS.retryDelayMaxMs);
    }
  }

  /** Throws the failure where it does not pass. */
  #stopped(partition: number, failure: unknown, opened: PromiseWithResolvers<void>): void {
    opened.reject(failure);
    const passes = !(failure instanceof SpillwayError) || failure.kind.retry;
    const text = `Partition ${partition} stopped processing: ${messageOf(failure)}`;
    this.#options.log.error({ partition, err: failure, passes }, text);
    if (!passes) throw failure;
  }
}
