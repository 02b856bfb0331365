/** A queue whose writers keep accepting while it is away (spool-writer.ts); all else is the queue's own. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { type Disk, nodeDisk } from '../../lib/disk.ts';
import { messageOf } from '../../lib/errors.ts';
import { SPOOL_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { KnownLayouts } from '../late/known-layouts.ts';
import { isDirect } from '../late/late-writer.ts';
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
  type TopicLayout,
  type TopicPartition,
} from '../port.ts';
import { LocalCoordinator } from '../segment-log/coordinator.ts';
import { MarkBoard } from '../segment-log/marks.ts';
import { openSegmentLog, type SegmentLogQueue } from '../segment-log/queue.ts';
import { showSpool } from './metrics.ts';
import { type ProducerNote, ProducerNotes } from './producer-notes.ts';
import { SpoolWriter } from './spool-writer.ts';

export interface SpoolingOptions {
  /** Of which all writers are DirectWriters. */
  readonly queue: Queue;
  /** For the log on this machine. */
  readonly directory: string;
  /** Topics whose writers spool. */
  readonly topics: readonly string[];
  /** Notes how many partitions these have, before one is used. */
  readonly layouts?: KnownLayouts;
  /**
   * Resolves when what was read last of a topic by whoever must keep its order is past these ends. For partitions that
   * others added, and began to read, while this process kept records of sources that have moved there.
   */
  readonly passed?: (topic: string, ends: readonly Offset[], signal: AbortSignal) => Promise<void>;
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
const NOTES_FILE = 'producers.json';

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
  /** By topic: partitions from these on were added, and may be read before what this process has for earlier ones. */
  readonly #heldFrom = new Map<string, readonly number[]>();
  /** Topics whose added partitions are not read yet as far as is known, so that only what was kept here can be late. */
  readonly #unread = new Set<string>();
  /**
   * By topic: partitions from this one on were added before this process began, which has begun with all of them. What
   * one before it has in the queue is before the barrier, so only what was kept here can be late.
   */
  readonly #fresh = new Map<string, number>();
  /** Topics of which something was kept here by a process before. */
  readonly #hasKept = new Set<string>();
  /** By topic: partitions from these on were added, and this process has not said yet that it has moved. */
  readonly #moving = new Map<string, readonly number[]>();
  /** By topic and one of those: the partitions that are held back because of it. */
  readonly #held = new Map<string, Set<number>>();
  #member: GroupMember | undefined;

  private constructor(options: SpoolingOptions, coordinator: LocalCoordinator, notes: ProducerNotes) {
    const { directory, topics, log, disk = nodeDisk, queue } = options;
    this.#options = options;
    this.#queue = queue;
    this.#coordinator = coordinator;
    this.#notes = notes;
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
    spooling.#member = await spooling.#spool.joinGroup(DRAIN_GROUP, {
      topics: options.topics,
      onAssigned: (assigned) => void spooling.#assigned.set(keyOf(assigned), assigned),
    });
    for (const topic of options.topics) await spooling.#begin(topic);
    return spooling;
  }

  async openWriter(at: TopicPartition): Promise<PartitionWriter> {
    if (!this.#options.topics.includes(at.topic)) return this.#queue.openWriter(at);
    await this.#noteUse(at);
    await this.#noteHold(at);
    const direct = await this.#queue.openWriter(at);
    if (!isDirect(direct)) return direct;
    if (at.partition >= this.#spool.partitionCount(at.topic)) {
      await this.#coordinator.raisePartitions({ [at.topic]: at.partition + 1 });
      // Nothing moves in here: there is no order to keep across partitions.
      await this.#coordinator.registerBarrier(
        at.topic,
        Array.from({ length: at.partition + 1 }, () => 0),
      );
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
      commit: async (position) => this.#assigned.get(keyOf(at))?.commit(position),
      log: this.#options.log,
      onDrained: (batch, appended) => this.#options.onDrained?.(at, batch, appended),
      spoolAfterMs: this.#options.spoolAfterMs ?? SPOOL_LIMITS.spoolAfterMs,
      hold: this.#holdOf(at),
    });
    this.#writers.add(writer);
    if (writer.spooledRecords > 0) this.#hasKept.add(at.topic);
    this.#openingOf(at).resolve(writer);
    return writer;
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

  /** Why partitions are kept on this machine now, for people; empty where none is. */
  troubles(): readonly string[] {
    return [...this.#writers].flatMap(({ trouble }) => trouble ?? []);
  }

  openReader(at: TopicPartition): PartitionReader {
    return this.#queue.openReader(at);
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
    for (const from of this.#moving.get(topic) ?? []) if (from < ends.length) await this.#release(topic, from);
    this.#moving.set(
      topic,
      (this.#moving.get(topic) ?? []).filter((from) => from >= ends.length),
    );
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
    clearInterval(this.#timer);
    await Promise.all([...this.#writers].map((writer) => writer.close()));
    await this.#spool.close();
    await this.#coordinator.close();
    await this.#queue.close();
  }

  /** What is known of the topic at the start. */
  async #begin(topic: string): Promise<void> {
    const { layouts } = this.#options;
    const layout = this.#queue.layout(topic);
    const known = layouts?.of(topic);
    const before = known?.partitions ?? layout.partitions;
    const isMore = before < layout.partitions;
    const left = known?.heldFrom ?? [];
    if (isMore) this.#fresh.set(topic, before);
    if (left.length === 0 && layout.unbarred.some((first) => first <= before)) this.#unread.add(topic);
    this.#heldFrom.set(topic, isMore ? [...left, before] : left);
    await layouts?.note(topic, layout, isMore ? before : undefined);
  }

  /** A partition that was not used before: added by others, before or after its barrier was registered. */
  async #noteUse({ topic, partition }: TopicPartition): Promise<void> {
    const { layouts } = this.#options;
    const known = layouts?.of(topic);
    if (known === undefined || partition < known.partitions) return;
    const layout = this.#queue.layout(topic);
    const isBarred = !layout.unbarred.some((first) => first <= partition);
    // What is kept here now may come to the queue after a barrier that others register.
    const isLate = isBarred || [...this.#writers].some((writer) => writer.topic === topic && writer.isSpooling);
    const from = known.partitions;
    if (isLate) {
      this.#unread.delete(topic);
      this.#heldFrom.set(topic, [...(this.#heldFrom.get(topic) ?? []), from]);
    } else this.#moving.set(topic, [...(this.#moving.get(topic) ?? []), from]);
    // If this process ends before it has moved, the next one holds them back.
    await layouts?.note(topic, { ...layout, partitions: partition + 1 }, from);
  }

  /** Durable before anything goes to the partition; another one that was held back as well may have been let go already. */
  async #noteHold(at: TopicPartition): Promise<void> {
    const { layouts, passed } = this.#options;
    const from = this.#holdsFrom(at);
    if (from === undefined || passed === undefined) return;
    const key = keyOf({ topic: at.topic, partition: from });
    this.#held.set(key, (this.#held.get(key) ?? new Set()).add(at.partition));
    await layouts?.hold(at.topic, from);
  }

  /** From which one on partitions are held back together with this one; undefined where it is not. */
  #holdsFrom({ topic, partition }: TopicPartition): number | undefined {
    return this.#heldFrom.get(topic)?.findLast((from) => from <= partition);
  }

  /** Sources that have moved are read where they were first, up to the end of what was accepted before. */
  #holdOf({ topic, partition }: TopicPartition): Promise<void> | undefined {
    const { passed, log } = this.#options;
    const from = this.#holdsFrom({ topic, partition });
    if (from === undefined || passed === undefined) return undefined;
    const hold = async () => {
      const earlier = await Promise.all(
        Array.from({ length: from }, (_, at) => this.#writer({ topic, partition: at })),
      );
      const isInTime = this.#unread.has(topic) || this.#fresh.get(topic) === from;
      if (!isInTime || this.#hasKept.has(topic)) {
        const ends = await Promise.all(earlier.map((writer) => writer.landed()));
        await passed(topic, ends, this.#closing.signal);
      }
      await this.#letGo({ topic, partition }, from);
    };
    const held = hold();
    held.catch((thrown: unknown) => {
      if (!this.#closing.signal.aborted) log.error({ topic, partition, reason: messageOf(thrown) }, 'it stays here');
    });
    return held;
  }

  /** What is not noted costs the next start a wait, and no order. */
  async #letGo({ topic, partition }: TopicPartition, from: number): Promise<void> {
    const held = this.#held.get(keyOf({ topic, partition: from }));
    held?.delete(partition);
    // Whoever has the folder after this process notes it there.
    if (this.#closing.signal.aborted || (held !== undefined && held.size > 0)) return;
    await this.#release(topic, from);
  }

  async #release(topic: string, from: number): Promise<void> {
    await this.#options.layouts?.release(topic, from).catch((thrown: unknown) => {
      this.#options.log.warn({ topic, reason: messageOf(thrown) }, 'it was not noted that nothing is held back now');
    });
  }

  /** Waits until it is open. */
  #writer(at: TopicPartition): Promise<SpoolWriter> {
    return this.#openingOf(at).promise;
  }

  #openingOf(at: TopicPartition): PromiseWithResolvers<SpoolWriter> {
    const known = this.#opening.get(keyOf(at)) ?? Promise.withResolvers<SpoolWriter>();
    this.#opening.set(keyOf(at), known);
    return known;
  }
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;
