/** The whole as it must be: partitions, what groups have committed, and that events are made from raw exactly once. */
import type { TopicPartition } from '../../src/queue/port.ts';
import { parsePartitionKey, partitionKey } from '../../src/queue/segment-log/names.ts';
import { GroupModel } from './group-model.ts';
import { BrokenPromise, PartitionModel } from './partition-model.ts';
import { partitionOfSource, SourceOrder } from './source-order.ts';
import { parseValue, sourceOf } from './values.ts';

interface Commits {
  /** The newest that was acknowledged or answered. */
  durable: number | undefined;
  /** Newer ones, which may have become durable without anybody knowing. */
  tried: number[];
}

/** How far the making of events has been followed. */
interface Made {
  eventsTo: number;
  rawTo: number;
}

/** Of a topic at first. Additions are one partition each. */
export const PARTITIONS = 2;

export class Model {
  readonly sources = new SourceOrder();
  readonly #groups = new Map<string, GroupModel>();
  /** Of added partitions, by key: what may be the barrier, since somebody said so. */
  readonly #barriers = new Map<string, (readonly number[])[]>();
  readonly #requiredGroups: Readonly<Record<string, readonly string[]>>;
  readonly #partitions = new Map<string, PartitionModel>();
  readonly #commits = new Map<string, Commits>();
  readonly #made = new Map<number, Made>();

  constructor(requiredGroups: Readonly<Record<string, readonly string[]>>) {
    this.#requiredGroups = requiredGroups;
  }

  group(name: string): GroupModel {
    const known = this.#groups.get(name) ?? new GroupModel(name);
    this.#groups.set(name, known);
    return known;
  }

  /** Members and what they had are gone. */
  coordinatorStarts(): void {
    for (const group of this.#groups.values()) group.startsAgain();
  }

  /** Somebody says where earlier partitions ended: a barrier of each added one among as many that had none yet. */
  barred(topic: string, ends: readonly number[]): void {
    for (let partition = PARTITIONS; partition < ends.length; partition++) {
      const key = partitionKey({ topic, partition });
      this.#barriers.set(key, [...(this.#barriers.get(key) ?? []), ends.slice(0, partition)]);
    }
    if (topic !== 'raw') return;
    for (const { at, known } of this.#partitions.values()) {
      if (at.topic === topic) for (const [offset, { value }] of known) this.#assertBeforeBarrier(at, offset, value);
    }
  }

  /** What sources wrote to raw before they moved is before the barrier. */
  appended(at: TopicPartition, base: number, values: readonly string[]): void {
    if (at.topic !== 'raw') return;
    for (const [i, value] of values.entries()) this.#assertBeforeBarrier(at, base + i, value);
  }

  #assertBeforeBarrier({ topic, partition }: TopicPartition, offset: number, value: string): void {
    const { source } = sourceOf(value);
    for (const [key, barriers] of this.#barriers) {
      const at = parsePartitionKey(key);
      if (at?.topic !== topic || partitionOfSource(source, PARTITIONS, at.partition + 1) !== at.partition) continue;
      if (at.partition <= partition || barriers.some((barrier) => offset < (barrier[partition] ?? 0))) continue;
      throw new BrokenPromise(
        `${topic}/${partition}: ${offset} is of source ${source}, which has moved to ${key}, and behind its barrier`,
      );
    }
  }

  /** A member of the group has got the partition: its barrier, and those of the additions before, are passed. */
  assigned(group: string, { topic, partition }: TopicPartition): void {
    for (let added = PARTITIONS; added <= partition; added++) {
      const barriers = this.#barriers.get(partitionKey({ topic, partition: added })) ?? [];
      const committed = Array.from({ length: added }, (_, earlier) =>
        this.#reached(group, { topic, partition: earlier }),
      );
      if (barriers.some((barrier) => barrier.every((end, earlier) => (committed[earlier] ?? 0) >= end))) continue;
      const known = barriers.map((barrier) => barrier.join(' ')).join(' or ');
      throw new BrokenPromise(
        `${group} has ${topic}/${partition}, the barrier of ${added} is ${known || 'not known'}, committed is ${committed.join(' ')}`,
      );
    }
  }

