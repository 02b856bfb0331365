/** The embedded queue: a segmented log per partition, in one folder (names.ts), for one machine. */
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import type { BatchCompression } from '../../event/record-batch.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { type Disk, nodeDisk } from '../../lib/disk.ts';
import { isDiskFull, makeDirectories, readWhole, replaceFile } from '../../lib/disk-files.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { QUEUE_LIMITS, TOPIC_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type {
  CorruptRange,
  GroupMember,
  JoinOptions,
  Offset,
  PartitionReader,
  PartitionWriter,
  Queue,
  TopicLayout,
  TopicPartition,
} from '../port.ts';
import type { Coordinator } from './coordinator.ts';
import { SegmentGroupMember } from './group-member.ts';
import type { MarkBoard } from './marks.ts';
import { QueueMetrics } from './metrics.ts';
import { FORMAT_FILE, FORMAT_LINE, FORMAT_LINES_READ, partitionFolder, partitionKey } from './names.ts';
import { openPartition } from './open-partition.ts';
import { SegmentReader } from './partition-reader.ts';
import { SegmentWriter } from './partition-writer.ts';
import type { RetentionPolicy } from './retention.ts';
import { diskFull, stopped } from './writer-errors.ts';

export interface TopicOptions {
  /** At least so many; the coordinator may know of more. */
  readonly partitions: number;
  /** For whoever builds batches; the log stores what it gets. */
  readonly compression: BatchCompression;
  /** Of the whole topic; nothing is removed where it is absent. */
  readonly retention?: RetentionPolicy;
  /** Groups that must have committed past a record before it may go. */
  readonly requiredGroups?: readonly string[];
  /** A segment is closed at this size. */
  readonly segmentBytes?: number;
}

export interface SegmentLogOptions {
  readonly directory: string;
  readonly topics: Readonly<Record<string, TopicOptions>>;
  /** Topics that come and go while the queue is open; undefined where there is none of that name. */
  readonly created?: (topic: string) => TopicOptions | undefined;
  readonly coordinator: Coordinator;
  readonly marks: MarkBoard;
  readonly log: Logger;
  readonly disk?: Disk;
  readonly clock?: Clock;
  /** Where the queue's figures are shown. */
  readonly registry?: Registry;
  readonly segmentBytes?: number;
  /** Another floor of retention: records from there on stay. Undefined where there is none. */
  readonly requiredOffset?: (at: TopicPartition) => number | undefined | Promise<number | undefined>;
  /** No writer runs anywhere (a command line tool beside a stopped program): whatever is whole may be read. */
  readonly offline?: boolean;
  /** Called for what a reader passes over because it cannot be read: for metrics and alerts. */
  readonly onCorrupt?: (at: TopicPartition, range: CorruptRange) => void;
}

export function openSegmentLog(options: SegmentLogOptions): SegmentLogQueue {
  return new SegmentLogQueue(options);
}

export class SegmentLogQueue implements Queue {
  readonly #options: SegmentLogOptions;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #metrics: QueueMetrics;
  readonly #writers = new Map<string, SegmentWriter>();
  readonly #readers = new Set<SegmentReader>();
  readonly #members = new Set<SegmentGroupMember>();
  readonly #ignoreNews: () => void;
  #heartbeats = 0;
  #format: Promise<void> | undefined;

