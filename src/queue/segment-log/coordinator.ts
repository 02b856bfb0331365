/**
 * The coordinator of the embedded queue: who owns a partition (epochs), which member of a group counts (generations),
 * and how far each group has come. Whatever it answers is durable. The supervisor runs the one LocalCoordinator of a
 * data folder; roles reach it over IPC behind the same interface.
 */
import { join } from 'node:path';
import type { Disk } from '../../lib/disk.ts';
import { isDiskFull, listOrNone, makeDirectories, readWhole, replaceFile } from '../../lib/disk-files.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { TopicPartition } from '../port.ts';
import { type CoordinatorState, copyState, emptyState, parseState, printState } from './coordinator-state.ts';
import {
  COORDINATOR_FILE,
  COORDINATOR_FOLDER,
  parsePartitionKey,
  parseSegmentName,
  partitionFolder,
  partitionKey,
} from './names.ts';

export interface Coordinator {
  /** A new epoch of the partition, larger than every earlier one. */
  nextEpoch(at: TopicPartition): Promise<number>;
  /** A new generation of the group; earlier ones are fenced. */
  joinGroup(group: string): Promise<number>;
  committed(group: string, at: TopicPartition): Promise<number | undefined>;
  /** Durable when it resolves; rejects with QUEUE_FENCED for an earlier generation. */
  commit(group: string, generation: number, at: TopicPartition, offset: number): Promise<void>;
}

export interface CommittedOffset extends TopicPartition {
  readonly group: string;
  readonly generation: number;
  readonly offset: number;
}

interface Change {
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export interface LocalCoordinatorOptions {
  /** The queue's folder. */
  readonly directory: string;
  readonly disk: Disk;
  readonly log: Logger;
}

/** Open it with `LocalCoordinator.open`; exactly one process may. */
export class LocalCoordinator implements Coordinator {
  readonly #options: LocalCoordinatorOptions;
  readonly #path: string;
  /** What is on the disk: all that is ever answered. */
  #durable: CoordinatorState;
  /** With the changes that wait for the disk. */
  #next: CoordinatorState;
  #waiting: Change[] = [];
  #writing: Promise<void> | undefined;
  #failure: SpillwayError | undefined;

  private constructor(options: LocalCoordinatorOptions, path: string, state: CoordinatorState) {
    this.#options = options;
    this.#path = path;
    this.#durable = state;
    this.#next = copyState(state);
  }

  static async open(options: LocalCoordinatorOptions): Promise<LocalCoordinator> {
    const folder = join(options.directory, COORDINATOR_FOLDER);
    await makeDirectories(options.disk, folder);
    const path = join(folder, COORDINATOR_FILE);
    const bytes = await readWhole(options.disk, path);
    return new LocalCoordinator(options, path, bytes === undefined ? emptyState() : parseState(bytes, path));
  }

  async nextEpoch(at: TopicPartition): Promise<number> {
    const key = partitionKey(at);
    // The folder is asked too: where the coordinator's file was lost, its epochs must not begin again.
    const names = await listOrNone(this.#options.disk, partitionFolder(this.#options.directory, at));
    const seen = names.reduce((newest, name) => Math.max(newest, parseSegmentName(name)?.epoch ?? 0), 0);
    const epoch = Math.max(this.#next.epochs[key] ?? 0, seen) + 1;
    await this.#change((state) => {
      state.epochs[key] = epoch;
    });
    return epoch;
  }

  async joinGroup(group: string): Promise<number> {
    const generation = (this.#next.groups[group]?.generation ?? 0) + 1;
    await this.#change((state) => {
      state.groups[group] = { generation, committed: state.groups[group]?.committed ?? {} };
    });
    return generation;
  }

  async committed(group: string, at: TopicPartition): Promise<number | undefined> {
    return this.#durable.groups[group]?.committed[partitionKey(at)];
  }

  async commit(group: string, generation: number, at: TopicPartition, offset: number): Promise<void> {
    // `#next` knows a newer generation before it is durable: its member may have begun to read already.
    const current = this.#next.groups[group]?.generation ?? 0;
    if (generation !== current) {
      throw new SpillwayError(
        'QUEUE_FENCED',
        `Generation ${generation} of group '${group}' may not commit: generation ${current} has taken over.`,
        { details: { group, generation, current } },
      );
    }
    await this.#change((state) => {
      const known = state.groups[group];
      if (known !== undefined) known.committed[partitionKey(at)] = offset;
    });
  }

  /** All committed offsets, for people and for retention. */
  offsets(): CommittedOffset[] {
    return Object.entries(this.#durable.groups).flatMap(([group, { generation, committed }]) =>
      Object.entries(committed).flatMap(([key, offset]) => {
        const at = parsePartitionKey(key);
        return at === undefined ? [] : [{ group, generation, ...at, offset }];
      }),
    );
  }

  /** Waits for what was asked before. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #change(apply: (state: CoordinatorState) => void): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    apply(this.#next);
    return new Promise((done, failed) => {
      this.#waiting.push({ done, failed });
      this.#writing ??= this.#write();
    });
  }

  /** Whatever was asked while one write was under way shares the next one. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const changes = this.#waiting;
      this.#waiting = [];
      const state = copyState(this.#next);
      try {
        await replaceFile(this.#options.disk, this.#path, printState(state));
        this.#durable = state;
        for (const change of changes) change.done();
      } catch (cause) {
        this.#fail(cause, changes);
      }
    }
    this.#writing = undefined;
  }

  #fail(cause: unknown, changes: readonly Change[]): void {
    const refused = [...changes, ...this.#waiting];
    this.#waiting = [];
    let error: SpillwayError;
    if (isDiskFull(cause)) {
      error = new SpillwayError('DISK_FULL', `${this.#path} cannot be written: ${messageOf(cause)}.`, { cause });
      this.#next = copyState(this.#durable);
    } else {
      error = new SpillwayError(
        'QUEUE_PARTITION_STOPPED',
        `${this.#path} could not be made durable (${messageOf(cause)}): check the disk, then start again.`,
        { cause },
      );
      this.#failure = error;
    }
    this.#options.log.error({ err: cause, path: this.#path }, 'the coordinator could not write its state');
    for (const change of refused) change.failed(error);
  }
}
