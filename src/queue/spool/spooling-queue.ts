/** A queue whose writers keep accepting while it is away (spool-writer.ts); all else is the queue's own. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { type Disk, nodeDisk } from '../../lib/disk.ts';
import { messageOf } from '../../lib/errors.ts';
import { LastingTrouble } from '../../lib/lasting-trouble.ts';
import { SPOOL_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { isDirect } from '../late/late-writer.ts';
import { placeOf } from '../place.ts';
import {
  type Appended,
  type AssignedPartition,
  type GroupMember,
  type JoinOptions,
  type Offset,
  offset,
  type PartitionReader,
  type PartitionWriter,
  type Queue,
  type ReaderOptions,
  type TopicLayout,
  type TopicPartition,
} from '../port.ts';
import { LocalCoordinator } from '../segment-log/coordinator.ts';
import { MarkBoard } from '../segment-log/marks.ts';
import { openSegmentLog, type SegmentLogQueue } from '../segment-log/queue.ts';
import { HeldPartitions, type HeldPartitionsOptions } from './held-partitions.ts';
import { showSpool } from './metrics.ts';
import { type ProducerNote, ProducerNotes } from './producer-notes.ts';
import { describeTroubles } from './spool-trouble.ts';
import { SpoolWriter } from './spool-writer.ts';

export interface SpoolingOptions {
  /** Of which all writers are DirectWriters. */
  readonly queue: Queue;
  /** For the log on this machine. */
  readonly directory: string;
  /** Topics whose writers spool. */
  readonly topics: readonly string[];
  readonly layouts?: HeldPartitionsOptions['layouts'];
  readonly passed?: HeldPartitionsOptions['passed'];
  readonly log: Logger;
  readonly disk?: Disk;
  readonly spoolAfterMs?: number;
  /** For the figures of what is kept here; without it they are kept and not shown. */
  readonly registry?: Registry;
  /** A batch that was in the log is in the queue now. */
  readonly onDrained?: (at: TopicPartition, batch: Buffer, appended: Appended) => void;
}

/** Of the log on this machine: it has committed what has gone to the queue. */
export const DRAIN_GROUP = 'drain';
export const NOTES_FILE = 'producers.json';

/** What is kept on this machine's disk and not in the queue. */
export interface SpoolState {
  readonly records: number;
  /** Epoch ms. */
  readonly sinceMs: number;
}

export class SpoolingQueue implements Queue {
  readonly #options: SpoolingOptions;
  readonly #queue: Queue;
  readonly #coordinator: LocalCoordinator;
  readonly #notes: ProducerNotes;
  readonly #marks = new MarkBoard();
  readonly #spool: SegmentLogQueue;
  readonly #assigned = new Map<string, AssignedPartition>();
  readonly #writers = new Set<SpoolWriter>();
  readonly #opening = new Map<string, PromiseWithResolvers<SpoolWriter>>();
  readonly #timer: NodeJS.Timeout;
  readonly #closing = new AbortController();
  readonly #held: HeldPartitions;
  readonly #kept: LastingTrouble;
  #member: GroupMember | undefined;

