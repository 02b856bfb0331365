/**
 * The store as a member of its group: the partitions of `events` that it has. A partition that it loses without having
 * given it up ends the store: what is under way of it cannot be committed, and only the way of a crash (the journal, and
 * reading back what is visible) tells the next owner what is there.
 */
import { GROUPS, TOPICS } from '../../event/topics.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { type AssignedPartition, type GroupMember, offset, type Queue } from '../../queue/port.ts';

export class Membership {
  readonly #held = new Map<number, AssignedPartition>();
  readonly #waiting = new Set<() => void>();
  #member: GroupMember | undefined;
  /** Something has changed since the last `look()`. */
  #isNew = false;

  static async join(queue: Queue): Promise<Membership> {
    const membership = new Membership();
    membership.#member = await queue.joinGroup(GROUPS.store, {
      topics: [TOPICS.events],
      onAssigned: (assigned) => membership.#take(assigned),
    });
    return membership;
  }

  /** What it has, without looking. */
  get held(): readonly AssignedPartition[] {
    return [...this.#held.values()];
  }

  /** What it has, also what it is to give up. */
  look(): readonly AssignedPartition[] {
    this.#isNew = false;
    return this.held;
  }

  /** What the group has committed, whoever has the partition. */
  async committed(partition: number): Promise<number | undefined> {
    return this.#member?.committed({ topic: TOPICS.events, partition });
  }

  /** Durable when it resolves. Throws QUEUE_FENCED where it has not the partition. */
  async commit(partition: number, position: number): Promise<void> {
    const assigned = this.#held.get(partition);
    if (assigned === undefined) throw lostPartition(partition);
    await assigned.commit(offset(position));
  }

  /** Resolves when it has all of these; throws the signal's reason. */
  async until(partitions: readonly number[], signal: AbortSignal): Promise<void> {
    for (;;) {
      const held = new Set(this.look().map(({ partition }) => partition));
      if (partitions.every((partition) => held.has(partition))) return;
      await this.changed(signal);
      signal.throwIfAborted();
    }
  }

  /** Resolves when a partition was assigned or revoked since the last `look()`, or the signal fires. */
  changed(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#isNew) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  /** Nothing of it is under way any more. */
  async release(assigned: AssignedPartition): Promise<void> {
    if (this.#held.get(assigned.partition) === assigned) this.#held.delete(assigned.partition);
    await assigned.release();
  }

  async leave(): Promise<void> {
    await this.#member?.leave();
  }

  #take(assigned: AssignedPartition): void {
    const before = this.#held.get(assigned.partition);
    // The earlier assignment was lost and nobody has looked yet: it stays, so that the loss is seen.
    if (before !== undefined) return;
    this.#held.set(assigned.partition, assigned);
    assigned.revoked.addEventListener('abort', () => this.#wake(), { once: true });
    this.#wake();
  }

  #wake(): void {
    this.#isNew = true;
    for (const wake of [...this.#waiting]) wake();
  }
}

export function lostPartition(partition: number): SpillwayError {
  return new SpillwayError('QUEUE_FENCED', `Partition ${partition} of events is not this store's any more.`, {
    details: { partition },
  });
}
