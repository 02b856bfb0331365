/** A queue whose writers keep accepting while it is away (spool-writer.ts); all else is the queue's own. */
import type { Registry } from 'prom-client';
import { type Disk, nodeDisk } from '../../lib/disk.ts';
import { messageOf } from '../../lib/errors.ts';
import { SPOOL_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import {
  type Appended,
  type AssignedPartition,
  type GroupMember,
  type JoinOptions,
  type Offset,
  offset,
  type PartitionReader,
  type PartitionWriter,
  type Queue,
  type TopicLayout,
  type TopicPartition,
} from '../port.ts';
import { LocalCoordinator } from '../segment-log/coordinator.ts';
import { MarkBoard } from '../segment-log/marks.ts';
import { openSegmentLog, type SegmentLogQueue } from '../segment-log/queue.ts';
import { showSpool } from './metrics.ts';
import { type DirectWriter, SpoolWriter } from './spool-writer.ts';

export interface SpoolingOptions {
  /** Of which all writers are DirectWriters. */
  readonly queue: Queue;
  /** For the log on this machine. */
  readonly directory: string;
  /** Topics whose writers spool. */
  readonly topics: readonly string[];
  readonly log: Logger;
  readonly disk?: Disk;
  readonly spoolAfterMs?: number;
  /** For the figures of what is kept here; without it they are kept and not shown. */
  readonly registry?: Registry;
  /** A batch that was in the log is in the queue now. */
  readonly onDrained?: (at: TopicPartition, batch: Buffer, appended: Appended) => void;
}

/** Of the log on this machine: it has committed what has gone to the queue. */
export const DRAIN_GROUP = 'drain';

export class SpoolingQueue implements Queue {
  readonly #options: SpoolingOptions;
  readonly #queue: Queue;
  readonly #coordinator: LocalCoordinator;
  readonly #marks = new MarkBoard();
  readonly #spool: SegmentLogQueue;
  readonly #assigned = new Map<string, AssignedPartition>();
  readonly #writers = new Set<SpoolWriter>();
  readonly #timer: NodeJS.Timeout;
  #member: GroupMember | undefined;

  private constructor(options: SpoolingOptions, coordinator: LocalCoordinator) {
    const { directory, topics, log, disk = nodeDisk, queue } = options;
    this.#options = options;
    this.#queue = queue;
    this.#coordinator = coordinator;
    const retention = { maxAgeMs: SPOOL_LIMITS.keepMs };
    this.#spool = openSegmentLog({
      directory,
      topics: Object.fromEntries(
        topics.map((topic) => {
          const partitions = queue.partitionCount(topic);
          return [topic, { partitions, compression: 'none', retention, requiredGroups: [DRAIN_GROUP] } as const];
        }),
      ),
      coordinator,
      marks: this.#marks,
      log,
      disk,
    });
    this.#timer = setInterval(() => {
      this.#spool
        .retain()
        .catch((thrown: unknown) => log.warn({ reason: messageOf(thrown) }, 'the spool was not shortened'));
    }, SPOOL_LIMITS.retainMs);
    this.#timer.unref();
    showSpool(
      options.registry,
      () => [...this.#writers],
      () => this.#marks.all(),
    );
  }

  static async open(options: SpoolingOptions): Promise<SpoolingQueue> {
    const { directory, log, disk = nodeDisk } = options;
    const spooling = new SpoolingQueue(options, await LocalCoordinator.open({ directory, disk, log }));
    await spooling.#spool.prepare();
    spooling.#member = await spooling.#spool.joinGroup(DRAIN_GROUP, {
      topics: options.topics,
      onAssigned: (assigned) => void spooling.#assigned.set(keyOf(assigned), assigned),
    });
    return spooling;
  }

  async openWriter(at: TopicPartition): Promise<PartitionWriter> {
    const direct = await this.#queue.openWriter(at);
    if (!this.#options.topics.includes(at.topic) || !isDirect(direct)) return direct;
    if (at.partition >= this.#spool.partitionCount(at.topic)) {
      await this.#coordinator.raisePartitions({ [at.topic]: at.partition + 1 });
      // Nothing moves in here: there is no order to keep across partitions.
      await this.#coordinator.registerBarrier(
        at.topic,
        Array.from({ length: at.partition + 1 }, () => 0),
      );
      await this.#spool.heartbeat();
    }
    const spool = await this.#spool.openWriter(at);
    const reader = this.#spool.openReader(at);
    const [committed, earliest] = [await this.#member?.committed(at), await reader.earliestOffset()];
    const writer = new SpoolWriter({
      direct,
      spool,
      reader,
      drained: offset(Math.max(committed ?? 0, earliest)),
      commit: async (position) => this.#assigned.get(keyOf(at))?.commit(position),
      log: this.#options.log,
      onDrained: (batch, appended) => this.#options.onDrained?.(at, batch, appended),
      spoolAfterMs: this.#options.spoolAfterMs ?? SPOOL_LIMITS.spoolAfterMs,
    });
    this.#writers.add(writer);
    return writer;
  }

  /** How many partitions are kept on this machine now. */
  get spooling(): number {
    return [...this.#writers].filter(({ isSpooling }) => isSpooling).length;
  }

  /** Why partitions are kept on this machine now, for people; empty where none is. */
  troubles(): readonly string[] {
    return [...this.#writers].flatMap(({ trouble }) => trouble ?? []);
  }

  openReader(at: TopicPartition): PartitionReader {
    return this.#queue.openReader(at);
  }

  joinGroup(group: string, options: JoinOptions): Promise<GroupMember> {
    return this.#queue.joinGroup(group, options);
  }

  partitionCount(topic: string): number {
    return this.#queue.partitionCount(topic);
  }

  layout(topic: string): TopicLayout {
    return this.#queue.layout(topic);
  }

  onPartitions(listener: (topic: string) => void): () => void {
    return this.#queue.onPartitions(listener);
  }

  registerBarrier(topic: string, ends: readonly Offset[]): Promise<void> {
    return this.#queue.registerBarrier(topic, ends);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#writers].map((writer) => writer.close()));
    await this.#spool.close();
    await this.#coordinator.close();
    await this.#queue.close();
  }
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

const isDirect = (writer: PartitionWriter): writer is DirectWriter => 'troubledForMs' in writer;
