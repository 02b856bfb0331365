/** The whole as it must be: partitions, what groups have committed, and that events are made from raw exactly once. */
import type { TopicPartition } from '../../src/queue/port.ts';
import { partitionKey } from '../../src/queue/segment-log/names.ts';
import { BrokenPromise, PartitionModel } from './partition-model.ts';
import { parseValue } from './values.ts';

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

export class Model {
  readonly #requiredGroups: Readonly<Record<string, readonly string[]>>;
  readonly #partitions = new Map<string, PartitionModel>();
  readonly #commits = new Map<string, Commits>();
  readonly #made = new Map<number, Made>();

  constructor(requiredGroups: Readonly<Record<string, readonly string[]>>) {
    this.#requiredGroups = requiredGroups;
  }

  partition(at: TopicPartition): PartitionModel {
    const key = partitionKey(at);
    const known = this.#partitions.get(key);
    if (known !== undefined) return known;
    const model = new PartitionModel(key, () => this.#requiredTo(at));
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

  partitions(): readonly PartitionModel[] {
    return [...this.#partitions.values()];
  }

  #requiredTo(at: TopicPartition): number {
    const groups = this.#requiredGroups[at.topic] ?? [];
    const positions = groups.map((group) => {
      const { durable = 0, tried } = this.#commitsOf(group, at);
      return Math.max(durable, ...tried);
    });
    return Math.min(Number.POSITIVE_INFINITY, ...positions);
  }

  #commitsOf(group: string, at: TopicPartition): Commits {
    const key = `${group} ${partitionKey(at)}`;
    const known = this.#commits.get(key) ?? { durable: undefined, tried: [] };
    this.#commits.set(key, known);
    return known;
  }
}
