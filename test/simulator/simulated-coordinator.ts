/** The supervisor's coordinator as another process sees it, in the way of src/roles/ipc-coordinator.ts: by messages. */
import { SpillwayError } from '../../src/lib/errors.ts';
import type { TopicLayout, TopicPartition } from '../../src/queue/port.ts';
import type { HeldPartition } from '../../src/queue/segment-log/consumer-group.ts';
import type { Coordinator } from '../../src/queue/segment-log/coordinator.ts';
import { partitionKey } from '../../src/queue/segment-log/names.ts';
import { BrokenPromise } from './partition-model.ts';
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
    const { world } = this.#process;
    return this.#ask(async () => {
      if (this.#process.isReplaced) throw new SpillwayError('QUEUE_FENCED', 'Another process does that now.');
      world.model.barred(topic, ends);
      await this.#there.registerBarrier(topic, ends);
    });
  }

  join(group: string, topics: readonly string[]): Promise<string> {
    const { world, members } = this.#process;
    return this.#ask(async () => {
      const id = await this.#there.join(group, topics);
      world.check(() => world.model.group(group).joined(id, world.passedMs));
      members.push({ group, id });
      return id;
    });
  }

  heartbeat(group: string, member: string): Promise<readonly HeldPartition[]> {
    const { world, name } = this.#process;
    return this.#ask(async () => {
      if (this.#process.isSilent) throw new Error('a heartbeat is lost');
      const held = await this.#there.heartbeat(group, member);
      world.check(() => {
        for (const at of world.model.group(group).told(member, held, world.passedMs)) {
          world.trace.add(`${name} has ${at.topic}/${at.partition} in ${group}`);
          world.model.assigned(group, at);
        }
      });
      return held;
    });
  }

  release(group: string, at: TopicPartition, generation: number): Promise<void> {
    const { world } = this.#process;
    return this.#ask(() => {
      world.model.group(group).released(at, generation);
      return this.#there.release(group, at, generation);
    });
  }

  leave(group: string, member: string): Promise<void> {
    const { world, members } = this.#process;
    return this.#ask(() => {
      world.model.group(group).left(member);
      members.splice(
        members.findIndex(({ id }) => id === member),
        1,
      );
      return this.#there.leave(group, member);
    });
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
    const { world, marks } = this.#process;
    return this.#ask(async () => {
      world.flush(marks.all());
      const members = world.model.group(group);
      const isCurrent = members.isCurrent(at, generation);
      world.model.tryingCommit(group, at, position);
      try {
        await this.#there.commit(group, at, generation, position);
      } catch (thrown) {
        if (thrown instanceof SpillwayError && thrown.code === 'QUEUE_FENCED') {
          world.model.fenced(group, at, position);
          world.check(() => assertFenced(isCurrent && !members.mayBeLost(at, world.passedMs), group, at, generation));
        }
        throw thrown;
      }
      world.check(() => {
        assertCurrent(isCurrent, group, at, generation);
        world.model.committed(group, at, position);
      });
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
    for (const mark of this.#process.world.flushed()) this.#process.takeMark(mark);
    return answer;
  }
}

function assertCurrent(isCurrent: boolean, group: string, at: TopicPartition, generation: number): void {
  if (isCurrent) return;
  throw new BrokenPromise(
    `${group}: a commit of generation ${generation} of ${partitionKey(at)} was accepted, it is over`,
  );
}

function assertFenced(isHeld: boolean, group: string, at: TopicPartition, generation: number): void {
  if (!isHeld) return;
  throw new BrokenPromise(
    `${group}: a commit of generation ${generation} of ${partitionKey(at)} was refused, it has it`,
  );
}
