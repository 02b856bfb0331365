/** Reads the topic of the ledger into the account of all process trees, and writes the state of the whole to it. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { offset, type PartitionReader, type PartitionWriter } from '../../queue/port.ts';
import { minuteOf } from './ledger.ts';
import { encodeRecords, type LedgerTopic } from './ledger-topic.ts';
import { isSnapshot, type PlacedRecord, readRecords, type SnapshotPart } from './report.ts';
import { SharedBook } from './shared-book.ts';

export class SharedAccount {
  readonly #topic: LedgerTopic;
  readonly #clock: Clock;
  #book = new SharedBook();
  #reader: PartitionReader | undefined;
  /** Of the topic; undefined where the account has to be read from the beginning. */
  #position: number | undefined;
  /** Of the newest snapshot that was seen. */
  #snapshotAt = 0;

  constructor(topic: LedgerTopic, clock: Clock) {
    this.#topic = topic;
    this.#clock = clock;
  }

  /** Another one after a read from the beginning. */
  get book(): SharedBook {
    return this.#book;
  }

  /** Records of the topic since the newest snapshot. */
  get recordsSinceSnapshot(): number {
    return (this.#position ?? 0) - this.#snapshotAt;
  }

  /** Takes what was reported up to now. Throws what the queue throws; again is then the same. */
  async follow(): Promise<void> {
    const from = this.#position;
    if (from === undefined) return this.#begin();
    try {
      const end = await this.#read(from, (record) => this.#apply(record));
      // Somebody has begun the topic anew.
      if (end < from) this.#position = undefined;
    } catch (thrown) {
      const isRemoved = thrown instanceof SpillwayError && thrown.code === 'QUEUE_OFFSET_OUT_OF_RANGE';
      // After a pause: others have written the state of the whole, and removed what is before.
      if (!isRemoved) throw thrown;
      this.#position = undefined;
    }
    if (this.#position === undefined) await this.#begin();
  }

  /** Writes the state of the whole, then removes what it replaces. */
  async writeSnapshot(writer: PartitionWriter): Promise<void> {
    const at = this.#position;
    if (at === undefined) return;
    this.#book.fold(minuteOf(this.#clock.now()));
    const parts = this.#book.snapshot(randomBytes(8).toString('hex'), at);
    for (const part of parts) for (const batch of encodeRecords([part], this.#clock.now())) await writer.append(batch);
    await this.#topic.removeBefore(at);
  }

  async close(): Promise<void> {
    await this.#reader?.close();
  }

  async #begin(): Promise<void> {
    try {
      await this.#readWhole();
    } catch (thrown) {
      this.#position = undefined;
      throw thrown;
    }
  }

  /** With the newest whole snapshot, which may be of later than what is before it in the topic. */
  async #readWhole(): Promise<void> {
    this.#reader ??= this.#topic.openReader();
    const earliest = await this.#reader.earliestOffset();
    const known = new Map<string, SnapshotPart[]>();
    let newest: readonly SnapshotPart[] = [];
    await this.#read(earliest, ({ record }) => {
      if (record === undefined || !isSnapshot(record)) return;
      const parts = [...(known.get(record.snapshot) ?? []), record];
      known.set(record.snapshot, parts);
      if (parts.length < record.parts) return;
      known.delete(record.snapshot);
      if (record.at >= (newest[0]?.at ?? 0)) newest = parts;
    });
    this.#book = SharedBook.of(newest);
    this.#snapshotAt = newest[0]?.at ?? earliest;
    // What lies between was removed only where it had been counted, or it will be counted again from the logs.
    const from = Math.max(newest[0]?.at ?? earliest, earliest);
    await this.#read(from, (record) => this.#apply(record));
  }

  #apply({ record }: PlacedRecord): void {
    if (record === undefined) return;
    if (!isSnapshot(record)) this.#book.apply(record);
    else if (record.part === record.parts - 1) this.#snapshotAt = Math.max(this.#snapshotAt, record.at);
  }

  /** From the offset to the end; where that is. */
  async #read(from: number, take: (record: PlacedRecord) => void): Promise<number> {
    this.#reader ??= this.#topic.openReader();
    this.#position = from;
    for (let position = from; ; ) {
      const { batches, nextOffset, endOffset } = await this.#reader.read(offset(position));
      for (const { bytes } of batches) {
        for (const record of readRecords(bytes)) if (record.offset >= position) take(record);
      }
      if (nextOffset <= position) return endOffset;
      position = nextOffset;
      this.#position = position;
    }
  }
}
