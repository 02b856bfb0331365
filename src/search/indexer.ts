/**
 * The indexer: pulls `events` into the search engine, exactly once (indexing/inserter.ts). A block is filled while the
 * one before is inserted. Blocks are small when little comes, so that a lone event is found at once, and large under
 * load, since a small insert costs several times more a row. A partition is read from its assignment until it is revoked
 * and what was taken of it is committed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Counter, Histogram, type Registry } from 'prom-client';
import { TOPICS } from '../event/topics.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { STORE_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { type AssignedPartition, offset, type Queue } from '../queue/port.ts';
import { BlockBuilder } from './indexing/block-builder.ts';
import { Completeness, type RawEnd } from './indexing/completeness.ts';
import { DeadLetters } from './indexing/dead-letters.ts';
import type { Draft } from './indexing/draft.ts';
import { type EngineInUse, goOnWithEngine } from './indexing/engine-change.ts';
import { type Committed, Inserter } from './indexing/inserter.ts';
import { Intake, visibleBefore } from './indexing/intake.ts';
import { lostPartition, Membership } from './indexing/membership.ts';
import { MissingRows } from './indexing/missing-rows.ts';
import { followOthers } from './indexing/others.ts';
import { recallPlace } from './indexing/recall-place.ts';
import { rewindLostIndex, rewindLostPartition } from './indexing/rewind.ts';
import { DEFAULT_TIERS, type Tier } from './policy/decide.ts';
import { PolicyKeeper } from './policy/policy-keeper.ts';
import type { SearchEngine } from './port.ts';
import { keepRetention } from './retention.ts';
import { DEFAULT_RETENTION, type RetentionPolicy } from './slices.ts';

export interface IndexerOptions {
  readonly queue: Queue;
  readonly engine: SearchEngine;
  /** Of a data folder whose engine may change; left out, it does not. */
  readonly engineInUse?: EngineInUse;
  readonly site: string;
  readonly retention?: RetentionPolicy;
  readonly tiers?: readonly Tier[];
  /** Tiers by tenant that volume does not change. */
  readonly pinned?: Readonly<Record<string, string>>;
  readonly policyEveryMs?: number;
  readonly rawEnd: RawEnd;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  /** The partition is this store's: told before anything of it is committed, but for what the last process left. */
  readonly onOpened?: (partition: number) => void;
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
  const { engine, clock, log, policyEveryMs } = options;
  const { tiers = DEFAULT_TIERS, retention = DEFAULT_RETENTION, pinned = {} } = options;
  const keeper = await PolicyKeeper.open({
    policy: engine.policy,
    journal: engine.journal,
    wish: { tiers, retention, pinned },
    clock,
    log,
    signal,
    ...(policyEveryMs !== undefined && { everyMs: policyEveryMs }),
  });
  const membership = await Membership.join(options.queue);
  try {
    return await startAs(membership, keeper, options, signal);
  } catch (thrown) {
    await keeper.close();
    await membership.leave();
    throw thrown;
  }
}

async function startAs(
  membership: Membership,
  keeper: PolicyKeeper,
  options: IndexerOptions,
  signal: AbortSignal,
): Promise<IndexerRun> {
  const { queue, engine, site, log, retention = DEFAULT_RETENTION, onOpened, onCommitted } = options;
  const { writer, journal } = engine;
  const completeness = new Completeness(() => queue.partitionCount(TOPICS.events), options.rawEnd);
  const letters = new DeadLetters(queue, site);
  const missing = new MissingRows({ queue, writer, log, signal });
  const metrics = createMetrics(options.registry);
  const inserter = new Inserter({
    writer,
    journal,
    policyLog: engine.policy,
    letters,
    membership,
    missing,
    log,
    signal,
    onCommitted: (committed) => {
      completeness.set(committed.partition, committed.progress);
      metrics.refused.inc(committed.deadLettered);
      onCommitted?.(committed);
    },
  });
  const { engineInUse } = options;
  if (engineInUse !== undefined) await goOnWithEngine({ engine: engineInUse, queue, membership, log, signal });
  await rewindLostIndex({ queue, membership, writer, journal, log, signal });
  await inserter.recover();
  /** Where to go on after whoever had the partition before. */
  const begin = async (assigned: AssignedPartition): Promise<number> => {
    const { partition } = assigned;
    const known = await assigned.committed();
    const committed = known ?? (await inserter.persist(() => recallPlace({ queue, writer, log }, assigned)));
    const nowMs = options.clock.now();
    // Another store may be making a slice just now: until that is there the index does not answer.
    const from = await inserter.persist(() =>
      rewindLostPartition({ queue, writer, retention, nowMs, log }, assigned, committed),
    );
    await letters.open(partition, from);
    if (writer.shared === undefined) return from;
    const reader = queue.openReader({ topic: TOPICS.events, partition });
    try {
      return await inserter.takeOver(partition, from, await reader.endOffset());
    } finally {
      await reader.close();
    }
  };
  const open = async (assigned: AssignedPartition): Promise<Intake> => {
    const { partition } = assigned;
    const from = await begin(assigned);
    onOpened?.(partition);
    // Not awaited: the partition's writer may not have said yet where it ends.
    visibleBefore(queue, partition, from, signal).then(
      (visible) => completeness.set(partition, visible),
      (thrown: unknown) =>
        log.warn({ partition, reason: messageOf(thrown) }, 'The last progress marker cannot be read'),
    );
    return new Intake(queue, assigned, from, log, (records) => metrics.lost.inc({ partition }, records));
  };
  engine.completeFrom((tenant) => completeness.toMs(tenant));
  const stopFollowing = followOthers({ queue, membership, completeness, log, signal });
  const stopRetention = keepRetention({ writer, journal, clock: options.clock, log });
  const stopMaintaining = writer.maintain();
  const close = async () => {
    await Promise.all([stopRetention(), stopMaintaining(), stopFollowing(), keeper.close()]);
    await membership.leave();
    await letters.close();
  };
  const { clock } = options;
  const builder = new BlockBuilder(writer.createBlock(), () => keeper.current);
  const release = async (assigned: AssignedPartition): Promise<void> => {
    await letters.release(assigned.partition);
    await membership.release(assigned);
  };
  const run = new IndexerRun({
    membership,
    open,
    release,
    inserter,
    builder,
    keeper,
    metrics,
    clock,
    log,
    signal,
    close,
  });
  await run.follow();
  return run;
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
  readonly membership: Membership;
  /** Begins to read a partition where the store left it. */
  readonly open: (assigned: AssignedPartition) => Promise<Intake>;
  /** Gives it up, when nothing of it is under way. */
  readonly release: (assigned: AssignedPartition) => Promise<void>;
  readonly inserter: Inserter;
  readonly builder: BlockBuilder;
  readonly keeper: Pick<PolicyKeeper, 'isFresh' | 'refreshed'>;
  readonly metrics: IndexerMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly close: () => Promise<void>;
}

