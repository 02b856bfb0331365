/** Reads one partition of `events`, record by record, into blocks. */
import { setTimeout as delay } from 'node:timers/promises';
import { RecordCursor } from '../../event/record-batch.ts';
import { TOPICS } from '../../event/topics.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { QUEUE_LIMITS, STORE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { orAborted } from '../../lib/or-aborted.ts';
import { type AssignedPartition, offset, type PartitionReader, type Queue } from '../../queue/port.ts';
import { retainedFrom } from '../../queue/retained-from.ts';
import type { BlockBuilder } from './block-builder.ts';

export class Intake {
  readonly partition: number;
  readonly assigned: AssignedPartition;
  readonly #reader: PartitionReader;
  readonly #log: Logger;
  #next: number;
  /** Batches of the last read that have not been taken whole. */
  #batches: Buffer[] = [];
  #cursor: RecordCursor | undefined;
  readonly #onLost: (records: number) => void;
  /** A read that takes longer than those of others may wait for. */
  #slowRead: Promise<boolean> | undefined;
  /** What a read failed with that nobody waited for. */
  #failure: unknown;
  /** Its last read was slow: nobody waits for the next one. */
  #isSlow = false;

  /** `from`: where to go on; `onLost` is told of records that were removed before they could be read. */
  constructor(queue: Queue, assigned: AssignedPartition, from: number, log: Logger, onLost: (records: number) => void) {
    const { partition } = assigned;
    this.partition = partition;
    this.assigned = assigned;
    this.#reader = queue.openReader({ topic: TOPICS.events, partition });
    this.#next = from;
    this.#log = log;
    this.#onLost = onLost;
  }

  /** The offset of the next record that no block has. */
  get nextOffset(): number {
    return this.#next;
  }

  /**
   * Puts records into the builder until it is full or nothing more is there; whether there was any. What cannot be read soon,
   * as of a partition whose leader is away, is read beside the others, and is there at a later call.
   */
  async fill(builder: BlockBuilder): Promise<boolean> {
    let any = false;
    while (!builder.isFull) {
      const cursor = this.#cursor ?? this.#nextCursor();
      if (cursor === undefined) {
        if (!(await this.#readSoon())) return any;
        continue;
      }
      any = true;
      if (!this.#take(cursor, builder)) return any;
    }
    return any;
  }

  /** Resolves when there may be more, or the signal fires. */
  async wait(signal: AbortSignal): Promise<void> {
    // Of one reader one thing is asked at a time.
    if (this.#slowRead !== undefined) return void (await orAborted(this.#slowRead, signal));
    await this.#reader.waitFor(offset(this.#next), signal);
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  #take(cursor: RecordCursor, builder: BlockBuilder): boolean {
    // The cursor stands on a record that did not fit the block before.
    let more = cursor.offset >= this.#next || cursor.next();
    for (; more; more = cursor.next()) {
      if (cursor.offset < this.#next) continue;
      if (builder.isFull || !builder.take(cursor, this.partition)) {
        this.#cursor = cursor;
        return false;
      }
      this.#next = cursor.offset + 1;
    }
    this.#cursor = undefined;
    return true;
  }

  #nextCursor(): RecordCursor | undefined {
    const batch = this.#batches.shift();
    if (batch === undefined) return undefined;
    const cursor = new RecordCursor(batch);
    // Stands before the first record until `next()` is called.
    cursor.offset = -1;
    return cursor;
  }

  /** Whether there is something to take now. */
  async #readSoon(): Promise<boolean> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#slowRead !== undefined) return false;
    const began = performance.now();
    const reading = this.#read();
    const soon = this.#isSlow ? 0 : STORE_LIMITS.patientReadMs;
    const timer = new AbortController();
    const late = delay(soon, 'late' as const, { signal: timer.signal }).catch(() => 'late' as const);
    try {
      const first = await Promise.race([reading, late]);
      if (first !== 'late') {
        this.#isSlow = performance.now() - began > STORE_LIMITS.patientReadMs;
        return first;
      }
    } finally {
      timer.abort();
    }
    this.#isSlow = true;
    this.#slowRead = reading
      .catch((thrown: unknown) => {
        this.#failure = thrown;
        return true;
      })
      .finally(() => {
        this.#slowRead = undefined;
        this.#isSlow = performance.now() - began > STORE_LIMITS.patientReadMs;
      });
    return false;
  }

  async #read(): Promise<boolean> {
    try {
      const { batches, nextOffset } = await this.#reader.read(offset(this.#next), { maxBytes: QUEUE_LIMITS.readBytes });
      this.#batches = batches.map(({ bytes }) => bytes);
      if (batches.length === 0) this.#next = Math.max(this.#next, nextOffset);
      return batches.length > 0;
    } catch (thrown) {
      if (thrown instanceof SpillwayError && thrown.code === 'QUEUE_UNREACHABLE') {
        // The store has answers without it.
        this.#log.warn({ partition: this.partition, reason: thrown.message }, 'Events cannot be read; trying again');
        return false;
      }
      const earliest = retainedFrom(thrown, this.#next);
      const lost = earliest - this.#next;
      this.#onLost(lost);
      this.#log.error(
        { partition: this.partition, from: this.#next, to: earliest, lost },
        'Events were removed from the queue before the store had read them: they are not in the index',
      );
      this.#next = earliest;
      return true;
    }
  }
}
