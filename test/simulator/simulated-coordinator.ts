/** The supervisor's coordinator as another process sees it, in the way of src/roles/ipc-coordinator.ts: by messages. */
import type { TopicLayout, TopicPartition } from '../../src/queue/port.ts';
import type { HeldPartition } from '../../src/queue/segment-log/consumer-group.ts';
import type { Coordinator } from '../../src/queue/segment-log/coordinator.ts';
import { partitionKey } from '../../src/queue/segment-log/names.ts';
import type { Process } from './process.ts';

export class SimulatedCoordinator implements Coordinator {
  readonly #process: Process;
  readonly #layoutListeners = new Set<(topic: string) => void>();
  readonly #newsListeners = new Set<(group: string, member: string) => void>();
  #layouts: Readonly<Record<string, TopicLayout>> = {};
  #layoutVersion = 0;

  constructor(process: Process) {
    this.#process = process;
    if (process.world.hasCoordinator) this.takeLayouts();
  }

  nextEpoch(at: TopicPartition): Promise<number> {
    return this.#ask(async () => {
      const epoch = await this.#there.nextEpoch(at);
      this.#process.epochs.set(partitionKey(at), epoch);
      return epoch;
    });
  }

  layout(topic: string): TopicLayout | undefined {
    return this.#layouts[topic];
  }

  onLayout(listener: (topic: string) => void): () => void {
    this.#layoutListeners.add(listener);
    return () => void this.#layoutListeners.delete(listener);
  }

  raisePartitions(counts: Readonly<Record<string, number>>): Promise<void> {
    return this.#ask(() => this.#there.raisePartitions(counts));
  }

  registerBarrier(topic: string, ends: readonly number[]): Promise<void> {
    return this.#ask(() => this.#there.registerBarrier(topic, ends));
  }

  join(group: string, topics: readonly string[]): Promise<string> {
    return this.#ask(() => this.#there.join(group, topics));
  }

  heartbeat(group: string, member: string): Promise<readonly HeldPartition[]> {
    return this.#ask(() => this.#there.heartbeat(group, member));
  }

  release(group: string, at: TopicPartition, generation: number): Promise<void> {
    return this.#ask(() => this.#there.release(group, at, generation));
  }

  leave(group: string, member: string): Promise<void> {
    return this.#ask(() => this.#there.leave(group, member));
  }

  onNews(listener: (group: string, member: string) => void): () => void {
    this.#newsListeners.add(listener);
    return () => void this.#newsListeners.delete(listener);
  }

  committed(group: string, at: TopicPartition): Promise<number | undefined> {
    return this.#ask(async () => {
      const position = await this.#there.committed(group, at);
      this.#process.world.check(() => this.#process.world.model.answered(group, at, position));
      return position;
    });
  }

  commit(group: string, at: TopicPartition, generation: number, position: number): Promise<void> {
    const { world } = this.#process;
    return this.#ask(async () => {
      world.model.tryingCommit(group, at, position);
      await this.#there.commit(group, at, generation, position);
      world.check(() => world.model.committed(group, at, position));
    });
  }

  /** The supervisor's word. */
  takeLayouts(): void {
    const { layoutVersion } = this.#process.world;
    if (this.#layoutVersion === layoutVersion) return;
    this.#layoutVersion = layoutVersion;
    this.#layouts = this.#there.layouts();
    for (const topic of Object.keys(this.#layouts)) for (const listener of this.#layoutListeners) listener(topic);
  }

  /** The supervisor's word. */
  takeNews(group: string, member: string): void {
    for (const listener of this.#newsListeners) listener(group, member);
  }

  get #there() {
    return this.#process.world.coordinator;
  }

  /** There and back, which takes a while; what the supervisor said before its answer comes before it. */
  async #ask<T>(act: () => Promise<T>): Promise<T> {
    await this.#process.turn();
    const answer = await act();
    await this.#process.turn();
    this.takeLayouts();
    return answer;
  }
}
