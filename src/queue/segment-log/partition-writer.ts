/**
 * The writer of one partition: group commit. What arrives while a group is being written and synced becomes the next
 * group; one group is under way at a time, so at any moment at most one group is not known to be durable.
 *
 * An append resolves after its bytes, the file's length and the file's name are on the disk. After a sync that failed
 * nothing is known about the disk any more: the partition stops for writing and the sync is never tried again.
 */
import { join } from 'node:path';
import { readBatchHeader, sealBatch } from '../../event/record-batch.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Disk, DiskFile } from '../../lib/disk.ts';
import { isDiskFull, writeFully } from '../../lib/disk-files.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { type Appended, type Offset, offset, type PartitionWriter, type TopicPartition } from '../port.ts';
import { writeDurablePoint } from './durable-point.ts';
import type { MarkBoard } from './marks.ts';
import { type SegmentName, segmentName } from './names.ts';
import type { OpenedPartition } from './open-partition.ts';
import type { Ownership } from './owner.ts';
import type { SegmentList } from './segment-list.ts';

export interface WriterOptions {
  readonly at: TopicPartition;
  readonly folder: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
  readonly marks: MarkBoard;
  readonly segmentBytes: number;
}

interface Append {
  readonly bytes: Buffer;
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: SpillwayError) => void;
}

export class SegmentWriter implements PartitionWriter {
  readonly topic: string;
  readonly partition: number;
  readonly #options: WriterOptions;
  readonly #ownership: Ownership;
  readonly #list: SegmentList;
  #segment: SegmentName;
  #file: DiskFile;
  /** Where the durable data of the current segment ends, and the offset after it. */
  #durable: { position: number; nextOffset: number };
  #nextOffset: number;
  #waiting: Append[] = [];
  #pendingBytes = 0;
  #flight: Promise<void> | undefined;
  #failure: SpillwayError | undefined;
  #drained: (() => void)[] = [];

  constructor(options: WriterOptions, opened: OpenedPartition) {
    this.topic = options.at.topic;
    this.partition = options.at.partition;
    this.#options = options;
    this.#ownership = opened.ownership;
    this.#list = opened.list;
    this.#segment = opened.segment;
    this.#file = opened.file;
    this.#durable = { position: 0, nextOffset: opened.nextOffset };
    this.#nextOffset = opened.nextOffset;
    this.#mark();
  }

  get nextOffset(): Offset {
    return offset(this.#nextOffset);
  }

  get saturated(): boolean {
    return this.#pendingBytes >= QUEUE_LIMITS.pendingBytes;
  }

  /** Why it does not write any more. */
  get failure(): SpillwayError | undefined {
    return this.#failure;
  }

  drained(): Promise<void> {
    if (!this.saturated) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  append(batch: Buffer): Promise<Appended> {
    const refusal = this.#failure ?? this.#refusal(batch);
    if (refusal !== undefined) return Promise.reject(refusal);
    const baseOffset = this.#nextOffset;
    this.#nextOffset += batch.readInt32BE(57);
    this.#pendingBytes += batch.length;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes: batch, baseOffset, nextOffset: this.#nextOffset, resolve, reject });
      this.#flight ??= this.#run();
    });
  }

