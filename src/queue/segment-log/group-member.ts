/**
 * A member of a group as its process sees it: it asks the coordinator what it has, says it is alive by that, and tells
 * its owner what came and what is to go. It keeps no clock: `refresh()` is called on the queue's heartbeat and on news.
 */
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { Assignment } from '../assignment.ts';
import { isFenced } from '../is-fenced.ts';
import { LastAnswer } from '../last-answer.ts';
import { type GroupMember, type JoinOptions, type Offset, offset, type TopicPartition } from '../port.ts';
import type { HeldPartition } from './consumer-group.ts';
import type { Coordinator } from './coordinator.ts';
import { partitionKey } from './names.ts';

export interface MemberOptions extends JoinOptions {
  readonly group: string;
  readonly coordinator: Coordinator;
  readonly log: Logger;
  readonly onLeft: (member: SegmentGroupMember) => void;
}

export class SegmentGroupMember implements GroupMember {
  readonly group: string;
  readonly #options: MemberOptions;
  readonly #held = new Map<string, Assignment>();
  /** By partition: an answer may be older than what was done since. */
  readonly #newest = new Map<string, number>();
  readonly #lastAnswer = new LastAnswer();
  #id: string;
  #hasLeft = false;
  #refreshing: Promise<void> | undefined;
  #again = false;

  private constructor(options: MemberOptions, id: string) {
    this.group = options.group;
    this.#options = options;
    this.#id = id;
  }

  static async join(options: MemberOptions): Promise<SegmentGroupMember> {
    const member = new SegmentGroupMember(options, await options.coordinator.join(options.group, options.topics));
    return member;
  }

  get id(): string {
    return this.#id;
  }

  /** Asked to be refreshed only now and then. */
  get isPatient(): boolean {
    return this.#options.isPatient ?? false;
  }

  async committed(at: TopicPartition): Promise<Offset | undefined> {
    const position = await this.#options.coordinator.committed(this.group, at);
    return position === undefined ? undefined : offset(position);
  }

  /** Resolves when an answer that was asked for from now on has been taken. Never throws. */
  refresh(): Promise<void> {
    if (this.#hasLeft) return this.#refreshing ?? Promise.resolve();
    this.#again = true;
    this.#refreshing ??= this.#refreshOn();
    return this.#refreshing;
  }

  async leave(): Promise<void> {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#options.onLeft(this);
    this.#loseAll();
    await this.#options.coordinator.leave(this.group, this.#id);
  }

  async #refreshOn(): Promise<void> {
    while (this.#again && !this.#hasLeft) {
      this.#again = false;
      try {
        await this.#ask();
      } catch (thrown) {
        // The next heartbeat asks again; a session outlives several of them.
        this.#options.log.warn(
          { group: this.group, member: this.#id, reason: messageOf(thrown) },
          'a heartbeat failed',
        );
      }
    }
    // In the same moment in which nobody looks any more whether it is to ask again.
    this.#refreshing = undefined;
  }

  async #ask(): Promise<void> {
    const { coordinator, topics, log } = this.#options;
    const askedMs = performance.now();
    try {
      const held = await coordinator.heartbeat(this.group, this.#id);
      if (!this.#hasLeft) this.#take(held);
      this.#lastAnswer.answered(askedMs);
    } catch (thrown) {
      if (!isFenced(thrown)) throw thrown;
      if (this.#hasLeft) return;
      log.warn({ group: this.group, member: this.#id }, 'this member was taken for dead; it joins again');
      this.#loseAll();
      this.#id = await coordinator.join(this.group, topics);
      if (this.#hasLeft) await coordinator.leave(this.group, this.#id);
      this.#again = true;
    }
  }

  #take(held: readonly HeldPartition[]): void {
    const current = new Set(held.map(({ generation, ...at }) => `${partitionKey(at)} ${generation}`));
    for (const [key, assigned] of this.#held) {
      if (current.has(`${key} ${assigned.generation}`)) continue;
      this.#held.delete(key);
      assigned.lose();
    }
    for (const partition of held) {
      const key = partitionKey(partition);
      const known = this.#held.get(key);
      if (known !== undefined) {
        if (partition.revoked) known.revoke();
      } else if (partition.generation > (this.#newest.get(key) ?? 0) && !partition.revoked) this.#begin(key, partition);
      // It was revoked before it was begun, or the release of it got lost.
      else void this.#release(partition, partition.generation);
    }
  }

  #begin(key: string, { topic, partition, generation }: HeldPartition): void {
    const { coordinator } = this.#options;
    const at = { topic, partition };
    const assigned = new Assignment({
      at,
      group: this.group,
      generation,
      committed: () => coordinator.committed(this.group, at),
      commit: (position) => coordinator.commit(this.group, at, generation, position),
      // The coordinator ends with this process, if not before: while it says nothing it gives nothing to others.
      isUncertain: () => false,
      confirmed: (signal) => {
        // Before it is asked: that is to be the answer.
        const answered = this.#lastAnswer.next(signal);
        void this.refresh();
        return answered;
      },
      onRelease: () => {
        if (this.#held.get(key) === assigned) this.#held.delete(key);
        return this.#release(at, generation);
      },
    });
    this.#newest.set(key, generation);
    this.#held.set(key, assigned);
    this.#options.onAssigned(assigned);
  }

  async #release({ topic, partition }: TopicPartition, generation: number): Promise<void> {
    const { coordinator, log } = this.#options;
    try {
      await coordinator.release(this.group, { topic, partition }, generation);
    } catch (thrown) {
      // The next answer shows it as held still, and it is released again.
      log.warn({ topic, partition, reason: messageOf(thrown) }, 'a partition could not be released');
    }
  }

  #loseAll(): void {
    for (const assigned of this.#held.values()) assigned.lose();
    this.#held.clear();
  }
}