  partition(at: TopicPartition): PartitionModel {
    const key = partitionKey(at);
    const known = this.#partitions.get(key);
    if (known !== undefined) return known;
    const model = new PartitionModel(at, () => this.#requiredTo(at));
    this.#partitions.set(key, model);
    return model;
  }

  tryingCommit(group: string, at: TopicPartition, position: number): void {
    this.#commitsOf(group, at).tried.push(position);
  }

  committed(group: string, at: TopicPartition, position: number): void {
    const commits = this.#commitsOf(group, at);
    if (position < (commits.durable ?? 0)) {
      throw new BrokenPromise(`${group} ${partitionKey(at)}: ${position} was committed after ${commits.durable}`);
    }
    commits.durable = position;
    commits.tried = commits.tried.filter((tried) => tried > position);
  }

  /** Refused for good: whoever tried does not have the partition. */
  fenced(group: string, at: TopicPartition, position: number): void {
    const { tried } = this.#commitsOf(group, at);
    const index = tried.indexOf(position);
    if (index >= 0) tried.splice(index, 1);
  }

  /** What a new member of the group is told. */
  answered(group: string, at: TopicPartition, position: number | undefined): void {
    const commits = this.#commitsOf(group, at);
    if (position === commits.durable) return;
    if (position === undefined || position < (commits.durable ?? 0) || !commits.tried.includes(position)) {
      const possible = [commits.durable, ...commits.tried].join(', ');
      throw new BrokenPromise(`${group} ${partitionKey(at)}: ${position} is committed, it must be one of ${possible}`);
    }
    commits.durable = position;
    commits.tried = commits.tried.filter((tried) => tried > position);
  }

  /** Each record of raw is once in events, in order, as far as events are known; how far that is. */
  madeTo(partition: number): number {
    const raw = this.partition({ topic: 'raw', partition });
    const events = this.partition({ topic: 'events', partition });
    const made = this.#made.get(partition) ?? { eventsTo: 0, rawTo: 0 };
    this.#made.set(partition, made);
    for (; events.known.has(made.eventsTo) || events.isGap(made.eventsTo); made.eventsTo++) {
      const event = events.known.get(made.eventsTo);
      if (event === undefined) continue;
      const { origin, text, progress } = parseValue(event.value);
      const to = progress ?? origin;
      if (to < made.rawTo) {
        throw new BrokenPromise(`events/${partition}: ${made.eventsTo} repeats raw ${to}, ${made.rawTo} was next`);
      }
      for (; made.rawTo < to; made.rawTo++) {
        if (!raw.isGap(made.rawTo) && !raw.damaged.has(made.rawTo)) {
          throw new BrokenPromise(`events/${partition}: ${made.eventsTo} passes over raw ${made.rawTo}`);
        }
      }
      if (progress !== undefined) continue;
      if (raw.known.get(origin)?.value !== text) {
        throw new BrokenPromise(`events/${partition}: ${made.eventsTo} is not raw ${origin}, but '${text}'`);
      }
      made.rawTo++;
    }
    return made.rawTo;
  }

  /** What is left to do: of raw, that is not in events; of events, that the store has not taken over. */
  left(): string[] {
    const left: string[] = [];
    for (const { at, name, knownTo } of this.#partitions.values()) {
      const done = at.topic === 'raw' ? this.madeTo(at.partition) : this.sources.takenTo(at);
      if (done < knownTo) left.push(`${name} ends at ${knownTo}, and was taken up to ${done}`);
    }
    return left;
  }

  partitions(): readonly PartitionModel[] {
    return [...this.#partitions.values()];
  }

  #requiredTo(at: TopicPartition): number {
    const groups = this.#requiredGroups[at.topic] ?? [];
    const positions = groups.map((group) => this.#reached(group, at));
    return Math.min(Number.POSITIVE_INFINITY, ...positions);
  }

  /** The most that may have been committed. */
  #reached(group: string, at: TopicPartition): number {
    const { durable = 0, tried } = this.#commitsOf(group, at);
    return Math.max(durable, ...tried);
  }

  #commitsOf(group: string, at: TopicPartition): Commits {
    const key = `${group} ${partitionKey(at)}`;
    const known = this.#commits.get(key) ?? { durable: undefined, tried: [] };
    this.#commits.set(key, known);
    return known;
  }
}
