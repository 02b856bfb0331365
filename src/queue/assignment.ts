import { isFenced } from './is-fenced.ts';
import { type AssignedPartition, type Offset, offset, type TopicPartition } from './port.ts';

export interface AssignmentOptions {
  readonly at: TopicPartition;
  readonly group: string;
  readonly generation: number;
  readonly committed: () => Promise<number | undefined>;
  /** Throws QUEUE_FENCED where the partition is not this assignee's any more. */
  readonly commit: (position: number) => Promise<void>;
  readonly onRelease: () => Promise<void>;
  readonly isUncertain: () => boolean;
  /** Resolves when the coordinator has answered what is asked from now on, or the signal fires. */
  readonly confirmed: (signal: AbortSignal) => Promise<void>;
}

export class Assignment implements AssignedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly group: string;
  readonly generation: number;
  readonly #options: AssignmentOptions;
  readonly #revoked = new AbortController();
  #isLost = false;
  #released: Promise<void> | undefined;

  constructor(options: AssignmentOptions) {
    this.topic = options.at.topic;
    this.partition = options.at.partition;
    this.group = options.group;
    this.generation = options.generation;
    this.#options = options;
  }

  get revoked(): AbortSignal {
    return this.#revoked.signal;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  get isReleased(): boolean {
    return this.#released !== undefined;
  }

  get isUncertain(): boolean {
    return this.#options.isUncertain();
  }

  async confirmed(signal: AbortSignal): Promise<void> {
    if (!this.#isLost) await this.#options.confirmed(AbortSignal.any([signal, this.revoked]));
  }

  revoke(): void {
    this.#revoked.abort();
  }

  lose(): void {
    this.#isLost = true;
    this.#revoked.abort();
  }

  async committed(): Promise<Offset | undefined> {
    const position = await this.#options.committed();
    return position === undefined ? undefined : offset(position);
  }

  async commit(position: Offset): Promise<void> {
    try {
      await this.#options.commit(position);
    } catch (thrown) {
      // Whoever keeps the offsets knows it sooner than the next heartbeat.
      if (isFenced(thrown)) this.lose();
      throw thrown;
    }
  }

  release(): Promise<void> {
    this.#released ??= this.#isLost ? Promise.resolve() : this.#options.onRelease();
    return this.#released;
  }
}
