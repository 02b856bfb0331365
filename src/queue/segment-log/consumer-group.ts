/**
 * The members of one consumer group and what each has, in memory: who is alive is not worth a disk, since members of
 * before a start of the coordinator are gone. Moves are cooperative: a partition that another member is to have is first
 * revoked; it is free when its assignee has released it, left, or let its time pass, and only then granted again. What
 * the coordinator has to make durable (a generation for each grant) is its own business.
 */
import { GROUP_LIMITS } from '../../lib/limits.ts';
import type { TopicPartition } from '../port.ts';
import { assign } from './assignment.ts';
import { partitionKey } from './names.ts';

/** What a member has, as it is told. */
export interface HeldPartition extends TopicPartition {
  readonly generation: number;
  /** It is to be released. */
  readonly revoked: boolean;
}

interface Member {
  readonly id: string;
  readonly topics: ReadonlySet<string>;
  silentMs: number;
}

interface Holding {
  readonly at: TopicPartition;
  readonly member: string;
  readonly generation: number;
  /** `granted` until its generation is durable: nobody has been told. */
  state: 'granted' | 'held' | 'revoked';
  revokedMs: number;
}

export interface Grant {
  readonly at: TopicPartition;
  readonly member: string;
}

export class ConsumerGroup {
  readonly name: string;
  readonly #members = new Map<string, Member>();
  readonly #holdings = new Map<string, Holding>();
  /** Members that do not know yet what they have. */
  #news = new Set<string>();

  constructor(name: string) {
    this.name = name;
  }

  get size(): number {
    return this.#members.size;
  }

  /** What the living members subscribe to. */
  get topics(): Set<string> {
    return new Set([...this.#members.values()].flatMap(({ topics }) => [...topics]));
  }

  add(id: string, topics: readonly string[]): void {
    this.#members.set(id, { id, topics: new Set(topics), silentMs: 0 });
  }

  has(id: string): boolean {
    return this.#members.has(id);
  }

  /** Whether it was there. What it had is free. */
  remove(id: string): boolean {
    for (const [key, holding] of this.#holdings) if (holding.member === id) this.#holdings.delete(key);
    this.#news.delete(id);
    return this.#members.delete(id);
  }

  /** The member is alive; what it has. Undefined where it is not known (any more). */
  hear(id: string): HeldPartition[] | undefined {
    const member = this.#members.get(id);
    if (member === undefined) return undefined;
    member.silentMs = 0;
    this.#news.delete(id);
    return [...this.#holdings.values()]
      .filter((holding) => holding.member === id && holding.state !== 'granted')
      .map(({ at, generation, state }) => ({ ...at, generation, revoked: state === 'revoked' }));
  }

  /** Who has the partition. */
  holderOf(at: TopicPartition): { readonly member: string; readonly generation: number } | undefined {
    const holding = this.#holdings.get(partitionKey(at));
    return holding === undefined || holding.state === 'granted' ? undefined : holding;
  }

  isHeld(at: TopicPartition, generation: number): boolean {
    return this.holderOf(at)?.generation === generation;
  }

  /** Whether that changed anything. */
  release(at: TopicPartition, generation: number): boolean {
    return this.isHeld(at, generation) && this.#holdings.delete(partitionKey(at));
  }

  /** So much time has passed. True where somebody was silent or slow for too long, and something is free now. */
  pass(elapsedMs: number): boolean {
    let changed = false;
    for (const member of this.#members.values()) {
      member.silentMs += elapsedMs;
      if (member.silentMs > GROUP_LIMITS.sessionTimeoutMs) changed = this.remove(member.id);
    }
    for (const [key, holding] of this.#holdings) {
      if (holding.state !== 'revoked') continue;
      holding.revokedMs += elapsedMs;
      if (holding.revokedMs <= GROUP_LIMITS.revokeTimeoutMs) continue;
      this.#holdings.delete(key);
      this.#news.add(holding.member);
      changed = true;
    }
    return changed;
  }

  /** Revokes what somebody else is to have; what is free and whose it is to be. */
  plan(partitions: readonly TopicPartition[]): Grant[] {
    const holders = new Map([...this.#holdings].map(([key, { member }]) => [key, member]));
    const members = [...this.#members.values()];
    const assigned = assign({ members, partitions, holders });
    const grants: Grant[] = [];
    for (const at of partitions) {
      const key = partitionKey(at);
      const member = assigned.get(key);
      const holding = this.#holdings.get(key);
      if (holding === undefined) {
        if (member !== undefined) grants.push({ at, member });
      } else if (holding.state === 'held' && holding.member !== member) {
        holding.state = 'revoked';
        this.#news.add(holding.member);
      }
    }
    return grants;
  }

  /** Nobody else gets it from now on. */
  grant({ at, member }: Grant, generation: number): void {
    this.#holdings.set(partitionKey(at), { at, member, generation, state: 'granted', revokedMs: 0 });
  }

  /** Its generation is durable. */
  confirm(at: TopicPartition, generation: number): void {
    const holding = this.#holdings.get(partitionKey(at));
    if (holding?.generation !== generation) return;
    holding.state = 'held';
    this.#news.add(holding.member);
  }

  /** Its generation could not be made durable. */
  withdraw(at: TopicPartition, generation: number): void {
    const key = partitionKey(at);
    if (this.#holdings.get(key)?.generation === generation) this.#holdings.delete(key);
  }

  /** The topic is gone: nobody has anything of it. */
  drop(topic: string): void {
    for (const [key, { at, member }] of this.#holdings) {
      if (at.topic !== topic) continue;
      this.#holdings.delete(key);
      this.#news.add(member);
    }
  }

  takeNews(): string[] {
    const news = [...this.#news];
    this.#news = new Set();
    return news;
  }
}
