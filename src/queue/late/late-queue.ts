/**
 * A queue that may be away when this process starts (arrival.ts). What was learnt of its topics at an earlier start holds
 * until it is there, so that sources go to the partitions that they went to; writers take over then by themselves. All
 * else is refused meanwhile with what is waited for.
 */
import type { Logger } from '../../lib/log.ts';
import type {
  GroupMember,
  JoinOptions,
  Offset,
  PartitionReader,
  PartitionWriter,
  Queue,
  ReaderOptions,
  TopicLayout,
  TopicPartition,
} from '../port.ts';
import type { Arrival } from './arrival.ts';
import type { Layouts } from './known-layouts.ts';
import { LateWriter } from './late-writer.ts';

export interface LateQueueOptions {
  readonly queue: Queue;
  readonly arrival: Arrival;
  /** As they were when this process's predecessor used them last. */
  readonly layouts: Layouts;
  readonly log: Logger;
}

export class LateQueue implements Queue {
  readonly #options: LateQueueOptions;
  readonly #listeners = new Set<(topic: string) => void>();

  constructor(options: LateQueueOptions) {
    this.#options = options;
    const { queue, arrival, layouts } = options;
    queue.onPartitions((topic) => {
      if (arrival.isThere) this.#tellOf(topic);
    });
    // What others have changed before it was there is news as well.
    if (arrival.isThere) return;
    void arrival.there.then(() => {
      for (const topic of Object.keys(layouts)) this.#tellOf(topic);
    });
  }

  async openWriter(at: TopicPartition): Promise<PartitionWriter> {
    const { queue, arrival, log } = this.#options;
    if (arrival.isThere) return queue.openWriter(at);
    if (this.#remembered(at.topic) === undefined) throw arrival.failure;
    return new LateWriter({ at, arrival, log, open: () => queue.openWriter(at) });
  }

  openReader(at: TopicPartition, options?: ReaderOptions): PartitionReader {
    return this.#there().openReader(at, options);
  }

  async joinGroup(group: string, options: JoinOptions): Promise<GroupMember> {
    return this.#there().joinGroup(group, options);
  }

  partitionCount(topic: string): number {
    return this.layout(topic).partitions;
  }

  layout(topic: string): TopicLayout {
    const remembered = this.#options.arrival.isThere ? undefined : this.#remembered(topic);
    if (remembered === undefined) return this.#options.queue.layout(topic);
    const { partitions, firstPartitions } = remembered;
    return { partitions, firstPartitions, unbarred: [] };
  }

  onPartitions(listener: (topic: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async registerBarrier(topic: string, ends: readonly Offset[]): Promise<void> {
    await this.#there().registerBarrier(topic, ends);
  }

  /** Also before it is there. */
  mapsTo(topic: string, partitions: number): void {
    this.#options.queue.mapsTo?.(topic, partitions);
  }

  async close(): Promise<void> {
    const ended = this.#options.arrival.close();
    await this.#options.queue.close();
    await ended;
  }

  #remembered(topic: string): Layouts[string] | undefined {
    const { layouts } = this.#options;
    return Object.hasOwn(layouts, topic) ? layouts[topic] : undefined;
  }

  #there(): Queue {
    this.#options.arrival.assertThere();
    return this.#options.queue;
  }

  #tellOf(topic: string): void {
    for (const listener of this.#listeners) listener(topic);
  }
}
