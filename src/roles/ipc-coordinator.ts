/** The queue's coordinator as a role sees it: every question goes to the supervisor, who also tells of changes. */
import type { TopicLayout, TopicPartition } from '../queue/port.ts';
import type { HeldPartition } from '../queue/segment-log/consumer-group.ts';
import type { Coordinator } from '../queue/segment-log/coordinator.ts';
import type { SupervisorLink } from './link.ts';

export type TopicLayouts = Readonly<Record<string, TopicLayout>>;

export class IpcCoordinator implements Coordinator {
  readonly #link: SupervisorLink;
  readonly #flushMarks: () => void;
  readonly #layoutListeners = new Set<(topic: string) => void>();
  readonly #newsListeners = new Set<(group: string, member: string) => void>();
  #layouts: TopicLayouts;

  /**
   * `layouts`: those of the start. `flushMarks` sends what this process's writers have said: before a commit, so that
   * whoever is assigned a partition after it knows the ends of what was written before it.
   */
  constructor(link: SupervisorLink, layouts: TopicLayouts, flushMarks: () => void) {
    this.#link = link;
    this.#layouts = layouts;
    this.#flushMarks = flushMarks;
    link.on('topics', ({ layouts: changed }) => {
      this.#layouts = changed;
      for (const topic of Object.keys(changed)) for (const listener of this.#layoutListeners) listener(topic);
    });
    link.on('news', ({ group, member }) => {
      for (const listener of this.#newsListeners) listener(group, member);
    });
  }

  nextEpoch({ topic, partition }: TopicPartition): Promise<number> {
    return this.#link.request<number>({ do: 'epoch', topic, partition });
  }

  layout(topic: string): TopicLayout | undefined {
    return Object.hasOwn(this.#layouts, topic) ? this.#layouts[topic] : undefined;
  }

  onLayout(listener: (topic: string) => void): () => void {
    this.#layoutListeners.add(listener);
    return () => void this.#layoutListeners.delete(listener);
  }

  async raisePartitions(counts: Readonly<Record<string, number>>): Promise<void> {
    const isThere = ([topic, count]: [string, number]) => (this.layout(topic)?.partitions ?? 0) >= count;
    if (Object.entries(counts).every(isThere)) return;
    await this.#link.request<null>({ do: 'raise', counts });
  }

  async registerBarrier(topic: string, ends: readonly number[]): Promise<void> {
    await this.#link.request<null>({ do: 'barrier', topic, ends });
  }

  join(group: string, topics: readonly string[]): Promise<string> {
    return this.#link.request<string>({ do: 'join', group, topics });
  }

  heartbeat(group: string, member: string): Promise<readonly HeldPartition[]> {
    return this.#link.request<readonly HeldPartition[]>({ do: 'heartbeat', group, member });
  }

  async release(group: string, { topic, partition }: TopicPartition, generation: number): Promise<void> {
    await this.#link.request<null>({ do: 'release', group, topic, partition, generation });
  }

  async leave(group: string, member: string): Promise<void> {
    await this.#link.request<null>({ do: 'leave', group, member });
  }

  onNews(listener: (group: string, member: string) => void): () => void {
    this.#newsListeners.add(listener);
    return () => void this.#newsListeners.delete(listener);
  }

  async committed(group: string, { topic, partition }: TopicPartition): Promise<number | undefined> {
    return (await this.#link.request<number | null>({ do: 'committed', group, topic, partition })) ?? undefined;
  }

  async commit(group: string, { topic, partition }: TopicPartition, generation: number, offset: number): Promise<void> {
    this.#flushMarks();
    await this.#link.request<null>({ do: 'commit', group, topic, partition, generation, offset });
  }
}
