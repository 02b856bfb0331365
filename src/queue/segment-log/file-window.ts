/** A moving view of a file, for reading it forwards with looks ahead, in memory bounded by the largest batch. */
import type { DiskFile } from '../../lib/disk.ts';
import { readFully } from '../../lib/disk-files.ts';
import { QUEUE_LIMITS } from '../../lib/limits.ts';

const MAGIC_AT = 16;
const MAGIC = 2;

export class FileWindow {
  /** The file is looked at up to here. */
  readonly sizeBytes: number;
  readonly #file: DiskFile;
  #memory = Buffer.alloc(0);
  /** What of the memory is filled. */
  #buffer = this.#memory;
  /** Position of the buffer's first byte. */
  #start = 0;

  constructor(file: DiskFile, sizeBytes: number) {
    this.#file = file;
    this.sizeBytes = sizeBytes;
  }

  /** The bytes from `position`, valid until the next call; undefined where the file ends before. */
  async bytes(position: number, length: number): Promise<Buffer | undefined> {
    if (position + length > this.sizeBytes) return undefined;
    if (!this.#holds(position, length) && !(await this.#fill(position, length))) return undefined;
    return this.#buffer.subarray(position - this.#start, position - this.#start + length);
  }

  /** The next position at or after `from` whose 17th byte is the magic of a batch. */
  async nextMagic(from: number): Promise<number | undefined> {
    let position = from;
    while (position + MAGIC_AT < this.sizeBytes) {
      if (!this.#holds(position, MAGIC_AT + 1) && !(await this.#fill(position, MAGIC_AT + 1))) return undefined;
      const found = this.#buffer.indexOf(MAGIC, position - this.#start + MAGIC_AT);
      if (found >= 0) return this.#start + found - MAGIC_AT;
      position = this.#start + this.#buffer.length - MAGIC_AT;
    }
    return undefined;
  }

  #holds(position: number, length: number): boolean {
    return position >= this.#start && position + length <= this.#start + this.#buffer.length;
  }

  async #fill(position: number, length: number): Promise<boolean> {
    const wanted = Math.min(Math.max(length, QUEUE_LIMITS.scanWindowBytes), this.sizeBytes - position);
    if (this.#memory.length < wanted) this.#memory = Buffer.allocUnsafeSlow(wanted);
    const read = await readFully(this.#file, this.#memory, 0, wanted, position);
    this.#buffer = this.#memory.subarray(0, read);
    this.#start = position;
    return read >= length;
  }
}
