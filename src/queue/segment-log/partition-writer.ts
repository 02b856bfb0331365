/**
 * The writer of one partition: group commit. What arrives while a group is being written and synced becomes the next
 * group; one group is under way at a time, so at any moment at most one group is not known to be durable.
 *
 * An append resolves after its bytes, the file's length and the file's name are on the disk. After a sync that failed
 * nothing is known about the disk any more: the partition stops for writing and the sync is never tried again.
 */
import { batchMemory, readBatchHeader, sealBatch } from '../../event/record-batch.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { type Appended, type Offset, offset, type PartitionWriter } from '../port.ts';
import { ActiveSegment, type ActiveSegmentOptions } from './active-segment.ts';
import { type Append, AppendQueue } from './append-queue.ts';
import { writeDurablePoint } from './durable-point.ts';
import type { MarkBoard } from './marks.ts';
import type { WriterMetrics } from './metrics.ts';
import type { OpenedPartition } from './open-partition.ts';
import type { Ownership } from './owner.ts';
import { countExpired, newestRecordMs, type RetentionPolicy, removeBelow } from './retention.ts';
import { type ListedSegment, oldestRecordMs, type SegmentList } from './segment-list.ts';
import { fenced, notABatch, overloaded, partitionName, stopped } from './writer-errors.ts';

export interface WriterOptions extends ActiveSegmentOptions {
  readonly log: Logger;
  readonly marks: MarkBoard;
  readonly metrics: WriterMetrics;
  readonly onClose: () => void;
}

export interface Retained {
  /** How many segments were removed. */
  readonly segments: number;
  readonly earliestOffset: number;
}

export class SegmentWriter implements PartitionWriter {
  readonly topic: string;
  readonly partition: number;
  readonly #options: WriterOptions;
  readonly #ownership: Ownership;
  readonly #list: SegmentList;
  readonly #segment: ActiveSegment;
  readonly #appends = new AppendQueue();
  /** The offset after the last durable record, and after the last one that waits. */
  #durableOffset: number;
  #nextOffset: number;
  #flight: Promise<void> | undefined;
  /** The group that is being written. */
  #group: readonly Append[] = [];
  #lastDurableMs: number;
  /** What the durable point says. */
  #restedAt = '';
  #resting: Promise<void> | undefined;
  /** Since when callers keep what was refused. */
  #refusedMs: number | undefined;
  /** Where the group that is being written ends. */
  #groupEnd = 0;
  #failure: SpillwayError | undefined;
  /** The last group did not fit the disk, and the log has it. */
  #isDiskFull = false;

  constructor(options: WriterOptions, opened: OpenedPartition) {
    this.topic = options.at.topic;
    this.partition = options.at.partition;
    this.#options = options;
    this.#ownership = opened.ownership;
    this.#list = opened.list;
    this.#segment = new ActiveSegment(options, opened.segment, opened.file);
    this.#durableOffset = opened.nextOffset;
    this.#nextOffset = opened.nextOffset;
    this.#lastDurableMs = options.clock.now();
    this.#mark();
  }

