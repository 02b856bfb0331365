/** One partition as a consumer over HTTP has it: what was given out of it, and what of that is committed. */
import { SpillwayError } from '../../../lib/errors.ts';
import { type AssignedPartition, offset, type PartitionReader } from '../../../queue/port.ts';
import { type OffsetRange, type RecordsFound, type RecordsQuestion, readRecords } from '../records.ts';

export type StartAt = 'earliest' | 'latest';

export interface HeldRecords extends RecordsFound {
  /** What retention had removed before it was read, and what cannot be read. */
  readonly lost: readonly OffsetRange[];
}

/** What an answer has left for the records of a partition. */
export type Room = Required<Pick<RecordsQuestion, 'limit' | 'answerBytes' | 'mayBeEmpty'>>;

export class HeldPartition {
  readonly assigned: AssignedPartition;
  readonly #openReader: () => Promise<PartitionReader>;
  readonly #start: StartAt;
  #opening: Promise<PartitionReader> | undefined;
  #committed: number | undefined;
  #isCommittedKnown = false;
  /** The first offset that was never given out. */
  #givenTo: number | undefined;
  #isReleased = false;

  constructor(assigned: AssignedPartition, start: StartAt, openReader: () => Promise<PartitionReader>) {
    this.assigned = assigned;
    this.#start = start;
    this.#openReader = openReader;
  }

  /** In the queue. */
  get topic(): string {
    return this.assigned.topic;
  }

  get partition(): number {
    return this.assigned.partition;
  }

  get generation(): number {
    return this.assigned.generation;
  }

  /** Nobody reads it here any more. */
  get isGone(): boolean {
    return this.#isReleased || this.assigned.isLost;
  }

  get isRevoked(): boolean {
    return this.assigned.revoked.aborted;
  }

  /** Whether all that was given out is committed: it can move without anything being done again. */
  get isDone(): boolean {
    return this.#givenTo === undefined || (this.#committed ?? 0) >= this.#givenTo;
  }

  async committed(): Promise<number | undefined> {
    if (!this.#isCommittedKnown) {
      const found = await this.assigned.committed();
      if (!this.#isCommittedKnown) this.#committed = found;
      this.#isCommittedKnown = true;
    }
    return this.#committed;
  }

  /** Where reading goes on that has no place of its own. */
  async position(): Promise<number> {
    const committed = await this.committed();
    if (committed !== undefined) return committed;
    const reader = await this.reader();
    if (this.#start === 'earliest') return reader.earliestOffset();
    // Whoever has it next goes on there, and skips nothing that came meanwhile.
    const end = await reader.endOffset();
    await this.commit(end);
    return end;
  }

  async read(from: number, room: Room): Promise<HeldRecords> {
    const reader = await this.reader();
    const question = { ...room, tenant: undefined };
    try {
      return withLost(await readRecords(reader, { ...question, from }));
    } catch (thrown) {
      if (!(thrown instanceof SpillwayError) || thrown.code !== 'QUEUE_OFFSET_OUT_OF_RANGE') throw thrown;
      const to = await reader.earliestOffset();
      return withLost(await readRecords(reader, { ...question, from: to }), { from, to });
    }
  }

  /** What of it may be under way at the consumer from now on. */
  given(next: number): void {
    this.#givenTo = Math.max(this.#givenTo ?? 0, next);
  }

  /** Throws BAD_REQUEST past the end, QUEUE_FENCED where it is not this member's any more. */
  async commit(position: number): Promise<void> {
    const end = await (await this.reader()).endOffset();
    if (position > end) {
      throw new SpillwayError(
        'BAD_REQUEST',
        `Offset ${position} is past the end of partition ${this.partition}, ${end}.`,
        {
          details: { partition: this.partition, endOffset: end },
        },
      );
    }
    await this.assigned.commit(offset(position));
    this.#committed = position;
    this.#isCommittedKnown = true;
  }

  /** Throws QUEUE_FENCED where it is somebody else's. */
  async reader(): Promise<PartitionReader> {
    if (this.isGone) {
      throw new SpillwayError('QUEUE_FENCED', `Partition ${this.partition} is not this member's any more.`);
    }
    this.#opening ??= this.#openReader().catch((thrown: unknown) => {
      this.#opening = undefined;
      throw thrown;
    });
    return this.#opening;
  }

  /** Somebody else may have it. Again is the same. */
  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    await this.assigned.release();
    await this.close();
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    await opening?.then(
      (reader) => reader.close(),
      () => undefined,
    );
  }
}

const withLost = (found: RecordsFound, ...removed: OffsetRange[]): HeldRecords => ({
  ...found,
  lost: [...removed, ...(found.unreadable ?? [])],
});
