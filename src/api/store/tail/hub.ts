/**
 * Reads the end of `events` once for all followers, while there are any. It may use only a share of the time: searches
 * and the index live in the same process, and a follower who cannot keep up is told what was skipped.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { StoredEvent } from '../../../event/event.ts';
import { TOPICS } from '../../../event/topics.ts';
import { messageOf } from '../../../lib/errors.ts';
import { QUERY_LIMITS } from '../../../lib/limits.ts';
import type { Logger } from '../../../lib/log.ts';
import type { Offset, PartitionReader, Queue, StoredBatch } from '../../../queue/port.ts';
import type { TailClient } from './client.ts';
import { eventsIn } from './events-in.ts';

const RETRY_MS = 1_000;

interface Running {
  readonly stop: AbortController;
  /** Every partition's end is known: what is appended from now on is seen. */
  readonly begun: Promise<unknown>;
}

export type TailedQueue = Pick<Queue, 'openReader' | 'partitionCount' | 'onPartitions'>;

export class TailHub {
  readonly #queue: TailedQueue;
  readonly #log: Logger;
  readonly #clients = new Set<TailClient>();
  #running: Running | undefined;
  /** Batches of all partitions, one after another. */
  #turn: Promise<void> = Promise.resolve();

  constructor(queue: TailedQueue, log: Logger) {
    this.#queue = queue;
    this.#log = log;
  }

  get size(): number {
    return this.#clients.size;
  }

  sizeOf(tenant: string): number {
    let size = 0;
    for (const client of this.#clients) if (client.tenant === tenant) size++;
    return size;
  }

  /** Resolves when every event appended from now on will be offered to the client. */
  async join(client: TailClient): Promise<void> {
    this.#clients.add(client);
    this.#running ??= this.#start();
    await this.#running.begun;
  }

  leave(client: TailClient): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    this.#running?.stop.abort();
    this.#running = undefined;
  }

  #start(): Running {
    const stop = new AbortController();
    let followed = 0;
    const followNew = (from: (reader: PartitionReader) => Promise<Offset>) => {
      const begun: Promise<Offset>[] = [];
      for (; followed < this.#queue.partitionCount(TOPICS.events); followed++) {
        const reader = this.#queue.openReader({ topic: TOPICS.events, partition: followed });
        const begin = from(reader);
        void this.#follow(reader, begin, stop.signal);
        begun.push(begin);
      }
      return begun;
    };
    // Whatever is in a partition that is added from now on is new.
    const ignore = this.#queue.onPartitions(() => void followNew((reader) => reader.earliestOffset()));
    stop.signal.addEventListener('abort', ignore, { once: true });
    return { stop, begun: Promise.all(followNew((reader) => reader.endOffset())) };
  }

  async #follow(reader: PartitionReader, begin: Promise<Offset>, signal: AbortSignal): Promise<void> {
    try {
      let next = await begin;
      while (!signal.aborted) next = await this.#step(reader, next, signal);
    } catch (error) {
      // Only before the end is known: join() has said so to whoever asked.
      this.#log.warn({ err: messageOf(error), partition: reader.partition }, 'a tail cannot begin');
    } finally {
      await reader.close().catch(() => {});
    }
  }

  async #step(reader: PartitionReader, next: Offset, signal: AbortSignal): Promise<Offset> {
    try {
      await reader.waitFor(next, signal);
      return signal.aborted ? next : await this.#read(reader, next, signal);
    } catch (error) {
      if (signal.aborted) return next;
      // Corrupt, or removed by retention: whatever it was, the end of the partition is where followers want to be.
      this.#log.warn({ err: messageOf(error), partition: reader.partition }, 'a tail skips to the end');
      await delay(RETRY_MS, undefined, { signal }).catch(() => {});
      return this.#skipToEnd(reader, next);
    }
  }

  async #read(reader: PartitionReader, from: Offset, signal: AbortSignal): Promise<Offset> {
    const result = await reader.read(from, { maxBytes: QUERY_LIMITS.tailReadBytes });
    for (const batch of result.batches) {
      if (signal.aborted) break;
      this.#turn = this.#turn.then(() => this.#show(batch, from, signal));
      await this.#turn;
    }
    const behind = result.endOffset - result.nextOffset;
    if (behind <= QUERY_LIMITS.tailLagRecords) return result.nextOffset;
    return this.#skipToEnd(reader, result.nextOffset);
  }

  /** Looks at one batch, and rests as long as keeps all partitions together within their share of the time. */
  async #show(batch: StoredBatch, from: Offset, signal: AbortSignal): Promise<void> {
    const startedMs = performance.now();
    try {
      this.#offer(eventsIn(batch, from, (tenant) => this.#isWanted(tenant)));
    } catch (error) {
      // Its checksum was right and its records are not: the others are still worth following.
      this.#log.warn({ err: messageOf(error), baseOffset: batch.baseOffset }, 'a tail passes over a batch');
      for (const client of this.#clients) client.skipped(batch.recordCount);
    }
    const busyMs = performance.now() - startedMs;
    await delay(busyMs * (1 / QUERY_LIMITS.tailShareOfTime - 1), undefined, { signal }).catch(() => {});
  }

  #offer(events: Iterable<StoredEvent>): void {
    for (const client of this.#clients) client.stream.cork();
    for (const event of events) for (const client of this.#clients) client.offer(event);
    for (const client of this.#clients) client.stream.uncork();
  }

  #isWanted(tenant: string): boolean {
    for (const client of this.#clients) if (client.tenant === tenant) return true;
    return false;
  }

  async #skipToEnd(reader: PartitionReader, from: Offset): Promise<Offset> {
    const end = await reader.endOffset().catch(() => from);
    for (const client of this.#clients) {
      client.skipped(Math.max(0, end - from));
      client.sayDropped();
    }
    return end;
  }
}
