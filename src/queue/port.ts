/**
 * The queue as a port: an ordered, partitioned, immutable, durable log with topics, offsets and consumer groups.
 * Records travel in batches of Kafka's record batch v2 layout (event/record-batch.ts). Engines: segment-log/ (embedded)
 * and kafka/. Code above never asks which one it has.
 */
import type { Brand } from '../lib/brand.ts';

/** A record's number within its partition, from 0, without gaps within a batch. */
export type Offset = Brand<number, 'Offset'>;
export const offset = (value: number): Offset => value as Offset;

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface Appended {
  /** Offset of the first record. */
  readonly baseOffset: Offset;
  /** Offset after the last record. */
  readonly nextOffset: Offset;
}

/** The only writer of one partition. */
export interface PartitionWriter {
  readonly topic: string;
  readonly partition: number;
  /** The offset that the next appended record will get. */
  readonly nextOffset: Offset;
  /** True while more is waiting than QUEUE_LIMITS.pendingBytes: callers pause their sources until `drained()`. */
  readonly saturated: boolean;
  drained(): Promise<void>;
  /**
   * Appends one encoded batch (see RecordBatchBuilder.finish; its offsets, epoch and checksum are filled in here, in
   * place). Resolves once it is durable, in the order of the calls; the bytes are then used for other batches: the
   * caller must not look at them again. Rejects with QUEUE_PARTITION_STOPPED after a failed fsync, DISK_FULL, or
   * QUEUE_FENCED: nothing of it, nor of what was appended after it, was acknowledged, and the bytes are the caller's
   * again, to append once more.
   */
  append(batch: Buffer): Promise<Appended>;
  close(): Promise<void>;
}

export interface StoredBatch {
  readonly baseOffset: Offset;
  /** Offset after its last record. */
  readonly nextOffset: Offset;
  readonly recordCount: number;
  readonly maxTimestampMs: number;
  /** The whole batch, header included; checked against its CRC. Valid until the next read of the same reader. */
  readonly bytes: Buffer;
}

/** Records that were durable and cannot be read any more: their bytes do not match their checksum, or are gone. */
export interface CorruptRange {
  readonly file: string;
  /** Byte position in the file. */
  readonly position: number;
  /** The first offset that is lost. */
  readonly fromOffset: Offset;
  /** Where reading goes on. */
  readonly nextOffset: Offset;
}

export interface ReadResult {
  readonly batches: readonly StoredBatch[];
  /** Where to read on: after the last batch returned, or the asked offset when there was none. */
  readonly nextOffset: Offset;
  /** The durable end at the time of the read. */
  readonly endOffset: Offset;
  /** What was passed over, in this read, because it cannot be read; it was logged and counted. */
  readonly corrupt?: readonly CorruptRange[];
}

/** Reads one partition, up to its durable end and never past it; any number of readers in any process. */
export interface PartitionReader {
  readonly topic: string;
  readonly partition: number;
  /**
   * Whole batches from the one that holds `from` (so the first may start before it), at least one if there is any,
   * up to maxBytes. Throws QUEUE_OFFSET_OUT_OF_RANGE (details: earliest, lost) below the start. What cannot be read
   * is passed over and said in `corrupt`. One call at a time.
   */
  read(from: Offset, options?: { readonly maxBytes?: number }): Promise<ReadResult>;
  /** Resolves once the durable end is past `from`, or the signal fires (then without an error). */
  waitFor(from: Offset, signal: AbortSignal): Promise<void>;
  earliestOffset(): Promise<Offset>;
  endOffset(): Promise<Offset>;
  /** Offset of the first batch whose newest record's timestamp is at or after the time (epoch ms); else the end. */
  offsetAtTime(timeMs: number): Promise<Offset>;
  close(): Promise<void>;
}

/** What one member of a consumer group may do; a new generation fences it. */
export interface GroupMember {
  readonly group: string;
  readonly generation: number;
  /** The durably committed position, or undefined if there is none yet. */
  committed(at: TopicPartition): Promise<Offset | undefined>;
  /** Durable when it resolves. Rejects with QUEUE_FENCED when another generation has begun. */
  commit(at: TopicPartition, position: Offset): Promise<void>;
}

export interface PartitionState {
  readonly partition: number;
  readonly earliestOffset: number;
  readonly endOffset: number;
  readonly bytes: number;
  readonly segments: number;
  /** Epoch ms of the oldest retained record, if any. */
  readonly oldestMs?: number;
}

export interface TopicState {
  readonly topic: string;
  readonly partitions: readonly PartitionState[];
}

export interface GroupState {
  readonly group: string;
  readonly generation: number;
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly committed: number;
    readonly endOffset: number;
    /** Records between committed and end. */
    readonly lag: number;
    /** Age of the first uncommitted record, ms; 0 when there is none. */
    readonly lagMs: number;
  }[];
}

export interface Queue {
  /** Takes over the partition: recovers its tail, begins a new epoch. One writer per partition, always. */
  openWriter(at: TopicPartition): Promise<PartitionWriter>;
  openReader(at: TopicPartition): PartitionReader;
  joinGroup(group: string): Promise<GroupMember>;
  partitionCount(topic: string): number;
  close(): Promise<void>;
}
