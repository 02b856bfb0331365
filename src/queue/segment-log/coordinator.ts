/**
 * The coordinator of the embedded queue: who owns a partition (epochs), how many partitions a topic has, which member of
 * a group has which of them (generations), and how far each group has come. Whatever it answers is durable. The
 * supervisor runs the one LocalCoordinator of a data folder; roles reach it over IPC behind the same interface. Given
 * the same clock, disk and calls it does the same.
 */
import { type Clock, systemClock } from '../../lib/clock.ts';
import { listOrNone } from '../../lib/disk-files.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { GROUP_LIMITS } from '../../lib/limits.ts';
import { groupInUse } from '../created/catalogue.ts';
import { ownerOf } from '../created/owned-names.ts';
import type { TopicLayout, TopicPartition } from '../port.ts';
import { ConsumerGroup, type HeldPartition } from './consumer-group.ts';
import { CoordinatorFile, type CoordinatorFileOptions } from './coordinator-file.ts';
import type { GroupRecord } from './coordinator-state.ts';
import { parsePartitionKey, parseSegmentName, partitionFolder, partitionKey } from './names.ts';
import { assertMayRaise, countAssignable, layoutOf, raisePartitions, setBarrier } from './topic-partitions.ts';

export interface Coordinator {
  /** A new epoch of the partition, larger than every earlier one. */
  nextEpoch(at: TopicPartition): Promise<number>;
  /** As last heard; undefined where the topic is not known. */
  layout(topic: string): TopicLayout | undefined;
  /** Calls the listener when a layout has changed; the answer ends that. */
  onLayout(listener: (topic: string) => void): () => void;
  /** Each topic has at least so many partitions when it resolves. Throws BAD_REQUEST past the limits. */
  raisePartitions(counts: Readonly<Record<string, number>>): Promise<void>;
  /** See `Queue.registerBarrier`. */
  registerBarrier(topic: string, ends: readonly number[]): Promise<void>;
  /** A new member; its id. Throws TOO_MANY_REQUESTS past the limits. */
  join(group: string, topics: readonly string[]): Promise<string>;
  /** Says that the member is alive; what it has. Throws QUEUE_FENCED where it is not known any more. */
  heartbeat(group: string, member: string): Promise<readonly HeldPartition[]>;
  /** The assignee of that generation has nothing of the partition under way any more. */
  release(group: string, at: TopicPartition, generation: number): Promise<void>;
  leave(group: string, member: string): Promise<void>;
  /** Calls the listener where a member should ask at once (by `heartbeat`) what it has; the answer ends that. */
  onNews(listener: (group: string, member: string) => void): () => void;
  committed(group: string, at: TopicPartition): Promise<number | undefined>;
  /** Durable when it resolves; rejects with QUEUE_FENCED where the partition has not that generation now. */
  commit(group: string, at: TopicPartition, generation: number, offset: number): Promise<void>;
}

/** A partition of a group: of what it has committed, or of what its members subscribe to. */
export interface GroupPosition extends TopicPartition {
  readonly group: string;
  /** Living members of the group. */
  readonly members: number;
  readonly generation: number;
  readonly member: string | undefined;
  /** 0 where nothing was committed. */
  readonly offset: number;
}

export interface LocalCoordinatorOptions extends CoordinatorFileOptions {
  readonly clock?: Clock;
  /** Of what users create: numbers that are not known begin after this (see `Catalogue.floor`). */
  readonly floor?: () => number;
}

/** Open it with `LocalCoordinator.open`; exactly one process may. */
export class LocalCoordinator implements Coordinator {
  readonly #options: LocalCoordinatorOptions;
  readonly #clock: Clock;
  readonly #file: CoordinatorFile;
  readonly #groups = new Map<string, ConsumerGroup>();
  readonly #layoutListeners = new Set<(topic: string) => void>();
  readonly #newsListeners = new Set<(group: string, member: string) => void>();
  /** Groups whose last rebalance could not be made durable. */
  readonly #unfinished = new Set<ConsumerGroup>();
  #tickedMs: number;

