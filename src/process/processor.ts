/**
 * The processor: pulls `raw`, runs the topology, appends `events` and `dead-letter`. Partition p of `events` is
 * written only by whoever processes partition p of `raw`. A partition whose failure may pass (a full disk) is taken
 * over again with back-off; one whose failure does not pass ends, and the others go on.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { GROUPS } from '../event/topics.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { PROCESS_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { Queue } from '../queue/port.ts';
import { DeadLetters } from './dead-letters.ts';
import { createProcessorMetrics } from './metrics.ts';
import { type PartitionOptions, PartitionRun } from './partition.ts';
import type { Topology } from './topology.ts';

export interface ProcessorOptions {
  readonly queue: Queue;
  /** The partitions of `raw` (and `events`) that this processor owns. */
  readonly partitions: readonly number[];
  /** This installation's name, the first part of every origin. */
  readonly site: string;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  /** Told after each batch is durable, in the order of the partition. */
  readonly onLedger: PartitionOptions['onLedger'];
}

export interface RunningProcessor {
  /** Ends after the batches under way are durable. */
  stop(): Promise<void>;
  /** Resolves when every partition runs; rejects where it cannot start. */
  readonly started: Promise<void>;
  /** Resolves after stop(); rejects with a failure that does not pass. The other partitions go on until stop(). */
  readonly done: Promise<void>;
}

export function runProcessor(options: ProcessorOptions): RunningProcessor {
  const stopping = new AbortController();
  const starting = start(options, stopping.signal);
  const started = starting.then(() => {});
  const done = starting.then(async ({ runs }) => void (await Promise.all(runs)));
  // Whoever waits for neither hears of it from the log.
  started.catch(() => {});
  done.catch(() => {});
  return {
    started,
    done,
    stop: async () => {
      stopping.abort();
      const { letters, runs } = await starting;
      await Promise.allSettled(runs);
      await letters.close();
    },
  };
}

interface Started {
  readonly letters: DeadLetters;
  readonly runs: readonly Promise<void>[];
}

async function start(options: ProcessorOptions, signal: AbortSignal): Promise<Started> {
  const { queue, site, log, topology, clock, onLedger } = options;
  const member = await queue.joinGroup(GROUPS.processor);
  const metrics = createProcessorMetrics(options.registry);
  const of = (partition: number): PartitionOptions => ({
    queue,
    partition,
    site,
    member,
    topology,
    clock,
    log,
    metrics,
    onLedger,
    signal,
  });
  const opened = await Promise.all(options.partitions.map((partition) => PartitionRun.open(of(partition))));
  const letters = await DeadLetters.open(queue, site, new Map(opened.map((run) => [run.partition, run.start])));
  const runs = opened.map((run) => keepRunning(run, of(run.partition), letters));
  return { letters, runs };
}

async function keepRunning(first: PartitionRun, options: PartitionOptions, letters: DeadLetters): Promise<void> {
  const { partition, signal, log, metrics } = options;
  let run: PartitionRun | undefined = first;
  let delayMs: number = PROCESS_LIMITS.retryDelayMs;
  while (!signal.aborted) {
    try {
      run ??= await PartitionRun.open(options);
      await run.run(letters);
    } catch (thrown) {
      const passes = !(thrown instanceof SpillwayError) || thrown.kind.retry;
      log.error({ partition, err: thrown, passes }, `Partition ${partition} stopped processing: ${messageOf(thrown)}`);
      if (!passes) throw thrown;
      metrics.restarts.inc({ partition });
    } finally {
      await run?.close();
    }
    run = undefined;
    if (!signal.aborted) await delay(delayMs, undefined, { signal }).catch(() => {});
    delayMs = Math.min(delayMs * 2, PROCESS_LIMITS.retryDelayMaxMs);
  }
}