  private constructor(options: SpoolingOptions, coordinator: LocalCoordinator, notes: ProducerNotes) {
    const { directory, topics, log, disk = nodeDisk, queue } = options;
    this.#options = options;
    this.#queue = queue;
    this.#coordinator = coordinator;
    this.#notes = notes;
    this.#kept = new LastingTrouble({
      log,
      text: "what is accepted is kept on this machine's disk until the queue takes it again",
      over: "all that was kept on this machine's disk is in the queue",
    });
    const retention = { maxAgeMs: SPOOL_LIMITS.keepMs };
    this.#spool = openSegmentLog({
      directory,
      topics: Object.fromEntries(
        topics.map((topic) => {
          const partitions = queue.partitionCount(topic);
          return [topic, { partitions, compression: 'none', retention, requiredGroups: [DRAIN_GROUP] } as const];
        }),
      ),
      coordinator,
      marks: this.#marks,
      log,
      disk,
    });
    this.#held = new HeldPartitions({
      queue,
      layouts: options.layouts,
      passed: options.passed,
      writerOf: (at) => this.#writer(at),
      isKept: (topic) => [...this.#writers].some((writer) => writer.topic === topic && writer.isSpooling),
      log,
      signal: this.#closing.signal,
    });
    this.#timer = setInterval(() => {
      this.#spool
        .retain()
        .catch((thrown: unknown) => log.warn({ reason: messageOf(thrown) }, 'the spool was not shortened'));
    }, SPOOL_LIMITS.retainMs);
    this.#timer.unref();
    showSpool(
      options.registry,
      () => [...this.#writers],
      () => this.#marks.all(),
    );
  }

  static async open(options: SpoolingOptions): Promise<SpoolingQueue> {
    const { directory, log, disk = nodeDisk } = options;
    const notes = await ProducerNotes.open(join(directory, NOTES_FILE), disk, log);
    const spooling = new SpoolingQueue(options, await LocalCoordinator.open({ directory, disk, log }), notes);
    await spooling.#spool.prepare();
    // It may have more partitions than the last time.
    for (const topic of options.topics) await spooling.#raised(topic, spooling.#spool.partitionCount(topic));
    spooling.#member = await spooling.#spool.joinGroup(DRAIN_GROUP, {
      topics: options.topics,
      onAssigned: (assigned) => void spooling.#assigned.set(placeOf(assigned), assigned),
    });
    for (const topic of options.topics) await spooling.#held.begin(topic);
    return spooling;
  }

  async openWriter(at: TopicPartition): Promise<PartitionWriter> {
    if (!this.#options.topics.includes(at.topic)) return this.#queue.openWriter(at);
    await this.#held.note(at);
    const direct = await this.#queue.openWriter(at);
    if (!isDirect(direct)) return direct;
    if (at.partition >= this.#spool.partitionCount(at.topic)) {
      // To all that there are now: a log may be raised only so many times, and partitions are opened one after another.
      const partitions = Math.max(at.partition + 1, this.#queue.partitionCount(at.topic));
      await this.#coordinator.raisePartitions({ [at.topic]: partitions });
      await this.#raised(at.topic, partitions);
      await this.#spool.heartbeat();
    }
    const spool = await this.#spool.openWriter(at);
    const reader = this.#spool.openReader(at);
    const [committed, earliest] = [await this.#member?.committed(at), await reader.earliestOffset()];
    const drained = offset(Math.max(committed ?? 0, earliest));
    const left = await this.#leftFor(at, drained < spool.nextOffset ? spool.nextOffset : undefined);
    const writer = new SpoolWriter({
      direct,
      spool,
      reader,
      drained,
      left,
      note: (note) => this.#notes.set(at, note),
      commit: async (position) => this.#assigned.get(placeOf(at))?.commit(position),
      log: this.#options.log,
      onDrained: (batch, appended) => this.#options.onDrained?.(at, batch, appended),
      kept: this.#kept,
      spoolAfterMs: this.#options.spoolAfterMs ?? SPOOL_LIMITS.spoolAfterMs,
      hold: this.#held.holdOf(at),
    });
    this.#writers.add(writer);
    if (writer.spooledRecords > 0) this.#held.hasKept(at.topic);
    this.#openingOf(at).resolve(writer);
    return writer;
  }

  /** Partitions that were added to the log are free at once: nothing moves in here, so there is no order to keep. */
  #raised(topic: string, partitions: number): Promise<void> {
    const barrier = Array.from({ length: partitions }, () => 0);
    return this.#coordinator.registerBarrier(topic, barrier);
  }

  /**
   * What a process of before has noted of what is in the log up to this end. What comes into the log, or goes to the queue,
   * from now on is none of it.
   */
  async #leftFor(at: TopicPartition, end: Offset | undefined): Promise<ProducerNote | undefined> {
    const noted = this.#notes.of(at);
    const left = noted === undefined || end === undefined ? undefined : { end, ...noted };
    await this.#notes.set(at, left);
    return left;
  }

  /** How many partitions are kept on this machine now. */
  get spooling(): number {
    return [...this.#writers].filter(({ isSpooling }) => isSpooling).length;
  }

  /** Why partitions are kept on this machine now, for people, of all of them together; empty where none is. */
  troubles(): readonly string[] {
    const writers = [...this.#writers];
    return describeTroubles(
      writers.flatMap(({ trouble }) => trouble ?? []),
      writers.length,
    );
  }

  /** Undefined where nothing is kept on this machine now. */
  get spooled(): SpoolState | undefined {
    const kept = [...this.#writers].flatMap(({ trouble, spooledRecords }) =>
      trouble === undefined ? [] : { sinceMs: trouble.sinceMs, records: spooledRecords },
    );
    if (kept.length === 0) return undefined;
    return {
      records: kept.reduce((sum, { records }) => sum + records, 0),
      sinceMs: Math.min(...kept.map(({ sinceMs }) => sinceMs)),
    };
  }

  openReader(at: TopicPartition, options?: ReaderOptions): PartitionReader {
    return this.#queue.openReader(at, options);
  }

  joinGroup(group: string, options: JoinOptions): Promise<GroupMember> {
    return this.#queue.joinGroup(group, options);
  }

  partitionCount(topic: string): number {
    return this.#queue.partitionCount(topic);
  }

  layout(topic: string): TopicLayout {
    return this.#queue.layout(topic);
  }

  onPartitions(listener: (topic: string) => void): () => void {
    return this.#queue.onPartitions(listener);
  }

  /** What is kept here was accepted before the barrier, and has to be before it in the queue. */
  async registerBarrier(topic: string, ends: readonly Offset[]): Promise<void> {
    if (!this.#options.topics.includes(topic)) return this.#queue.registerBarrier(topic, ends);
    const { unbarred } = this.#queue.layout(topic);
    const landed = ends.map(async (end, partition) => {
      // Where the partitions of the last addition end matters to nobody.
      if (!unbarred.some((first) => first > partition)) return end;
      return offset(Math.max(end, await (await this.#writer({ topic, partition })).landed()));
    });
    await this.#queue.registerBarrier(topic, await Promise.all(landed));
    await this.#held.hasMoved(topic, ends.length);
  }

  mapsTo(topic: string, partitions: number): void {
    this.#queue.mapsTo?.(topic, partitions);
  }

  /** This process is about to end: what would have to wait for others is kept here. */
  endSoon(): void {
    for (const writer of this.#writers) writer.endSoon();
  }

  /** Resolves when nothing is kept here, or so long after. */
  async settled(withinMs: number): Promise<void> {
    const untilMs = performance.now() + withinMs;
    while (this.spooling > 0 && performance.now() < untilMs && !this.#closing.signal.aborted) {
      await delay(SPOOL_LIMITS.lookMs, undefined, { signal: this.#closing.signal }).catch(() => {});
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#kept.end();
    clearInterval(this.#timer);
    await Promise.all([...this.#writers].map((writer) => writer.close()));
    await this.#spool.close();
    await this.#coordinator.close();
    await this.#queue.close();
  }

  /** Waits until it is open. */
  #writer(at: TopicPartition): Promise<SpoolWriter> {
    return this.#openingOf(at).promise;
  }

  #openingOf(at: TopicPartition): PromiseWithResolvers<SpoolWriter> {
    const known = this.#opening.get(placeOf(at)) ?? Promise.withResolvers<SpoolWriter>();
    this.#opening.set(placeOf(at), known);
    return known;
  }
}
