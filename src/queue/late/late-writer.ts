/**
 * The writer of a partition whose queue was away when this process started: it opens the queue's own writer as soon as
 * the queue is there. Until then it takes nothing (a spool does, see spool-writer.ts), and says so by `opened`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { LATE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { orAborted } from '../../lib/or-aborted.ts';
import { type Appended, type Offset, offset, type PartitionWriter, type TopicPartition } from '../port.ts';
import type { ProducerMark } from '../producer-mark.ts';
import type { DirectWriter } from '../spool/direct-writer.ts';
import type { Arrival } from './arrival.ts';

export interface LateWriterOptions {
  readonly at: TopicPartition;
  readonly arrival: Arrival;
  readonly open: () => Promise<PartitionWriter>;
  readonly log: Logger;
}

export class LateWriter implements DirectWriter {
  readonly topic: string;
  readonly partition: number;
  readonly opened: Promise<void>;
  readonly #options: LateWriterOptions;
  readonly #closing = new AbortController();
  readonly #sinceMs = performance.now();
  #writer: DirectWriter | undefined;
  #failure: SpillwayError | undefined;

  constructor(options: LateWriterOptions) {
    this.topic = options.at.topic;
    this.partition = options.at.partition;
    this.#options = options;
    this.opened = orAborted(
      options.arrival.there.then(() => this.#open()),
      this.#closing.signal,
    );
  }

  /** 0 before the partition's end is known. */
  get nextOffset(): Offset {
    return this.#writer?.nextOffset ?? offset(0);
  }

  get saturated(): boolean {
    return this.#writer?.saturated ?? false;
  }

  get troubledForMs(): number {
    return this.#writer === undefined ? performance.now() - this.#sinceMs : this.#writer.troubledForMs;
  }

  get isHeld(): boolean {
    return this.#writer?.isHeld ?? false;
  }

  get failure(): SpillwayError | undefined {
    return this.#writer === undefined ? this.#failure : this.#writer.failure;
  }

  /** Why it takes nothing now, in words. */
  get waitsFor(): string | undefined {
    return this.#options.arrival.waitsFor ?? this.#writer?.waitsFor;
  }

  get mark(): ProducerMark | undefined {
    return this.#writer?.mark;
  }

  /** Once it is open. */
  async goOnFrom(mark: ProducerMark): Promise<number | undefined> {
    return this.#writer?.goOnFrom?.(mark);
  }

  async beginAnew(): Promise<void> {
    await this.#writer?.beginAnew?.();
  }

  async drained(): Promise<void> {
    await this.opened;
    await this.#writer?.drained();
  }

  append(batch: Buffer): Promise<Appended> {
    return this.#writer?.append(batch) ?? Promise.reject(this.#failure ?? this.#options.arrival.failure);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#writer?.close();
  }

  /** Resolves when it is open, or never will be. */
  async #open(): Promise<void> {
    const { at, open, log } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        const writer = await open();
        if (!isDirect(writer)) throw new SpillwayError('INTERNAL', `The writer of ${at.topic} cannot be waited for.`);
        this.#writer = writer;
        if (signal.aborted) await writer.close();
        return;
      } catch (thrown) {
        const error = thrown instanceof SpillwayError ? thrown : new SpillwayError('INTERNAL', messageOf(thrown));
        log.warn({ ...at, reason: error.message }, 'a partition of the queue could not be opened');
        if (!error.kind.retry && !PASSING.has(error.code)) {
          this.#failure = error;
          return;
        }
      }
      await delay(LATE_LIMITS.retryMs, undefined, { signal }).catch(() => {});
    }
  }
}

/** Somebody may give the right back; and partitions that were added meanwhile are used a moment later. */
const PASSING: ReadonlySet<string> = new Set(['QUEUE_REFUSED', 'QUEUE_FENCED']);

export const isDirect = (writer: PartitionWriter): writer is DirectWriter => 'troubledForMs' in writer;
