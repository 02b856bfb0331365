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

/** Where a writer keeps records durably elsewhere first, while their partition cannot take them (spool/): both are
 * the offset that they will not be before. */
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
  /** The offset that the next appended record will get; 0 before `known`. */
  readonly nextOffset: Offset;
  /** Of a queue that was away when this process started: resolves when `nextOffset` is it. Absent where it is from the start. */
  readonly known?: Promise<void> | undefined;
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
export interface ReaderOptions {
  /** Offsets are a caller's own choice: that one is past the end does not say that records were lost. */
  readonly isChosen?: boolean;
}

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
  /**
   * The durable end. With a signal: as its writer has said it in its own words, waiting for them after a start (or until
   * the signal fires); without, what is known of it, which may be less.
   */
  endOffset(heard?: AbortSignal): Promise<Offset>;
  /** Offset of the first batch whose newest record's timestamp is at or after the time (epoch ms); else the end. */
  offsetAtTime(timeMs: number): Promise<Offset>;
  close(): Promise<void>;
}

/**
 * One partition as one member of a group has it, from the assignment until it is given up. A partition has one assignee
 * in a group at a time, and each assignment a generation of its own: what an earlier assignee commits is refused.
 */
export interface AssignedPartition extends TopicPartition {
  readonly group: string;
  /** Larger than that of every earlier assignment of the partition in this group, also after a restart. */
  readonly generation: number;
  /**
   * Fires when the member is to give the partition up: it finishes what it has begun, commits, and calls `release()`;
   * only then somebody else gets it. Fires as well where the partition is lost.
   */
  readonly revoked: AbortSignal;
  /** Somebody else may have it: the member was silent, or slow to release, for too long. */
  readonly isLost: boolean;
  /**
   * The coordinator has not answered for as long as a silent member keeps what it has: somebody else may have it by now.
   * Nothing is begun then before `confirmed()`.
   */
  readonly isUncertain: boolean;
  /**
   * Resolves when the coordinator has answered a question that is asked from now on: if it says that the partition is not
   * this assignee's any more, `revoked` has fired then. Before anything is taken from somebody else. Resolves as well when
   * the signal fires, and never rejects.
   */
  confirmed(signal: AbortSignal): Promise<void>;
  /** The durably committed position, or undefined if there is none yet. */
  committed(): Promise<Offset | undefined>;
  /** Durable when it resolves. Rejects with QUEUE_FENCED where the partition is not this assignee's any more. */
  commit(position: Offset): Promise<void>;
  /** Nothing of it is under way here any more. Again is the same. */
  release(): Promise<void>;
}

export interface JoinOptions {
  /** All partitions of these are shared among the members that name them, also such as are added later. */
  readonly topics: readonly string[];
  /** Called for each partition that this member gets. It must not throw. */
  readonly onAssigned: (partition: AssignedPartition) => void;
  /** One of many in this process: it says less often that it is alive. */
  readonly isPatient?: boolean;
}

/**
 * A member of a consumer group. Members come and go while the group runs: partitions move, as few as possible, one by
 * one, and each only after its earlier assignee has released it, left, or was silent for too long. A member that was
 * taken for dead and is not joins again by itself: it loses its partitions and is assigned others.
 */
export interface GroupMember {
  readonly group: string;
  /** Never given twice in a group. */
  readonly id: string;
  /** What the group has durably committed, whoever has the partition. */
  committed(at: TopicPartition): Promise<Offset | undefined>;
  /** Gives up everything as it stands: call it when nothing is under way. */
  leave(): Promise<void>;
}

/** How many partitions a topic has, and how it came to them. */
export interface TopicLayout {
  readonly partitions: number;
  /** How many it began with: sources were mapped to these, and additions moved some of them to new partitions only. */
  readonly firstPartitions: number;
  /** The first partition of each addition that has no barrier yet (see `Queue.registerBarrier`). */
  readonly unbarred: readonly number[];
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
  /** How many members are alive. */
  readonly members: number;
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    /** Of its newest assignment; 0 where it was never assigned. */
    readonly generation: number;
    /** Who has it; undefined where nobody has. */
    readonly member?: string;
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
  openReader(at: TopicPartition, options?: ReaderOptions): PartitionReader;
  /** Resolves when the member has been assigned what was free. Others may follow at any time. */
  joinGroup(group: string, options: JoinOptions): Promise<GroupMember>;
  partitionCount(topic: string): number;
  layout(topic: string): TopicLayout;
  /** Calls the listener when partitions were added to a topic; the answer ends that. */
  onPartitions(listener: (topic: string) => void): () => void;
  /**
   * Says that whatever sources wrote before they moved to added partitions stands before these ends (of partition 0 and
   * on; as many as are in use). No group is assigned a partition of an addition before that is known, and before the
   * group has committed all earlier partitions up to there: so the order of a source holds over its move. Additions that
   * have a barrier keep it. Durable when it resolves. Where others append to the topic as well, it resolves when all
   * have moved, and the queue knows the ends better.
   */
  registerBarrier(topic: string, ends: readonly Offset[]): Promise<void>;
  /** Sources of this process are mapped to so many partitions from now on. */
  mapsTo?(topic: string, partitions: number): void;
  close(): Promise<void>;
}