  constructor(options: SegmentLogOptions) {
    this.#options = options;
    this.#disk = options.disk ?? nodeDisk;
    this.#clock = options.clock ?? systemClock;
    this.#metrics = new QueueMetrics(options.registry);
    this.#ignoreNews = options.coordinator.onNews((group, id) => {
      for (const member of this.#members) if (member.group === group && member.id === id) void member.refresh();
    });
  }

  /**
   * Makes the folder or checks its format, and sees that topics have their partitions: whoever starts several processes
   * on it does so first, alone.
   */
  prepare(): Promise<void> {
    this.#format ??= this.#checkFormat().then(() => this.#raisePartitions());
    return this.#format;
  }

  async openWriter(at: TopicPartition): Promise<PartitionWriter> {
    const folder = this.#folder(at);
    await this.prepare();
    const { coordinator, marks, log } = this.#options;
    const segmentBytes = this.#options.segmentBytes ?? this.#topic(at.topic).segmentBytes ?? QUEUE_LIMITS.segmentBytes;
    const epoch = await coordinator.nextEpoch(at);
    const opened = await openPartition(this.#disk, folder, epoch, log).catch((cause: unknown) => {
      if (isDiskFull(cause)) throw diskFull(folder, cause);
      throw cause instanceof SpillwayError ? cause : stopped(at, folder, 'could not be taken over', cause);
    });
    const key = partitionKey(at);
    const writer = new SegmentWriter(
      {
        at,
        folder,
        disk: this.#disk,
        clock: this.#clock,
        log,
        marks,
        segmentBytes,
        segmentMs: QUEUE_LIMITS.segmentMs,
        metrics: this.#metrics.forWriter(at),
        onClose: () => {
          if (this.#writers.get(key) === writer) this.#writers.delete(key);
        },
      },
      opened,
    );
    this.#writers.set(key, writer);
    return writer;
  }

  openReader(at: TopicPartition): PartitionReader {
    const { marks, log, offline = false, onCorrupt } = this.#options;
    const reader = new SegmentReader({
      at,
      folder: this.#folder(at),
      disk: this.#disk,
      marks,
      log,
      offline,
      metrics: this.#metrics,
      onCorrupt: (range) => onCorrupt?.(at, range),
      onClose: () => this.#readers.delete(reader),
    });
    this.#readers.add(reader);
    return reader;
  }

  async joinGroup(group: string, options: JoinOptions): Promise<GroupMember> {
    await this.prepare();
    const { coordinator, log } = this.#options;
    for (const topic of options.topics) this.#topic(topic);
    const onLeft = (left: SegmentGroupMember) => void this.#members.delete(left);
    const member = await SegmentGroupMember.join({ ...options, group, coordinator, log, onLeft });
    this.#members.add(member);
    await member.refresh();
    return member;
  }

  /**
   * Says again where this process's partitions end, and that its members of groups are alive; call it as often as
   * completeness should move on while idle. Resolves when the members know what they have.
   */
  async heartbeat(): Promise<void> {
    for (const writer of this.#writers.values()) writer.heartbeat();
    this.#heartbeats++;
    const due = [...this.#members].filter(
      ({ isPatient }) => !isPatient || this.#heartbeats % TOPIC_LIMITS.patientHeartbeats === 0,
    );
    await Promise.all(due.map((member) => member.refresh()));
  }

  /** Removes what this process's partitions need not keep any more; call it every minute or so. */
  async retain(): Promise<void> {
    for (const writer of this.#writers.values()) {
      // None where it is being deleted.
      const { retention, requiredGroups = [] } = this.#known(writer.topic) ?? {};
      if (retention === undefined) continue;
      const { maxAgeMs, maxBytes } = retention;
      const policy = {
        ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
        ...(maxBytes === undefined ? {} : { maxBytes: maxBytes / this.partitionCount(writer.topic) }),
      };
      const { segments, earliestOffset } = await writer.retain(policy, await this.#required(writer, requiredGroups));
      if (segments === 0) continue;
      const { topic, partition } = writer;
      this.#options.log.info({ topic, partition, segments, earliestOffset }, 'removed segments past their retention');
    }
  }

  /** The smallest offset that somebody needs. A required group that has committed nothing needs everything. */
  async #required(at: TopicPartition, groups: readonly string[]): Promise<number | undefined> {
    const { coordinator, requiredOffset } = this.#options;
    const needed = await Promise.all(groups.map(async (group) => (await coordinator.committed(group, at)) ?? 0));
    const floor = await requiredOffset?.(at);
    if (floor !== undefined) needed.push(floor);
    return needed.length === 0 ? undefined : Math.min(...needed);
  }

  partitionCount(topic: string): number {
    return this.layout(topic).partitions;
  }

  layout(topic: string): TopicLayout {
    const { partitions } = this.#topic(topic);
    // Before prepare() the coordinator may not know the topic.
    return this.#options.coordinator.layout(topic) ?? { partitions, firstPartitions: partitions, unbarred: [] };
  }

  onPartitions(listener: (topic: string) => void): () => void {
    const counts = new Map<string, number>();
    const count = (topic: string) => this.#options.coordinator.layout(topic)?.partitions ?? 0;
    for (const topic of Object.keys(this.#options.topics)) counts.set(topic, count(topic));
    return this.#options.coordinator.onLayout((topic) => {
      const known = counts.get(topic);
      if (known === undefined || known >= count(topic)) return;
      counts.set(topic, count(topic));
      listener(topic);
    });
  }

  registerBarrier(topic: string, ends: readonly Offset[]): Promise<void> {
    return this.#options.coordinator.registerBarrier(topic, ends);
  }

  compression(topic: string): BatchCompression {
    return this.#topic(topic).compression;
  }

  async close(): Promise<void> {
    this.#ignoreNews();
    await Promise.allSettled([...this.#members].map((member) => member.leave()));
    await Promise.all([...this.#writers.values()].map((writer) => writer.close()));
    await Promise.all([...this.#readers].map((reader) => reader.close()));
  }

  #known(topic: string): TopicOptions | undefined {
    const { topics, created } = this.#options;
    return Object.hasOwn(topics, topic) ? topics[topic] : created?.(topic);
  }

  #topic(topic: string): TopicOptions {
    const known = this.#known(topic);
    if (known === undefined) throw new SpillwayError('NOT_FOUND', `There is no topic '${topic}'.`);
    return known;
  }

  #folder(at: TopicPartition): string {
    const partitions = this.partitionCount(at.topic);
    if (at.partition >= partitions) {
      throw new SpillwayError('NOT_FOUND', `Topic '${at.topic}' has ${partitions} partitions, from 0.`);
    }
    return partitionFolder(this.#options.directory, at);
  }

  async #raisePartitions(): Promise<void> {
    const { topics, coordinator } = this.#options;
    const counts = Object.entries(topics).map(([topic, { partitions }]) => [topic, partitions] as const);
    await coordinator.raisePartitions(Object.fromEntries(counts));
  }

  async #checkFormat(): Promise<void> {
    const { directory } = this.#options;
    const path = join(directory, FORMAT_FILE);
    const found = (await readWhole(this.#disk, path))?.toString('latin1');
    if (found === FORMAT_LINE) return;
    if (found !== undefined && !FORMAT_LINES_READ.includes(found)) {
      throw new SpillwayError(
        'QUEUE_CORRUPT',
        `${path} says '${found.trim().slice(0, 80)}', this program writes '${FORMAT_LINE.trim()}': use the version of ` +
          'Spillway that made this folder, or a newer one.',
        { details: { path } },
      );
    }
    await makeDirectories(this.#disk, directory);
    await replaceFile(this.#disk, path, Buffer.from(FORMAT_LINE));
  }
}
