/**
 * Which partitions of a process's are held back, and until when: sources have moved to them, and what the process had
 * of these sources before has to be read first where they were. What is held back is noted on this machine, so that the next
 * process holds it back as well.
 */
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { KnownLayouts } from '../late/known-layouts.ts';
import { placeOf } from '../place.ts';
import type { Offset, Queue, TopicPartition } from '../port.ts';
import type { SpoolWriter } from './spool-writer.ts';

export interface HeldPartitionsOptions {
  readonly queue: Pick<Queue, 'layout'>;
  /** Notes how many partitions topics have, before one is used. */
  readonly layouts: KnownLayouts | undefined;
  /**
   * Resolves when what was read last of a topic by whoever must keep its order is past these ends. For partitions that
   * others added, and began to read, while this process kept records of sources that have moved there.
   */
  readonly passed: ((topic: string, ends: readonly Offset[], signal: AbortSignal) => Promise<void>) | undefined;
  /** Waits until it is open. */
  readonly writerOf: (at: TopicPartition) => Promise<SpoolWriter>;
  /** Whether something of the topic is kept here now. */
  readonly isKept: (topic: string) => boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export class HeldPartitions {
  readonly #options: HeldPartitionsOptions;
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

  constructor(options: HeldPartitionsOptions) {
    this.#options = options;
  }

  /** What is known of the topic at the start. */
  async begin(topic: string): Promise<void> {
    const { queue, layouts } = this.#options;
    const layout = queue.layout(topic);
    const known = layouts?.of(topic);
    const before = known?.partitions ?? layout.partitions;
    const isMore = before < layout.partitions;
    const left = known?.heldFrom ?? [];
    if (isMore) this.#fresh.set(topic, before);
    if (left.length === 0 && layout.unbarred.some((first) => first <= before)) this.#unread.add(topic);
    this.#heldFrom.set(topic, isMore ? [...left, before] : left);
    await layouts?.note(topic, layout, isMore ? before : undefined);
  }

  /** Durable before anything goes to the partition. */
  async note(at: TopicPartition): Promise<void> {
    await this.#noteUse(at);
    await this.#noteHold(at);
  }

  /** A process before has kept something of the topic here. */
  hasKept(topic: string): void {
    this.#hasKept.add(topic);
  }

  /** This process has said that it has moved to so many partitions. */
  async hasMoved(topic: string, partitions: number): Promise<void> {
    const moving = this.#moving.get(topic) ?? [];
    for (const from of moving) if (from < partitions) await this.#release(topic, from);
    this.#moving.set(
      topic,
      (this.#moving.get(topic) ?? []).filter((from) => from >= partitions),
    );
  }

  /** Resolves when the partition is not held back any more; undefined where it is not. */
  holdOf({ topic, partition }: TopicPartition): Promise<void> | undefined {
    const { log, signal } = this.#options;
    const from = this.#holdsFrom({ topic, partition });
    if (from === undefined) return undefined;
    const held = this.#waitForEarlier(topic, from).then(() => this.#letGo({ topic, partition }, from));
    held.catch((thrown: unknown) => {
      if (!signal.aborted) log.error({ topic, partition, reason: messageOf(thrown) }, 'it stays here');
    });
    return held;
  }

  /** A partition that was not used before: added by others, before or after its barrier was registered. */
  async #noteUse({ topic, partition }: TopicPartition): Promise<void> {
    const { layouts, queue, isKept } = this.#options;
    const known = layouts?.of(topic);
    if (known === undefined || partition < known.partitions) return;
    const layout = queue.layout(topic);
    const isBarred = !layout.unbarred.some((first) => first <= partition);
    // What is kept here now may come to the queue after a barrier that others register.
    const isLate = isBarred || isKept(topic);
    const from = known.partitions;
    if (isLate) {
      this.#unread.delete(topic);
      this.#heldFrom.set(topic, [...(this.#heldFrom.get(topic) ?? []), from]);
    } else this.#moving.set(topic, [...(this.#moving.get(topic) ?? []), from]);
    // If this process ends before it has moved, the next one holds them back.
    await layouts?.note(topic, { ...layout, partitions: partition + 1 }, from);
  }

  /** Another one that was held back as well may have been let go already. */
  async #noteHold(at: TopicPartition): Promise<void> {
    const from = this.#holdsFrom(at);
    if (from === undefined) return;
    const key = placeOf({ topic: at.topic, partition: from });
    this.#held.set(key, (this.#held.get(key) ?? new Set()).add(at.partition));
    await this.#options.layouts?.hold(at.topic, from);
  }

  /** From which one on partitions are held back together with this one; undefined where it is not. */
  #holdsFrom({ topic, partition }: TopicPartition): number | undefined {
    if (this.#options.passed === undefined) return undefined;
    return this.#heldFrom.get(topic)?.findLast((from) => from <= partition);
  }

  /** Sources that have moved are read where they were first, up to the end of what was accepted before. */
  async #waitForEarlier(topic: string, from: number): Promise<void> {
    const { writerOf, passed, signal } = this.#options;
    const earlier = await Promise.all(Array.from({ length: from }, (_, partition) => writerOf({ topic, partition })));
    const isInTime = this.#unread.has(topic) || this.#fresh.get(topic) === from;
    if (isInTime && !this.#hasKept.has(topic)) return;
    const ends = await Promise.all(earlier.map((writer) => writer.landed()));
    await passed?.(topic, ends, signal);
  }

  /** What is not noted costs the next start a wait, and no order. */
  async #letGo({ topic, partition }: TopicPartition, from: number): Promise<void> {
    const held = this.#held.get(placeOf({ topic, partition: from }));
    held?.delete(partition);
    // Whoever has the folder after this process notes it there.
    if (this.#options.signal.aborted || (held !== undefined && held.size > 0)) return;
    await this.#release(topic, from);
  }

  async #release(topic: string, from: number): Promise<void> {
    const { layouts, log } = this.#options;
    await layouts?.release(topic, from).catch((thrown: unknown) => {
      log.warn({ topic, reason: messageOf(thrown) }, 'it was not noted that nothing is held back now');
    });
  }
}
