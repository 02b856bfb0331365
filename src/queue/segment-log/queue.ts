/** The embedded queue: a segmented log per partition, in one folder (names.ts), for one machine. */
import { join } from 'node:path';
import type { BatchCompression } from '../../event/record-batch.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { type Disk, nodeDisk } from '../../lib/disk.ts';
import { makeDirectories, readWhole, replaceFile } from '../../lib/disk-files.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import {
  type CorruptRange,
  type GroupMember,
  offset,
  type PartitionReader,
  type PartitionWriter,
  type Queue,
  type TopicPartition,
} from '../port.ts';
import type { Coordinator } from './coordinator.ts';
import type { MarkBoard } from './marks.ts';
import { FORMAT_FILE, FORMAT_LINE, partitionFolder, partitionKey } from './names.ts';
import { openPartition } from './open-partition.ts';
import { SegmentReader } from './partition-reader.ts';
import { SegmentWriter } from './partition-writer.ts';

export interface TopicOptions {
  readonly partitions: number;
  /** For whoever builds batches; the log stores what it gets. */
  readonly compression: BatchCompression;
}

export interface SegmentLogOptions {
  readonly directory: string;
  readonly topics: Readonly<Record<string, TopicOptions>>;
  readonly coordinator: Coordinator;
  readonly marks: MarkBoard;
  readonly log: Logger;
  readonly disk?: Disk;
  readonly clock?: Clock;
  readonly segmentBytes?: number;
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
  readonly #writers = new Map<string, SegmentWriter>();
  readonly #readers = new Set<SegmentReader>();
  #format: Promise<void> | undefined;

  constructor(options: SegmentLogOptions) {
    this.#options = options;
    this.#disk = options.disk ?? nodeDisk;
    this.#clock = options.clock ?? systemClock;
  }

  async openWriter(at: TopicPartition): Promise<PartitionWriter> {
    const folder = this.#folder(at);
    this.#format ??= this.#checkFormat();
    await this.#format;
    const { coordinator, marks, log, segmentBytes = QUEUE_LIMITS.segmentBytes } = this.#options;
    const epoch = await coordinator.nextEpoch(at);
    const opened = await openPartition(this.#disk, folder, epoch, log);
    const writer = new SegmentWriter(
      { at, folder, disk: this.#disk, clock: this.#clock, log, marks, segmentBytes },
      opened,
    );
    this.#writers.set(partitionKey(at), writer);
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
      onCorrupt: (range) => onCorrupt?.(at, range),
      onClose: () => this.#readers.delete(reader),
    });
    this.#readers.add(reader);
    return reader;
  }

  async joinGroup(group: string): Promise<GroupMember> {
    const { coordinator } = this.#options;
    const generation = await coordinator.joinGroup(group);
    return {
      group,
      generation,
      committed: async (at) => {
        const position = await coordinator.committed(group, at);
        return position === undefined ? undefined : offset(position);
      },
      commit: (at, position) => coordinator.commit(group, generation, at, position),
    };
  }

  partitionCount(topic: string): number {
    return this.#topic(topic).partitions;
  }

  compression(topic: string): BatchCompression {
    return this.#topic(topic).compression;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#writers.values()].map((writer) => writer.close()));
    await Promise.all([...this.#readers].map((reader) => reader.close()));
    this.#writers.clear();
  }

  #topic(topic: string): TopicOptions {
    const known = Object.hasOwn(this.#options.topics, topic) ? this.#options.topics[topic] : undefined;
    if (known === undefined) throw new SpillwayError('NOT_FOUND', `There is no topic '${topic}'.`);
    return known;
  }

  #folder(at: TopicPartition): string {
    const { partitions } = this.#topic(at.topic);
    if (at.partition >= partitions) {
      throw new SpillwayError('NOT_FOUND', `Topic '${at.topic}' has ${partitions} partitions, from 0.`);
    }
    return partitionFolder(this.#options.directory, at);
  }

  async #checkFormat(): Promise<void> {
    const { directory } = this.#options;
    const path = join(directory, FORMAT_FILE);
    const found = (await readWhole(this.#disk, path))?.toString('latin1');
    if (found === FORMAT_LINE) return;
    if (found !== undefined) {
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
