/**
 * The coordinator's state on the disk: written anew as a whole, synced and renamed. Whatever is asked while one write is
 * under way shares the next one.
 */
import { join } from 'node:path';
import type { Disk } from '../../lib/disk.ts';
import { isDiskFull, makeDirectories, readWhole, replaceFile } from '../../lib/disk-files.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { type CoordinatorState, copyState, emptyState, parseState, printState } from './coordinator-state.ts';
import { COORDINATOR_FILE, COORDINATOR_FOLDER } from './names.ts';

interface Change {
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export interface CoordinatorFileOptions {
  /** The queue's folder. */
  readonly directory: string;
  readonly disk: Disk;
  readonly log: Logger;
}

export class CoordinatorFile {
  readonly #options: CoordinatorFileOptions;
  readonly #path: string;
  #durable: CoordinatorState;
  #next: CoordinatorState;
  #waiting: Change[] = [];
  #writing: Promise<void> | undefined;
  #failure: SpillwayError | undefined;

  private constructor(options: CoordinatorFileOptions, path: string, state: CoordinatorState) {
    this.#options = options;
    this.#path = path;
    this.#durable = state;
    this.#next = copyState(state);
  }

  static async open(options: CoordinatorFileOptions): Promise<CoordinatorFile> {
    const folder = join(options.directory, COORDINATOR_FOLDER);
    await makeDirectories(options.disk, folder);
    const path = join(folder, COORDINATOR_FILE);
    const bytes = await readWhole(options.disk, path);
    return new CoordinatorFile(options, path, bytes === undefined ? emptyState() : parseState(bytes, path));
  }

  /** What is on the disk: all that is ever answered. */
  get durable(): Readonly<CoordinatorState> {
    return this.#durable;
  }

  /** With the changes that wait for the disk. */
  get next(): Readonly<CoordinatorState> {
    return this.#next;
  }

  /** Durable when it resolves; rejects with DISK_FULL, where it was undone, or QUEUE_PARTITION_STOPPED. */
  change(apply: (state: CoordinatorState) => void): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    apply(this.#next);
    return new Promise((done, failed) => {
      this.#waiting.push({ done, failed });
      this.#writing ??= this.#write();
    });
  }

  /** Waits for what was asked before. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

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
