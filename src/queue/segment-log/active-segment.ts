/** The segment that is being written. Its errors say whether writing may go on (DISK_FULL) or not. */
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import type { Disk, DiskFile } from '../../lib/disk.ts';
import { isDiskFull, writeFully } from '../../lib/disk-files.ts';
import type { TopicPartition } from '../port.ts';
import { type SegmentName, segmentName } from './names.ts';
import { diskFull, stopped } from './writer-errors.ts';

export interface ActiveSegmentOptions {
  readonly at: TopicPartition;
  readonly folder: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly segmentBytes: number;
  /** From its first record on. */
  readonly segmentMs: number;
}

export class ActiveSegment {
  readonly #options: ActiveSegmentOptions;
  #name: SegmentName;
  #file: DiskFile;
  /** Where its durable data ends. */
  #position = 0;
  #sinceMs: number;
  /** The newest timestamp of its records. */
  #newestMs = Number.NEGATIVE_INFINITY;

  constructor(options: ActiveSegmentOptions, name: SegmentName, file: DiskFile) {
    this.#options = options;
    this.#name = name;
    this.#file = file;
    this.#sinceMs = options.clock.now();
  }

  get name(): string {
    return this.#name.name;
  }

  get path(): string {
    return this.#file.path;
  }

  get position(): number {
    return this.#position;
  }

  get isFull(): boolean {
    const { segmentBytes, segmentMs, clock } = this.#options;
    if (this.#position === 0) return false;
    return this.#position >= segmentBytes || clock.now() - this.#sinceMs >= segmentMs;
  }

  /** Whether all of its records (there is at least one) are older. */
  isOlderThan(timeMs: number): boolean {
    return this.#position > 0 && this.#newestMs < timeMs;
  }

  /** Resolves when the bytes are on the disk, after the durable ones. Nothing of them counts when it rejects. */
  async write(buffers: readonly Buffer[], newestMs: number): Promise<void> {
    const start = this.#position;
    let end = start;
    for (const buffer of buffers) end += buffer.length;
    try {
      await writeFully(this.#file, buffers, start);
    } catch (cause) {
      if (!isDiskFull(cause)) throw this.#stopped('could not be written', cause);
      await this.#cutBack(start);
      throw diskFull(this.#file.path, cause);
    }
    try {
      await this.#file.dataSync();
    } catch (cause) {
      throw this.#stopped('could not be synced', cause);
    }
    if (start === 0) this.#sinceMs = this.#options.clock.now();
    this.#position = end;
    this.#newestMs = Math.max(this.#newestMs, newestMs);
  }

  /** Begins the next segment at that offset; everything in this one is durable. */
  async roll(nextOffset: number): Promise<SegmentName> {
    const next = segmentName(nextOffset, this.#name.epoch);
    const { disk, folder } = this.#options;
    let file: DiskFile;
    try {
      file = await disk.open(join(folder, next.name), 'create');
    } catch (cause) {
      if (isDiskFull(cause)) throw diskFull(join(folder, next.name), cause);
      throw this.#stopped('could not be followed by another segment', cause);
    }
    const full = this.#file;
    this.#file = file;
    this.#name = next;
    this.#position = 0;
    this.#newestMs = Number.NEGATIVE_INFINITY;
    try {
      await disk.syncDirectory(folder);
      await full.close();
    } catch (cause) {
      throw this.#stopped('is not known to be durable', cause);
    }
    return next;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #cutBack(start: number): Promise<void> {
    try {
      await this.#file.truncate(start);
    } catch (cause) {
      throw this.#stopped('could not be cut back', cause);
    }
  }

  #stopped(what: string, cause: unknown) {
    return stopped(this.#options.at, this.#file.path, what, cause);
  }
}
