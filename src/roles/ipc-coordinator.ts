/** The queue's coordinator as a role sees it: every question goes to the supervisor. */
import type { TopicPartition } from '../queue/port.ts';
import type { Coordinator } from '../queue/segment-log/coordinator.ts';
import type { SupervisorLink } from './link.ts';

export class IpcCoordinator implements Coordinator {
  readonly #link: SupervisorLink;

  constructor(link: SupervisorLink) {
    this.#link = link;
  }

  nextEpoch({ topic, partition }: TopicPartition): Promise<number> {
    return this.#link.request<number>({ do: 'epoch', topic, partition });
  }

  joinGroup(group: string): Promise<number> {
    return this.#link.request<number>({ do: 'join', group });
  }

  async committed(group: string, { topic, partition }: TopicPartition): Promise<number | undefined> {
    return (await this.#link.request<number | null>({ do: 'committed', group, topic, partition })) ?? undefined;
  }

  async commit(group: string, generation: number, { topic, partition }: TopicPartition, offset: number): Promise<void> {
    await this.#link.request<null>({ do: 'commit', group, generation, topic, partition, offset });
  }
}
