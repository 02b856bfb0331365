/** Looks now and then what others have changed: partitions that were added, topics that were removed or replaced. */
import { messageOf } from '../../lib/errors.ts';
import type { LastingTrouble } from '../../lib/lasting-trouble.ts';
import { KAFKA_LIMITS, MOVE_LIMITS } from '../../lib/limits.ts';
import { verdictOn } from './broker-errors.ts';
import type { Cluster } from './cluster.ts';
import type { KafkaTopics } from './created-topics.ts';
import type { OpenPartitions } from './open-partitions.ts';
import type { KafkaQueueOptions } from './queue-options.ts';
import type { QueueRecord } from './queue-record.ts';
import type { RoleTopics } from './role-topics.ts';
import type { SharedTopic } from './shared-topic.ts';

export interface LayoutWatchOptions extends Pick<KafkaQueueOptions, 'topics' | 'layoutMs'> {
  readonly trouble: LastingTrouble;
  readonly cluster: Cluster;
  readonly record: QueueRecord;
  readonly roleTopics: RoleTopics;
  readonly created: KafkaTopics;
  readonly opened: OpenPartitions;
  /** Where sources that this process maps move with others'. */
  readonly shared: SharedTopic | undefined;
  /** How many partitions of a topic this process goes by. */
  readonly partitionCount: (topic: string) => number;
}

export class LayoutWatch {
  readonly #options: LayoutWatchOptions;
  readonly #listeners = new Set<(topic: string) => void>();
  #timer: NodeJS.Timeout | undefined;
  #sharedTimer: NodeJS.Timeout | undefined;
  #hasEnded = false;

  constructor(options: LayoutWatchOptions) {
    this.#options = options;
  }

  /** Again is the same. */
  begin(): void {
    const { layoutMs = KAFKA_LIMITS.layoutMs, shared } = this.#options;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.refresh(), layoutMs);
    this.#timer.unref();
    clearInterval(this.#sharedTimer);
    if (shared === undefined) return;
    this.#sharedTimer = setInterval(() => void this.#look(shared), Math.min(layoutMs, MOVE_LIMITS.watchMs));
    this.#sharedTimer.unref();
  }

  end(): void {
    this.#hasEnded = true;
    clearInterval(this.#timer);
    clearInterval(this.#sharedTimer);
  }

  onPartitions(listener: (topic: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** These have more partitions now. */
  tellOf(topics: readonly string[]): void {
    for (const topic of topics) for (const listener of this.#listeners) listener(topic);
  }

  /** Never throws. */
  async refresh(): Promise<void> {
    const { cluster, record, roleTopics, created, opened, shared, topics, trouble } = this.#options;
    const before = record.counts;
    try {
      await created.refresh();
      await record.refresh();
      const grown = [...record.counts].filter(([topic, partitions]) => {
        return Object.hasOwn(topics, topic) && partitions > (before.get(topic) ?? 0);
      });
      shared?.moves.look();
      await cluster.refresh();
      roleTopics.lookForGone();
      opened.endReplaced();
      trouble.passed(this);
      if (grown.length > 0) this.tellOf(grown.map(([topic]) => topic));
    } catch (thrown) {
      // It is being closed: that is no trouble of Kafka.
      if (this.#hasEnded || cluster.ended.aborted) return;
      const isGrave = verdictOn(thrown) === 'another-cluster';
      trouble.failed(this, 'looking up the partitions of the queue', messageOf(thrown), isGrave);
    }
  }

  async #look(shared: SharedTopic): Promise<void> {
    const { partitionCount } = this.#options;
    if ((await shared.hasMoreThan(partitionCount(shared.topic))) && !this.#hasEnded) await this.refresh();
  }
}
