/**
 * A member of a consumer group, in the way of the roles: it works on each partition that it is assigned until that is
 * revoked, one assignment of a partition after another, and leaves when none of them had anything to do for a while.
 */
import type { AssignedPartition } from '../../src/queue/port.ts';
import { partitionKey } from '../../src/queue/segment-log/names.ts';
import { attempt, Refusal } from './attempt.ts';
import type { Process } from './process.ts';

/** Looks at a partition that found nothing, until it counts as idle. */
const IDLE_LOOKS = 4;
/** Turns without a partition until a member gives up waiting for one. */
const IDLE_TURNS = 20;
/** Of a member that is to stay until everything is done. */
const MOST_TURNS = 20_000;

export interface MembershipOptions {
  readonly group: string;
  readonly topic: string;
  /** Ends by itself where the assignment is over (`isOver`), or when there is no way to go on. */
  readonly work: (assignment: Assignment) => Promise<void>;
  /** Whether it has to stay, whatever it has to do. */
  readonly mustStay: () => boolean;
}

/** One partition, from its assignment until it is given up. */
export class Assignment {
  readonly partition: AssignedPartition;
  readonly #membership: Membership;
  #idleLooks = 0;

  constructor(membership: Membership, partition: AssignedPartition) {
    this.#membership = membership;
    this.partition = partition;
  }

  get isOver(): boolean {
    return this.partition.revoked.aborted || this.#membership.stopping.aborted;
  }

  /** Fires when it is over. */
  get signal(): AbortSignal {
    return AbortSignal.any([this.partition.revoked, this.#membership.stopping]);
  }

  get isIdle(): boolean {
    return this.#idleLooks >= IDLE_LOOKS;
  }

  /** For somebody else, and there is nothing to do until then. */
  waits(): void {
    this.#idleLooks = IDLE_LOOKS;
  }

  looked(hadSomething: boolean): void {
    this.#idleLooks = hadSomething ? 0 : this.#idleLooks + 1;
  }
}

export class Membership {
  readonly #process: Process;
  readonly #options: MembershipOptions;
  /** By partition, its assignments one after another. */
  readonly #lives = new Map<string, Promise<void>>();
  readonly #working = new Set<Assignment>();
  readonly #stopping = new AbortController();

  private constructor(process: Process, options: MembershipOptions) {
    this.#process = process;
    this.#options = options;
  }

  /** From joining to leaving. */
  static async live(process: Process, options: MembershipOptions): Promise<void> {
    await new Membership(process, options).#live();
  }

  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  async #live(): Promise<void> {
    const { group, topic, mustStay } = this.#options;
    const member = await attempt(this.#process, 'join', () =>
      this.#process.queue.joinGroup(group, { topics: [topic], onAssigned: (partition) => this.#take(partition) }),
    );
    if (member instanceof Refusal) return;
    let turns = 0;
    for (let idleTurns = 0; turns < MOST_TURNS; turns++) {
      const isIdle = [...this.#working].every((assignment) => assignment.isIdle);
      if (isIdle && !mustStay() && (this.#working.size > 0 || ++idleTurns > IDLE_TURNS)) break;
      await this.#process.turn();
    }
    this.#stopping.abort();
    // What is assigned meanwhile is over at once.
    while (this.#working.size > 0) await Promise.all(this.#lives.values());
    await attempt(this.#process, 'leave', () => member.leave());
  }

  #take(partition: AssignedPartition): void {
    const key = partitionKey(partition);
    const assignment = new Assignment(this, partition);
    this.#working.add(assignment);
    const life = (this.#lives.get(key) ?? Promise.resolve()).then(() => this.#work(assignment));
    this.#lives.set(key, life);
    // Whoever waits for it above is told.
    life.catch(() => undefined);
  }

  async #work(assignment: Assignment): Promise<void> {
    const { partition } = assignment;
    await this.#options.work(assignment);
    // Where there was no way to go on it is kept: it would come back at once.
    while (!assignment.isOver) {
      assignment.looked(false);
      await this.#process.turn();
    }
    if (partition.revoked.aborted) await partition.release();
    this.#working.delete(assignment);
  }
}
