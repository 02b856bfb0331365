/**
 * The indexer: pulls `events` into the search engine, exactly once (indexing/inserter.ts). A block is filled while the
 * one before is inserted. Blocks are small when little comes, so that a lone event is found at once, and large under
 * load, since a small insert costs several times more a row. A partition is read from its assignment until it is revoked
 * and what was taken of it is committed.
 */
import type { Registry } from 'prom-client';
import { TOPICS } from '../event/topics.ts';
import type { Clock } from '../lib/clock.ts';
import { STORE_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { AssignedPartition, Queue } from '../queue/port.ts';
import { BlockBuilder } from './indexing/block-builder.ts';
import { Completeness, type RawEnd } from './indexing/completeness.ts';
import { DeadLetters } from './indexing/dead-letters.ts';
import { type EngineInUse, goOnWithEngine } from './indexing/engine-change.ts';
import { Inserter } from './indexing/inserter.ts';
import { Intake } from './indexing/intake.ts';
import { Membership } from './indexing/membership.ts';
import { createIndexerMetrics, measureTrouble, measureWaiting } from './indexing/metrics.ts';
import { MissingRows } from './indexing/missing-rows.ts';
import { followOthers } from './indexing/others.ts';
import type { Committed } from './indexing/positions.ts';
import { recallPlace } from './indexing/recall-place.ts';
import { rewindLostIndex, rewindLostPartition } from './indexing/rewind.ts';
import { IndexerRun } from './indexing/run.ts';
import { StoreTrouble } from './indexing/trouble.ts';
import { askVisible } from './indexing/visible-before.ts';
import { WaitingEvents, type WaitingSlice } from './indexing/waiting.ts';
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
  /** What the processors have committed of a partition of `raw`. */
  readonly processed: (partition: number) => Promise<number | undefined>;
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
  /** Whether it is held up, and why. */
  readonly trouble: StoreTrouble;
  /** Slices that take nothing while all others do. */
  waiting(): readonly WaitingSlice[];
  /** Resolves after stop(); rejects with the failure that ended it. */
  readonly done: Promise<void>;
  /** Ends after the insert under way is committed, where that is soon. */
  stop(): Promise<void>;
}

export function runIndexer(options: IndexerOptions): RunningIndexer {
  const stopping = new AbortController();
  const trouble = new StoreTrouble(options.clock);
  measureTrouble(options.registry, trouble);
  const waiting = new WaitingEvents({
    policy: () => options.engine.policy.current,
    clock: options.clock,
    onOver: (index) => options.log.info({ index }, `What waited for ${index} is stored: it takes events again`),
  });
  measureWaiting(options.registry, waiting, options.clock);
  const held = { trouble, waiting };
  const started = trouble.watchStart(() => start(options, held, stopping.signal));
  const done = started.then((run) => run.untilStopped());
  done.catch(() => {});
  return {
    started: started.then(() => {}),
    trouble,
    waiting: () => waiting.describe(),
    done,
    stop: async () => {
      stopping.abort();
      // What was not acknowledged is done again by the next start.
      const timer = setTimeout(() => options.engine.writer.interrupt?.(), STORE_LIMITS.stopGraceMs);
      await done.catch(() => {});
      clearTimeout(timer);
    },
  };
}

/** What is held up. */
interface Held {
  readonly trouble: StoreTrouble;
  readonly waiting: WaitingEvents;
}

async function start(options: IndexerOptions, held: Held, signal: AbortSignal): Promise<IndexerRun> {
  const { engine, clock, log, policyEveryMs } = options;
  const { tiers = DEFAULT_TIERS, retention = DEFAULT_RETENTION, pinned = {} } = options;
  const keeper = await PolicyKeeper.open({
    policy: engine.policy,
    journal: engine.journal,
    wish: { tiers, retention, pinned },
    clock,
    log,
    signal,
    onFailure: (reason) => {
      held.trouble.reason = reason;
    },
    ...(policyEveryMs !== undefined && { everyMs: policyEveryMs }),
  });
  const membership = await Membership.join(options.queue);
  try {
    return await startAs(membership, keeper, options, held, signal);
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
  { trouble, waiting }: Held,
  signal: AbortSignal,
): Promise<IndexerRun> {
  const { queue, processed, engine, site, log, retention = DEFAULT_RETENTION, onOpened, onCommitted } = options;
  const { writer, journal } = engine;
  const completeness = new Completeness(() => queue.partitionCount(TOPICS.events), options.rawEnd);
  const letters = new DeadLetters(queue, site);
  const metrics = createIndexerMetrics(options.registry);
  const onLost = (partition: number, records: number) => metrics.lost.inc({ partition }, records);
  const missing = new MissingRows({ queue, writer, log, signal, onLost });
  const inserter = new Inserter({
    writer,
    journal,
    policyLog: engine.policy,
    letters,
    membership,
    missing,
    trouble,
    waiting,
    log,
    signal,
    onStored: ({ partition, progress, deadLettered }) => {
      if (!waiting.isUnknown(partition)) completeness.set(partition, progress);
      metrics.refused.inc(deadLettered);
    },
    onCommitted: (committed) => {
      waiting.settled(committed.partition, committed.range.nextOffset);
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
    const reader = queue.openReader({ topic: TOPICS.events, partition });
    try {
      return await inserter.takeOver(partition, from, await reader.endOffset());
    } finally {
      await reader.close();
    }
  };
  // A look waits for records that may never come: of a partition whose leader is away, or that has lost them.
  const closing = new AbortController();
  const looking = AbortSignal.any([signal, closing.signal]);
  const know = (partition: number, from: number): void => {
    void askVisible({ queue, processed, signal: looking, completeness, log }, partition, from);
  };
  /** What of the partition is not stored is known. */
  const lookedAt = (partition: number, head: number): void => {
    waiting.settled(partition, head);
    know(partition, head);
  };
  waiting.onKnown = (partition) => lookedAt(partition, inserter.positions.headOf(partition));
  const open = async (assigned: AssignedPartition): Promise<Intake> => {
    const { partition } = assigned;
    const from = await begin(assigned);
    onOpened?.(partition);
    // Not awaited: the partition's writer may not have said yet where it ends. Of what nobody has looked at nothing is known.
    if (!waiting.isUnknown(partition)) lookedAt(partition, from);
    return new Intake(queue, assigned, from, log, (records) => onLost(partition, records));
  };
  engine.completeFrom((tenant, fromMs, toMs) => {
    return Math.min(completeness.toMs(tenant), waiting.cutMs(tenant, fromMs, toMs));
  });
  const stopFollowing = followOthers({
    ...{ queue, processed, membership, completeness, log, signal: looking },
    onCommitted: (partition, committed) => waiting.settled(partition, committed),
  });
  const stopRetention = keepRetention({ writer, journal, clock: options.clock, log });
  const stopMaintaining = writer.maintain();
  const close = async () => {
    closing.abort();
    await Promise.all([stopRetention(), stopMaintaining(), stopFollowing(), keeper.close()]);
    await membership.leave();
    await letters.close();
  };
  const { clock } = options;
  const builder = new BlockBuilder(writer.createBlock(), () => keeper.current);
  const release = async (assigned: AssignedPartition): Promise<void> => {
    inserter.release(assigned.partition);
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
    trouble,
    clock,
    log,
    signal,
    close,
  });
  await run.begin();
  return run;
}