class IndexerRun {
  readonly #parts: RunParts;
  readonly #builder: BlockBuilder;
  #intakes: Intake[] = [];
  /** The insert under way; resolves when it has ended, however it did. */
  #inserting: Promise<void> | undefined;
  #failure: unknown;
  #lastInsertMs = 0;
  #firstIntake = 0;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#builder = parts.builder;
  }

  async untilStopped(): Promise<void> {
    const { signal, close } = this.#parts;
    try {
      while (!signal.aborted && this.#failure === undefined) {
        await this.follow();
        await this.#step();
      }
      await this.#inserting;
    } finally {
      await this.#inserting;
      for (const intake of this.#intakes) await intake.close();
      await close();
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
    const { keeper, signal } = this.#parts;
    if (!keeper.isFresh) await keeper.refreshed();
    if (signal.aborted) return;
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
    const intakes = this.#intakes;
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
    // A small tenant does not wait until the events of a large one are worth an insert.
    const waitsLonger = this.#builder.rows >= busyRows && !this.#builder.isShared;
    const everyMs = waitsLonger ? busyInsertEveryMs : insertEveryMs;
    return this.#lastInsertMs + everyMs - performance.now();
  }

  async #startInsert(): Promise<void> {
    if (this.#failure !== undefined) return;
    const draft = await this.#builder.finish();
    this.#lastInsertMs = performance.now();
    this.#inserting = this.#insert(draft).finally(() => {
      this.#inserting = undefined;
    });
  }

  async #insert(draft: Draft): Promise<void> {
    const { inserter, metrics, clock, log, signal } = this.#parts;
    const began = performance.now();
    try {
      await inserter.insert(draft);
      for (const { partition, to } of draft.ranges) {
        const intake = this.#intakes.find((known) => known.partition === partition);
        if (intake !== undefined) intake.committed = to;
      }
      metrics.rows.inc(draft.rows);
      metrics.seconds.observe((performance.now() - began) / 1000);
      if (draft.rows > 0) metrics.age.observe(Math.max(0, clock.now() - draft.newestReceivedMs) / 1000);
    } catch (thrown) {
      log[signal.aborted ? 'warn' : 'error']({ reason: messageOf(thrown) }, 'The indexer cannot go on');
      this.#failure = thrown;
    }
  }

  /** What could not be read is committed as well: partitions that were added may wait for it. */
  async #commitPassed(): Promise<void> {
    for (const intake of this.#intakes) {
      if (intake.nextOffset <= intake.committed) continue;
      try {
        await intake.assigned.commit(offset(intake.nextOffset));
        intake.committed = intake.nextOffset;
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
    if (idle && this.#inserting === undefined) await this.#commitPassed();
    const news = idle ? [...this.#intakes.map((intake) => intake.wait(either)), membership.changed(either)] : [];
    // An insert that ends is news as well: what was passed over since it began can be committed then.
    const ended = this.#inserting ?? (idle ? undefined : delay(Math.max(1, this.#untilDueMs())));
    const causes = [
      ...news,
      ...(ended === undefined ? [] : [ended]),
      ...(idle ? [] : [delay(STORE_LIMITS.readEveryMs)]),
    ];
    try {
      await Promise.race(causes);
    } finally {
      woken.abort();
      await Promise.allSettled(news);
    }
  }
}