  async close(): Promise<void> {
    while (this.#flight !== undefined) await this.#flight;
    if (this.#failure?.code !== 'QUEUE_FENCED') await this.#rest();
    this.#failure ??= new SpillwayError('UNAVAILABLE', `The writer of ${this.#name()} is closed.`);
    await this.#file.close();
    await this.#ownership.release();
  }

  #refusal(batch: Buffer): SpillwayError | undefined {
    const header = readBatchHeader(batch);
    if (header === undefined || header.sizeBytes !== batch.length) {
      const tooLarge = batch.length > QUEUE_LIMITS.batchBytes;
      return tooLarge
        ? new SpillwayError(
            'MESSAGE_TOO_LARGE',
            `A batch of ${batch.length} bytes is above ${QUEUE_LIMITS.batchBytes}.`,
          )
        : new SpillwayError('INTERNAL', `Bytes appended to ${this.#name()} are not one record batch.`);
    }
    if (this.#pendingBytes + batch.length <= QUEUE_LIMITS.pendingMaxBytes) return undefined;
    return new SpillwayError('UNAVAILABLE', `${this.#name()} has ${this.#pendingBytes} bytes waiting: send slower.`, {
      retryAfterS: 1,
    });
  }

  async #run(): Promise<void> {
    // What else the same turn of the event loop appends belongs to the first group.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        await this.#commit(group);
      } catch (error) {
        this.#refuse(group, error instanceof SpillwayError ? error : this.#stopped('could not go on', error));
      }
    }
    this.#flight = undefined;
  }

  #takeGroup(): readonly Append[] {
    let bytes = 0;
    let count = 0;
    for (const { bytes: batch } of this.#waiting) {
      if (count > 0 && bytes + batch.length > QUEUE_LIMITS.groupBytes) break;
      bytes += batch.length;
      count++;
    }
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const group = this.#waiting;
    this.#waiting = [];
    return group;
  }

  async #commit(group: readonly Append[]): Promise<void> {
    if (this.#durable.position >= this.#options.segmentBytes) await this.#roll();
    const start = this.#durable.position;
    let end = start;
    for (const { bytes, baseOffset } of group) {
      sealBatch(bytes, baseOffset, this.#ownership.epoch, start);
      end += bytes.length;
    }
    await this.#write(group, start);
    await this.#file.dataSync().catch((cause: unknown) => {
      throw this.#stopped('could not be synced', cause);
    });
    if (this.#ownership.isLost()) throw this.#fenced();
    this.#durable = { position: end, nextOffset: group.at(-1)?.nextOffset ?? this.#durable.nextOffset };
    this.#list.grew(end);
    this.#list.oldestMs ??= Number(group[0]?.bytes.readBigInt64BE(27) ?? 0n);
    this.#mark();
    this.#settle(end - start);
    for (const { baseOffset, nextOffset, resolve } of group) {
      resolve({ baseOffset: offset(baseOffset), nextOffset: offset(nextOffset) });
    }
  }

  async #write(group: readonly Append[], start: number): Promise<void> {
    const buffers = group.map(({ bytes }) => bytes);
    try {
      await writeFully(this.#file, buffers, start);
    } catch (cause) {
      if (!isDiskFull(cause)) throw this.#stopped('could not be written', cause);
      await this.#file.truncate(start).catch((error: unknown) => {
        throw this.#stopped('could not be cut back', error);
      });
      throw this.#full(cause);
    }
  }

  async #roll(): Promise<void> {
    const next = segmentName(this.#durable.nextOffset, this.#ownership.epoch);
    const { disk, folder } = this.#options;
    const file = await disk.open(join(folder, next.name), 'create').catch((cause: unknown) => {
      throw isDiskFull(cause) ? this.#full(cause) : this.#stopped('could not begin a segment', cause);
    });
    await disk.syncDirectory(folder).catch((cause: unknown) => {
      throw this.#stopped('could not make the name of a segment durable', cause);
    });
    await this.#file.close();
    this.#file = file;
    this.#segment = next;
    this.#durable.position = 0;
    this.#list.add(next);
  }

  /** Nothing of the group or after it was acknowledged: all of it is refused, so that no order has a gap. */
  #refuse(group: readonly Append[], error: SpillwayError): void {
    const refused = [...group, ...this.#waiting];
    this.#waiting = [];
    this.#nextOffset = this.#durable.nextOffset;
    if (error.code !== 'DISK_FULL') this.#failure = error;
    this.#options.log.error({ ...this.#options.at, err: error }, `appends were refused: ${error.message}`);
    this.#settle(refused.reduce((sum, { bytes }) => sum + bytes.length, 0));
    for (const { reject } of refused) reject(error);
  }

  #settle(bytes: number): void {
    this.#pendingBytes -= bytes;
    if (this.#pendingBytes > QUEUE_LIMITS.pendingBytes / 2 || this.#drained.length === 0) return;
    const drained = this.#drained;
    this.#drained = [];
    for (const resolve of drained) resolve();
  }

  #mark(): void {
    const { at, marks, clock } = this.#options;
    const list = this.#list;
    marks.set({
      topic: at.topic,
      partition: at.partition,
      epoch: this.#ownership.epoch,
      earliestOffset: list.earliestOffset,
      endOffset: this.#durable.nextOffset,
      bytes: list.bytes,
      segments: list.segments.length,
      ...(list.oldestMs === undefined ? {} : { oldestMs: list.oldestMs }),
      atMs: clock.now(),
    });
  }

  async #rest(): Promise<void> {
    const { disk, folder } = this.#options;
    try {
      await writeDurablePoint(disk, folder, { segment: this.#segment.name, ...this.#durable });
    } catch (err) {
      this.#options.log.warn({ ...this.#options.at, err }, 'the durable point was not written; it is only a hint');
    }
  }

  #name(): string {
    return `partition ${this.partition} of '${this.topic}'`;
  }

  #full(cause: unknown): SpillwayError {
    return new SpillwayError('DISK_FULL', `${this.#file.path} cannot grow: ${messageOf(cause)}. Free some space.`, {
      cause,
      retryAfterS: 5,
    });
  }

  #fenced(): SpillwayError {
    return new SpillwayError('QUEUE_FENCED', `Another process has taken over ${this.#name()}.`, {
      details: { epoch: this.#ownership.epoch },
    });
  }

  #stopped(what: string, cause: unknown): SpillwayError {
    return new SpillwayError(
      'QUEUE_PARTITION_STOPPED',
      `${this.#file.path} ${what} (${messageOf(cause)}): ${this.#name()} takes no more records, reading goes on. ` +
        'Check the disk, then restart.',
      { cause, details: { ...this.#options.at } },
    );
  }
}
