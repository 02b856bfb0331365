/**
 * The indexer: pulls `events` into the search engine, exactly once (indexing/inserter.ts). A block is filled while the
 * one before is inserted. Blocks are small when little comes, so that a lone event is found at once, and large under
 * load, since a small insert costs several times more a row.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Counter, Histogram, type Registry } from 'prom-client';
import { GROUPS, TOPICS } from '../event/topics.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { STORE_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { Queue } from '../queue/port.ts';
import type { ClickHouseEngine } from './clickhouse/engine.ts';
import { BlockBuilder } from './indexing/block-builder.ts';
import { Completeness, type RawEnd } from './indexing/completeness.ts';
import { DeadLetters } from './indexing/dead-letters.ts';
import type { Draft } from './indexing/draft.ts';
import { DraftFiles } from './indexing/draft-files.ts';
import { type Committed, Inserter } from './indexing/inserter.ts';
import { Intake, visibleBefore } from './indexing/intake.ts';
import { MissingRows } from './indexing/missing-rows.ts';
import { rewindLostIndex } from './indexing/rewind.ts';
import { keepMergedPartsDurable } from './merged-parts.ts';
import { keepRetention } from './retention.ts';
import { DEFAULT_RETENTION, type RetentionPolicy } from './slices.ts';

export interface IndexerOptions {
  readonly queue: Queue;
  /** Partitions of `events`: one store has all of them. */
  readonly partitions: readonly number[];
  readonly engine: ClickHouseEngine;
  /** The data folder of the store; drafts go there where the machine has no tmpfs. */
  readonly directory: string;
  readonly site: string;
  readonly retention?: RetentionPolicy;
  readonly rawEnd: RawEnd;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  readonly onCommitted?: (committed: Committed) => void;
}

export interface RunningIndexer {
  /** Resolves when what the last process left has been finished and new events are taken. */
  readonly started: Promise<void>;
  /** Resolves after stop(); rejects with the failure that ended it. */
  readonly done: Promise<void>;
  /** Ends after the insert under way is committed. */
  stop(): Promise<void>;
}

export function runIndexer(options: IndexerOptions): RunningIndexer {
  const stopping = new AbortController();
  const started = start(options, stopping.signal);
  const done = started.then((run) => run.untilStopped());
  done.catch(() => {});
  return {
    started: started.then(() => {}),
    done,
    stop: async () => {
      stopping.abort();
      await done.catch(() => {});
    },
  };
}

async function start(options: IndexerOptions, signal: AbortSignal): Promise<IndexerRun> {
  const { queue, engine, site, log, retention: policy = DEFAULT_RETENTION, onCommitted = () => {} } = options;
  const { table, journal } = engine;
  const completeness = new Completeness(options.partitions, options.rawEnd);
  const member = await queue.joinGroup(GROUPS.store);
  const files = await DraftFiles.open(options.directory);
  const letters = await DeadLetters.open(queue, site, journal.openIntent?.deadLettersFrom);
  const missing = new MissingRows({ queue, table, files, policy, log, signal });
  const metrics = createMetrics(options.registry);
  const inserter = new Inserter({
    table,
    journal,
    letters,
    member,
    files,
    missing,
    log,
    signal,
    onCommitted: (committed) => {
      completeness.set(committed.partition, committed.progress);
      metrics.refused.inc(committed.deadLettered);
      onCommitted(committed);
    },
  });
  await rewindLostIndex({ queue, member, table, journal, log }, options.partitions);
  await inserter.recover();
  const intakes: Intake[] = [];
  for (const partition of options.partitions) {
    const from = (await member.committed({ topic: TOPICS.events, partition })) ?? 0;
    const intake = new Intake(queue, partition, from, log, (records) => metrics.lost.inc({ partition }, records));
    intakes.push(intake);
    // Not awaited: the partition's writer may not have said yet where it ends.
    visibleBefore(queue, partition, from, signal).then(
      (visible) => completeness.set(partition, visible),
      (thrown: unknown) =>
        log.warn({ partition, reason: messageOf(thrown) }, 'The last progress marker cannot be read'),
    );
  }
  engine.completeFrom(() => completeness.toMs());
  const stopRetention = keepRetention({ table, journal, clock: options.clock, log });
  const stopSyncing = keepMergedPartsDurable({ table, log });
  const close = async () => {
    await Promise.all([stopRetention(), stopSyncing()]);
    for (const intake of intakes) await intake.close();
    await letters.close();
    await files.close();
  };
  return new IndexerRun({ intakes, inserter, policy, files, metrics, clock: options.clock, log, signal, close });
}