  get nextOffset(): Offset {
    return offset(this.#nextOffset);
  }

  get saturated(): boolean {
    return this.#appends.saturated;
  }

  /** Why it does not write any more. */
  get failure(): SpillwayError | undefined {
    return this.#failure;
  }

  drained(): Promise<void> {
    return this.#appends.drained();
  }

  append(batch: Buffer): Promise<Appended> {
    const { at, clock } = this.#options;
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const header = readBatchHeader(batch);
    if (header === undefined || header.sizeBytes !== batch.length) return Promise.reject(notABatch(at, batch.length));
    const { pendingBytes } = this.#appends;
    if (pendingBytes + batch.length > QUEUE_LIMITS.pendingMaxBytes) {
      return Promise.reject(overloaded(at, pendingBytes));
    }
    const baseOffset = this.#nextOffset;
    const nextOffset = baseOffset + header.recordCount;
    this.#nextOffset = nextOffset;
    return new Promise((resolve, reject) => {
      const arrivedMs = clock.now();
      const append = { bytes: batch, header, baseOffset, nextOffset, arrivedMs, resolve, reject, sealedFor: -1 };
      this.#appends.push(append);
      if (this.#group.length > 0 && this.#appends.isOneGroup) this.#seal([append], this.#groupEnd);
      this.#flight ??= this.#run();
    });
  }

  /** Says again where the partition ends, and until when that was all: completeness moves on by it. */
  heartbeat(): void {
    if (this.#failure !== undefined) return;
    this.#mark();
    const { clock, metrics } = this.#options;
    metrics.pending(this.#appends.pendingBytes);
    const restsSinceMs = clock.now() - this.#lastDurableMs;
    if (this.#flight !== undefined || restsSinceMs < QUEUE_LIMITS.restMs || this.#resting !== undefined) return;
    void this.#comeToRest();
  }

  /** Removes the oldest segments that may go. One call at a time. */
  async retain(policy: RetentionPolicy, requiredOffset: number | undefined): Promise<Retained> {
    const { disk, folder, clock } = this.#options;
    if (this.#ownership.isLost()) return { segments: 0, earliestOffset: this.#list.earliestOffset };
    const nowMs = clock.now();
    if (policy.maxAgeMs !== undefined) await this.#closeSegmentOlderThan(nowMs - policy.maxAgeMs);
    const newestMs = (segment: Readonly<ListedSegment>) => newestRecordMs(disk, folder, segment);
    const count = await countExpired(this.#list.segments, { policy, nowMs, requiredOffset, newestMs });
    if (count > 0) {
      const oldestMs = await oldestRecordMs(disk, folder, this.#list.segments.slice(count));
      this.#list.dropFirst(count, oldestMs);
      // Readers are told before the files are gone.
      this.#mark();
    }
    await removeBelow(disk, folder, this.#list.earliestOffset);
    return { segments: count, earliestOffset: this.#list.earliestOffset };
  }

  async close(): Promise<void> {
    while (this.#flight !== undefined) await this.#flight;
    await this.#resting;
    if (this.#failure === undefined) await this.#comeToRest();
    this.#failure = new SpillwayError('UNAVAILABLE', `The writer of ${partitionName(this)} is closed.`);
    this.#options.onClose();
    await this.#segment.close();
    await this.#ownership.release();
  }

  async #run(): Promise<void> {
    // What else the same turn of the event loop appends belongs to the first group.
    await Promise.resolve();
    while (!this.#appends.isEmpty) {
      try {
        if (this.#segment.isFull) await this.#roll();
        this.#group = this.#appends.take();
        await this.#commit(this.#group);
      } catch (error) {
        this.#refuse(error);
      }
      this.#group = [];
    }
    this.#flight = undefined;
  }

  async #commit(group: readonly Append[]): Promise<void> {
    this.#groupEnd = this.#seal(group, this.#segment.position);
    const newestMs = group.reduce((newest, { header }) => Math.max(newest, header.maxTimestampMs), 0);
    const buffers = group.map(({ bytes }) => bytes);
    const startedMs = performance.now();
    const written = this.#segment.write(buffers, newestMs);
    // While the disk works: the checksums of what will be the next group, if it does not begin a segment.
    this.#seal(this.#appends.nextGroup(), this.#groupEnd);
    await written;
    if (this.#ownership.isLost()) throw fenced(this, this.#ownership.epoch);
    this.#count(group, startedMs);
    this.#durableOffset = group.at(-1)?.nextOffset ?? this.#durableOffset;
    this.#lastDurableMs = this.#options.clock.now();
    this.#list.grew(this.#segment.position);
    this.#list.oldestMs ??= group[0]?.header.baseTimestampMs;
    this.#refusedMs = undefined;
    if (this.#isDiskFull) this.#options.log.warn(this.#options.at, 'the disk has room again: appends go on');
    this.#isDiskFull = false;
    this.#mark();
    this.#group = [];
    this.#appends.settle(group);
    for (const { bytes, baseOffset, nextOffset, resolve } of group) {
      batchMemory.giveBack(bytes);
      resolve({ baseOffset: offset(baseOffset), nextOffset: offset(nextOffset) });
    }
  }

  #count(group: readonly Append[], startedMs: number): void {
    const { metrics } = this.#options;
    const records = (group.at(-1)?.nextOffset ?? 0) - (group[0]?.baseOffset ?? 0);
    const bytes = group.reduce((sum, append) => sum + append.bytes.length, 0);
    metrics.appended(records, bytes);
    metrics.grouped((performance.now() - startedMs) / 1_000);
  }

  /** Each batch states where the durable data before its group ended. Returns where the group ends. */
  #seal(group: readonly Append[], start: number): number {
    let end = start;
    for (const append of group) {
      end += append.bytes.length;
      if (append.sealedFor === start) continue;
      sealBatch(append.bytes, append.baseOffset, this.#ownership.epoch, start);
      append.sealedFor = start;
    }
    return end;
  }

  async #roll(): Promise<void> {
    if (this.#ownership.isLost()) throw fenced(this, this.#ownership.epoch);
    this.#list.add(await this.#segment.roll(this.#durableOffset));
  }

  /** What is being written cannot go, however old its records are: so another segment is begun. */
  async #closeSegmentOlderThan(timeMs: number): Promise<void> {
    if (this.#flight !== undefined || this.#failure !== undefined || !this.#segment.isOlderThan(timeMs)) return;
    this.#flight = this.#roll()
      .catch((error: unknown) => this.#refuse(error))
      .then(() => this.#run());
    await this.#flight;
  }

  /** Nothing of the group or after it was acknowledged: all of it is refused, so that no order has a gap. */
  #refuse(thrown: unknown): void {
    const { at, log, metrics } = this.#options;
    const error =
      thrown instanceof SpillwayError ? thrown : stopped(at, this.#segment.path, 'could not be used', thrown);
    const refused = [...this.#group, ...this.#appends.takeAll()];
    this.#group = [];
    this.#refusedMs ??= refused[0]?.arrivedMs;
    this.#nextOffset = this.#durableOffset;
    metrics.refused(error.code, refused.length);
    if (error.code !== 'DISK_FULL') {
      this.#failure = error;
      metrics.stopped(true);
    }
    // A full disk refuses again and again until there is room.
    const level = error.code === 'DISK_FULL' && this.#isDiskFull ? 'debug' : 'error';
    this.#isDiskFull = error.code === 'DISK_FULL';
    log[level]({ ...at, err: error, refused: refused.length }, `appends were refused: ${error.message}`);
    this.#appends.settle(refused);
    for (const { reject } of refused) reject(error);
  }

  #mark(): void {
    const { at, marks, clock } = this.#options;
    const list = this.#list;
    marks.set({
      topic: at.topic,
      partition: at.partition,
      epoch: this.#ownership.epoch,
      earliestOffset: list.earliestOffset,
      endOffset: this.#durableOffset,
      bytes: list.bytes,
      segments: list.segments.length,
      ...(list.oldestMs === undefined ? {} : { oldestMs: list.oldestMs }),
      // Callers gather records while their last append is under way: when the oldest one that is not answered yet
      // came, everything received before had been appended.
      atMs: this.#refusedMs ?? this.#group[0]?.arrivedMs ?? this.#appends.oldestMs ?? clock.now(),
    });
  }

  /** One at a time: heartbeats come while a writer closes, too. */
  #comeToRest(): Promise<void> {
    this.#resting ??= this.#rest().finally(() => {
      this.#resting = undefined;
    });
    return this.#resting;
  }

  /** Proves to recovery that the last group, too, was durable. */
  async #rest(): Promise<void> {
    const { at, disk, folder, log } = this.#options;
    const { name: segment, position } = this.#segment;
    const here = `${segment} ${position}`;
    try {
      if (this.#restedAt !== here) {
        await writeDurablePoint(disk, folder, { segment, position, nextOffset: this.#durableOffset });
      }
      this.#restedAt = here;
    } catch (err) {
      log.warn({ ...at, err }, 'the durable point was not written; it is only a hint');
    }
  }
}
