/** One partition as one member of a group has it. */
import { SpillwayError } from '../../lib/errors.ts';
import { type AssignedPartition, type Offset, offset, type TopicPartition } from '../port.ts';
import { placeOf } from './broker-errors.ts';

export interface AssignedOptions {
  readonly at: TopicPartition;
  readonly group: string;
  readonly generation: number;
  readonly committed: () => Promise<number | undefined>;
  /** Throws QUEUE_FENCED where the member is not one any more. */
  readonly commit: (position: number) => Promise<void>;
  readonly onRelease: () => Promise<void>;
}

export class KafkaAssigned implements AssignedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly group: string;
  readonly generation: number;
  readonly #options: AssignedOptions;
  readonly #revoked = new AbortController();
  #isLost = false;
  #released: Promise<void> | undefined;

  constructor(options: AssignedOptions) {
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
    // The coordinator fences members; what a member has given up is refused here.
    if (this.#isLost || this.#released !== undefined) {
      throw new SpillwayError(
        'QUEUE_FENCED',
        `Generation ${this.generation} of ${placeOf(this)} in group '${this.group}' may not commit: it was given up or lost.`,
        { details: { group: this.group, partition: placeOf(this), generation: this.generation } },
      );
    }
    try {
      await this.#options.commit(position);
    } catch (thrown) {
      if (thrown instanceof SpillwayError && thrown.code === 'QUEUE_FENCED') this.lose();
      throw thrown;
    }
  }

  release(): Promise<void> {
    this.#released ??= this.#isLost ? Promise.resolve() : this.#options.onRelease();
    return this.#released;
  }
}