  private constructor(options: LocalCoordinatorOptions, file: CoordinatorFile) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#file = file;
    this.#tickedMs = this.#clock.now();
  }

  static async open(options: LocalCoordinatorOptions): Promise<LocalCoordinator> {
    return new LocalCoordinator(options, await CoordinatorFile.open(options));
  }

  async nextEpoch(at: TopicPartition): Promise<number> {
    const key = partitionKey(at);
    // The folder is asked too: where the coordinator's file was lost, its epochs must not begin again.
    const names = await listOrNone(this.#options.disk, partitionFolder(this.#options.directory, at));
    const seen = names.reduce((newest, name) => Math.max(newest, parseSegmentName(name)?.epoch ?? 0), 0);
    const epoch = Math.max(this.#file.next.epochs[key] ?? this.#floorOf(at.topic), seen) + 1;
    await this.#file.change((state) => {
      state.epochs[key] = epoch;
    });
    return epoch;
  }

  layout(topic: string): TopicLayout | undefined {
    const known = this.#file.durable.topics[topic];
    return known === undefined ? undefined : layoutOf(known);
  }

  layouts(): Record<string, TopicLayout> {
    return Object.fromEntries(
      Object.entries(this.#file.durable.topics).map(([topic, known]) => [topic, layoutOf(known)]),
    );
  }

  onLayout(listener: (topic: string) => void): () => void {
    this.#layoutListeners.add(listener);
    return () => void this.#layoutListeners.delete(listener);
  }

  async raisePartitions(counts: Readonly<Record<string, number>>): Promise<void> {
    const { next, durable } = this.#file;
    for (const [topic, count] of Object.entries(counts)) assertMayRaise(next, topic, count);
    const isThere = ([topic, count]: [string, number]) => (durable.topics[topic]?.partitions ?? 0) >= count;
    if (Object.entries(counts).every(isThere)) return;
    const raised: string[] = [];
    await this.#file.change((state) => {
      for (const [topic, count] of Object.entries(counts)) if (raisePartitions(state, topic, count)) raised.push(topic);
    });
    await this.#layoutsChanged(raised);
  }

  async registerBarrier(topic: string, ends: readonly number[]): Promise<void> {
    const wanted = this.layout(topic)?.unbarred.some((first) => first < ends.length) ?? false;
    if (!wanted) return;
    let changed = false;
    await this.#file.change((state) => {
      changed = setBarrier(state, topic, ends);
    });
    if (changed) await this.#layoutsChanged([topic]);
  }

  async join(name: string, topics: readonly string[]): Promise<string> {
    this.#assertMayJoin(name, topics);
    let number = 0;
    await this.#file.change((state) => {
      const known = state.groups[name] ?? newGroup(this.#floorOf(name));
      state.groups[name] = known;
      number = ++known.members;
    });
    const group = this.#groups.get(name) ?? new ConsumerGroup(name);
    this.#groups.set(name, group);
    const member = `${name}-${number}`;
    group.add(member, topics);
    await this.#rebalance(group);
    return member;
  }

  async heartbeat(group: string, member: string): Promise<readonly HeldPartition[]> {
    const held = this.#groups.get(group)?.hear(member);
    if (held !== undefined) return held;
    throw new SpillwayError('QUEUE_FENCED', `${member} is no member of group '${group}' any more: it was silent.`, {
      details: { group, member },
    });
  }

  async release(name: string, at: TopicPartition, generation: number): Promise<void> {
    const group = this.#groups.get(name);
    if (group?.release(at, generation)) await this.#rebalance(group);
  }

  async leave(name: string, member: string): Promise<void> {
    const group = this.#groups.get(name);
    if (group?.remove(member)) await this.#rebalance(group);
  }

  onNews(listener: (group: string, member: string) => void): () => void {
    this.#newsListeners.add(listener);
    return () => void this.#newsListeners.delete(listener);
  }

  /** Measures silence; call it every GROUP_LIMITS.tickMs. */
  async tick(): Promise<void> {
    const nowMs = this.#clock.now();
    // Where this process was itself asleep, or the clock jumped, nobody has been silent for so long.
    const elapsedMs = Math.min(2 * GROUP_LIMITS.tickMs, Math.max(0, nowMs - this.#tickedMs));
    this.#tickedMs = nowMs;
    for (const group of this.#groups.values()) {
      if (group.pass(elapsedMs) || this.#unfinished.has(group)) await this.#rebalance(group);
    }
  }

  async committed(group: string, at: TopicPartition): Promise<number | undefined> {
    return this.#file.durable.groups[group]?.partitions[partitionKey(at)]?.committed;
  }

  async commit(name: string, at: TopicPartition, generation: number, offset: number): Promise<void> {
    const group = this.#groups.get(name);
    if (group === undefined || !group.isHeld(at, generation)) throw this.#fenced(name, at, generation);
    const wasWhole = this.#isWhole(name, at.topic);
    await this.#file.change((state) => {
      const known = state.groups[name]?.partitions[partitionKey(at)];
      if (known !== undefined) known.committed = offset;
    });
    // It may have passed a barrier.
    if (!wasWhole && this.#groups.get(name) === group) await this.#rebalance(group);
  }

  /** Where a group without members goes on. Throws GROUP_IN_USE. */
  async setPosition(name: string, at: TopicPartition, offset: number): Promise<void> {
    this.#assertUnused(name);
    await this.#file.change((state) => {
      const record = state.groups[name] ?? newGroup(this.#floorOf(name));
      state.groups[name] = record;
      const key = partitionKey(at);
      record.partitions[key] = { generation: this.#floorOf(name), ...record.partitions[key], committed: offset };
    });
  }

  /** Forgets a group without members. Throws GROUP_IN_USE. */
  async removeGroup(name: string): Promise<void> {
    this.#assertUnused(name);
    this.#groups.delete(name);
    await this.#file.change((state) => delete state.groups[name]);
  }

  /** The largest number that was given out in a group. */
  newestOfGroup(name: string): number {
    const { members = 0, partitions = {} } = this.#file.next.groups[name] ?? {};
    return Math.max(members, ...Object.values(partitions).map(({ generation }) => generation));
  }

  /** The largest number that was given out for the topic. */
  newestOf(topic: string): number {
    const { epochs, groups } = this.#file.next;
    const records = [epochs, ...Object.values(groups).map(({ partitions }) => partitions)];
    const numbers = records.flatMap((record) =>
      Object.entries(record).flatMap(([key, value]) => {
        if (parsePartitionKey(key)?.topic !== topic) return [];
        return typeof value === 'number' ? value : value.generation;
      }),
    );
    return Math.max(0, ...numbers);
  }

  /** Forgets a topic that nobody writes: its members have nothing of it any more. */
  async removeTopic(topic: string): Promise<void> {
    for (const group of this.#groups.values()) group.drop(topic);
    await this.#file.change((state) => {
      delete state.topics[topic];
      const records = [state.epochs, ...Object.values(state.groups).map(({ partitions }) => partitions)];
      for (const record of records) {
        for (const key of Object.keys(record)) if (parsePartitionKey(key)?.topic === topic) delete record[key];
      }
    });
    await this.#layoutsChanged([topic]);
  }

  /** Of all groups, for people, in the order of topics and partitions. */
  positions(): GroupPosition[] {
    const positions = Object.entries(this.#file.durable.groups).flatMap(([name, record]) => {
      const group = this.#groups.get(name);
      const subscribed = [...(group?.topics ?? [])].flatMap((topic) => this.#partitionsOf(topic));
      const keys = new Set([...Object.keys(record.partitions), ...subscribed.map(partitionKey)]);
      return [...keys].flatMap((key) => {
        const at = parsePartitionKey(key);
        if (at === undefined) return [];
        const { generation = 0, committed = 0 } = record.partitions[key] ?? {};
        const member = group?.holderOf(at)?.member;
        return [{ ...at, group: name, members: group?.size ?? 0, generation, member, offset: committed }];
      });
    });
    return positions.sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition);
  }

  /** Waits for what was asked before. */
  close(): Promise<void> {
    return this.#file.close();
  }

  async #layoutsChanged(topics: readonly string[]): Promise<void> {
    for (const topic of topics) for (const listener of this.#layoutListeners) listener(topic);
    for (const group of this.#groups.values()) {
      if (topics.some((topic) => group.topics.has(topic))) await this.#rebalance(group);
    }
  }

  /** Grants what is free, durably, and revokes what is to move. Where the disk refuses, the next tick tries again. */
  async #rebalance(group: ConsumerGroup): Promise<void> {
    this.#unfinished.delete(group);
    for (;;) {
      const wanted = group.plan(this.#assignable(group));
      if (wanted.length === 0) break;
      const grants = wanted.map((grant) => {
        const known = this.#file.next.groups[group.name]?.partitions[partitionKey(grant.at)];
        const generation = (known?.generation ?? this.#floorOf(group.name)) + 1;
        group.grant(grant, generation);
        return { at: grant.at, generation };
      });
      try {
        await this.#file.change((state) => {
          const record = state.groups[group.name] ?? newGroup(this.#floorOf(group.name));
          state.groups[group.name] = record;
          for (const { at, generation } of grants) {
            const key = partitionKey(at);
            record.partitions[key] = { ...record.partitions[key], generation };
          }
        });
      } catch (thrown) {
        this.#options.log.error({ group: group.name, reason: messageOf(thrown) }, 'partitions could not be assigned');
        for (const { at, generation } of grants) group.withdraw(at, generation);
        this.#unfinished.add(group);
        break;
      }
      for (const { at, generation } of grants) group.confirm(at, generation);
    }
    for (const member of group.takeNews()) for (const listener of this.#newsListeners) listener(group.name, member);
  }

  #floorOf(name: string): number {
    return ownerOf(name) === undefined ? 0 : (this.#options.floor?.() ?? 0);
  }

  #assertUnused(group: string): void {
    if ((this.#groups.get(group)?.size ?? 0) > 0) throw groupInUse(group);
  }

  #assignable(group: ConsumerGroup): TopicPartition[] {
    return [...group.topics].flatMap((topic) =>
      this.#partitionsOf(topic).slice(0, this.#countAssignable(group.name, topic)),
    );
  }

  #countAssignable(group: string, topic: string): number {
    const { topics, groups } = this.#file.durable;
    const known = topics[topic];
    return known === undefined ? 0 : countAssignable(topic, known, groups[group]);
  }

  /** Whether no partition of the topic waits for the group to pass a barrier. */
  #isWhole(group: string, topic: string): boolean {
    return this.#countAssignable(group, topic) === (this.#file.durable.topics[topic]?.partitions ?? 0);
  }

  #partitionsOf(topic: string): TopicPartition[] {
    const { partitions = 0 } = this.#file.durable.topics[topic] ?? {};
    return Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  }

  #assertMayJoin(name: string, topics: readonly string[]): void {
    const { groups, membersPerGroup, topicsPerMember } = GROUP_LIMITS;
    const isNew = this.#file.next.groups[name] === undefined;
    const refused =
      (isNew && Object.keys(this.#file.next.groups).length >= groups && `There are ${groups} groups already.`) ||
      ((this.#groups.get(name)?.size ?? 0) >= membersPerGroup && `Group '${name}' has ${membersPerGroup} members.`) ||
      (topics.length > topicsPerMember && `A member reads ${topicsPerMember} topics at the most.`);
    if (refused !== false) throw new SpillwayError('TOO_MANY_REQUESTS', refused, { details: { group: name } });
  }

  #fenced(group: string, at: TopicPartition, generation: number): SpillwayError {
    const key = partitionKey(at);
    const current = this.#groups.get(group)?.holderOf(at)?.generation ?? 0;
    return new SpillwayError(
      'QUEUE_FENCED',
      `Generation ${generation} of ${key} in group '${group}' may not commit: ` +
        (current === 0 ? 'nobody has it now.' : `generation ${current} has it now.`),
      { details: { group, partition: key, generation, current } },
    );
  }
}

function newGroup(members: number): GroupRecord {
  return { members, partitions: Object.create(null) };
}