interface IndexerMetrics {
  readonly rows: Counter;
  readonly seconds: Histogram;
  readonly refused: Counter;
  readonly age: Histogram;
  readonly lost: Counter<'partition'>;
}

function createMetrics(registry: Registry): IndexerMetrics {
  const registers = [registry];
  return {
    rows: new Counter({
      name: 'spillway_store_rows_total',
      help: 'Events inserted into the search engine.',
      registers,
    }),
    seconds: new Histogram({
      name: 'spillway_store_insert_seconds',
      help: 'Time from the intent of an insert to its commit.',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    refused: new Counter({
      name: 'spillway_store_refused_total',
      help: 'Events that the search engine refused: they are dead letters.',
      registers,
    }),
    age: new Histogram({
      name: 'spillway_store_freshness_seconds',
      help: 'Age, since its receipt, of the newest event of an insert when it became visible.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
      registers,
    }),
    lost: new Counter({
      name: 'spillway_store_lost_records_total',
      help: 'Records of events that were removed from the queue before the store had read them.',
      labelNames: ['partition'],
      registers,
    }),
  };
}

interface RunParts {
  readonly intakes: readonly Intake[];
  readonly inserter: Inserter;
  readonly policy: RetentionPolicy;
  readonly files: DraftFiles;
  readonly metrics: IndexerMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly close: () => Promise<void>;
}

class IndexerRun {
  readonly #parts: RunParts;
  readonly #builder: BlockBuilder;
  /** The insert under way; resolves when it has ended, however it did. */
  #inserting: Promise<void> | undefined;
  #failure: unknown;
  #lastInsertMs = 0;
  #firstIntake = 0;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#builder = new BlockBuilder(parts.policy);
  }

  async untilStopped(): Promise<void> {
    const { signal, close } = this.#parts;
    try {
      while (!signal.aborted && this.#failure === undefined) await this.#step();
      await this.#inserting;
    } finally {
      await close();
    }
    if (this.#failure !== undefined && !signal.aborted) throw this.#failure;
  }

  async #step(): Promise<void> {
    const any = await this.#fill();
    if (this.#builder.isFull) {
      await this.#inserting;
      await this.#startInsert();
    } else if (!this.#builder.isEmpty && this.#inserting === undefined && this.#untilDueMs() <= 0)
      await this.#startInsert();
    else if (!any) await this.#waitForMore();
  }

  /** A little from each partition in turn, so that none waits for another. */
  async #fill(): Promise<boolean> {
    const { intakes } = this.#parts;
    let any = false;
    for (let i = 0; i < intakes.length && !this.#builder.isFull; i++) {
      const intake = intakes[(this.#firstIntake + i) % intakes.length];
      if (intake !== undefined && (await intake.fill(this.#builder))) any = true;
    }
    this.#firstIntake = (this.#firstIntake + 1) % Math.max(1, intakes.length);
    return any;
  }

  #untilDueMs(): number {
    const { busyRows, busyInsertEveryMs, insertEveryMs } = STORE_LIMITS;
    const everyMs = this.#builder.rows < busyRows ? insertEveryMs : busyInsertEveryMs;
    return this.#lastInsertMs + everyMs - performance.now();
  }

  async #startInsert(): Promise<void> {
    if (this.#failure !== undefined) return;
    const draft = await this.#builder.finish(this.#parts.files);
    this.#lastInsertMs = performance.now();
    this.#inserting = this.#insert(draft).finally(() => {
      this.#inserting = undefined;
    });
  }

  async #insert(draft: Draft): Promise<void> {
    const { inserter, metrics, clock, log } = this.#parts;
    const began = performance.now();
    try {
      await inserter.insert(draft);
      metrics.rows.inc(draft.rows);
      metrics.seconds.observe((performance.now() - began) / 1000);
      if (draft.rows > 0) metrics.age.observe(Math.max(0, clock.now() - draft.newestReceivedMs) / 1000);
    } catch (thrown) {
      log.error({ reason: messageOf(thrown) }, 'The indexer cannot go on');
      this.#failure = thrown;
    }
  }

  /** With an empty block until something comes; else a moment, so that what comes in drops is read together. */
  async #waitForMore(): Promise<void> {
    const { intakes, signal } = this.#parts;
    const woken = new AbortController();
    const either = AbortSignal.any([signal, woken.signal]);
    const idle = this.#builder.isEmpty;
    const causes = idle
      ? intakes.map((intake) => intake.wait(either))
      : [this.#inserting ?? delay(Math.max(1, this.#untilDueMs())), delay(STORE_LIMITS.readEveryMs)];
    try {
      await Promise.race(causes);
    } finally {
      woken.abort();
      if (idle) await Promise.allSettled(causes);
    }
  }
}
