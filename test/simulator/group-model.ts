/**
 * One group as it must be, by what its members were told: a partition has one assignee at a time, a new one only when
 * the one before has given it up or was silent or late for too long, and whoever has it may commit; nobody else may.
 */
import { GROUP_LIMITS } from '../../src/lib/limits.ts';
import type { TopicPartition } from '../../src/queue/port.ts';
import type { HeldPartition } from '../../src/queue/segment-log/consumer-group.ts';
import { partitionKey } from '../../src/queue/segment-log/names.ts';
import { BrokenPromise } from './partition-model.ts';

interface Assigned {
  readonly member: string;
  readonly generation: number;
  /** When the member was last told that it has it and is not to give it up. */
  heldMs: number;
  /** It was released, or its member has left. */
  isOver: boolean;
}

export class GroupModel {
  readonly #name: string;
  /** Assignments of before the coordinator's last start are over, their generations are not forgotten. */
  readonly #newest = new Map<string, Assigned>();
  /** When the coordinator last heard of a member: as it counts time, since its start. */
  #heardMs = new Map<string, number>();

  constructor(name: string) {
    this.#name = name;
  }

  startsAgain(): void {
    for (const assigned of this.#newest.values()) assigned.isOver = true;
    this.#heardMs = new Map();
  }

  joined(member: string, nowMs: number): void {
    if (this.#heardMs.has(member)) this.#fail(`${member} was given twice`);
    this.#heardMs.set(member, nowMs);
  }

  told(member: string, held: readonly HeldPartition[], nowMs: number): readonly TopicPartition[] {
    this.#heardMs.set(member, nowMs);
    return held.filter((partition) => this.#has(member, partition, nowMs));
  }

  released(at: TopicPartition, generation: number): void {
    const newest = this.#newest.get(partitionKey(at));
    if (newest?.generation === generation) newest.isOver = true;
  }

  left(member: string): void {
    for (const assigned of this.#newest.values()) if (assigned.member === member) assigned.isOver = true;
  }

  /** Whether the generation, as far as anybody was told, is the one that may commit. */
  isCurrent(at: TopicPartition, generation: number): boolean {
    const newest = this.#newest.get(partitionKey(at));
    return newest?.generation === generation && !newest.isOver;
  }

  /** What it has may be another's now, without anybody having been told. */
  mayBeLost(at: TopicPartition, nowMs: number): boolean {
    const newest = this.#newest.get(partitionKey(at));
    return newest === undefined || newest.isOver || this.#isLate(newest, nowMs);
  }

  /** Whether the member would be taken for dead, or for late, within so much time. */
  isNearlyLate(member: string, nowMs: number): boolean {
    if (this.#isSilent(member, nowMs)) return true;
    return [...this.#newest.values()].some(
      (assigned) => assigned.member === member && !assigned.isOver && this.#isLate(assigned, nowMs),
    );
  }

  /** Whether the member has got it now. */
  #has(member: string, partition: HeldPartition, nowMs: number): boolean {
    const key = partitionKey(partition);
    const { generation, revoked } = partition;
    const newest = this.#newest.get(key);
    if (newest?.generation === generation) {
      if (newest.member !== member || newest.isOver)
        this.#fail(`${key}: ${member} was told of generation ${generation}, which was of ${newest.member}`);
      if (!revoked) newest.heldMs = nowMs;
      return false;
    }
    if (newest !== undefined && newest.generation > generation)
      this.#fail(`${key}: ${member} was told of generation ${generation} after ${newest.generation}`);
    if (newest !== undefined && !newest.isOver && !this.#isLate(newest, nowMs))
      this.#fail(`${key}: ${member} has generation ${generation}, ${newest.member} has not given it up`);
    this.#newest.set(key, { member, generation, heldMs: nowMs, isOver: false });
    return true;
  }

  #isLate({ member, heldMs }: Assigned, nowMs: number): boolean {
    return this.#isSilent(member, nowMs) || nowMs - heldMs > GROUP_LIMITS.revokeTimeoutMs;
  }

  #isSilent(member: string, nowMs: number): boolean {
    return nowMs - (this.#heardMs.get(member) ?? Number.NEGATIVE_INFINITY) > GROUP_LIMITS.sessionTimeoutMs;
  }

  #fail(what: string): never {
    throw new BrokenPromise(`group ${this.#name}: ${what}`);
  }
}
