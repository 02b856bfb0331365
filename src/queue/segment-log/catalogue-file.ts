/**
 * The catalogue of the embedded queue on the disk: a checksum, then JSON, written anew as a whole, synced and renamed.
 * Changes follow one another.
 */
import { join } from 'node:path';
import { crc32c } from '@node-rs/crc32';
import type { Disk } from '../../lib/disk.ts';
import { isDiskFull, makeDirectories, readWhole, replaceFile } from '../../lib/disk-files.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { type Catalogue, copyCatalogue, emptyCatalogue } from '../created/catalogue.ts';
import { CATALOGUE_FILE, COORDINATOR_FOLDER } from './names.ts';

const CHECKSUM_CHARS = 8;

export class CatalogueFile {
  readonly #disk: Disk;
  readonly #path: string;
  #state: Catalogue;
  #work: Promise<unknown> = Promise.resolve();
  #failure: SpillwayError | undefined;

  private constructor(disk: Disk, path: string, state: Catalogue) {
    this.#disk = disk;
    this.#path = path;
    this.#state = state;
  }

  /** Throws QUEUE_CORRUPT. */
  static async open(disk: Disk, directory: string): Promise<CatalogueFile> {
    const folder = join(directory, COORDINATOR_FOLDER);
    await makeDirectories(disk, folder);
    const path = join(folder, CATALOGUE_FILE);
    const bytes = await readWhole(disk, path);
    return new CatalogueFile(disk, path, bytes === undefined ? emptyCatalogue() : parse(bytes, path));
  }

  /** What is on the disk. */
  get state(): Catalogue {
    return this.#state;
  }

  /** `change` says whether it changed anything, or throws. Durable when it resolves; whether anything was changed. */
  change(change: (state: Catalogue) => boolean): Promise<boolean> {
    const changing = this.#work.then(() => this.#change(change));
    this.#work = changing.catch(() => undefined);
    return changing;
  }

  /** Waits for what was asked before. */
  async close(): Promise<void> {
    await this.#work;
  }

  async #change(change: (state: Catalogue) => boolean): Promise<boolean> {
    if (this.#failure !== undefined) throw this.#failure;
    const next = copyCatalogue(this.#state);
    if (!change(next)) return false;
    try {
      await replaceFile(this.#disk, this.#path, print(next));
    } catch (cause) {
      if (isDiskFull(cause)) {
        throw new SpillwayError('DISK_FULL', `${this.#path} cannot be written: ${messageOf(cause)}.`, { cause });
      }
      // Which of the two is on the disk now is not known.
      this.#failure = new SpillwayError(
        'QUEUE_PARTITION_STOPPED',
        `${this.#path} could not be made durable (${messageOf(cause)}): check the disk, then start again.`,
        { cause },
      );
      throw this.#failure;
    }
    this.#state = next;
    return true;
  }
}

function print(state: Catalogue): Buffer {
  const body = Buffer.from(`${JSON.stringify(state)}\n`);
  return Buffer.concat([Buffer.from(`${checksum(body)}\n`), body]);
}

function parse(bytes: Buffer, path: string): Catalogue {
  const body = bytes.subarray(CHECKSUM_CHARS + 1);
  const details = { path };
  if (bytes.toString('latin1', 0, CHECKSUM_CHARS + 1) !== `${checksum(body)}\n`) {
    const what = `${path} does not match its checksum. Put a copy from a backup there: without it nobody knows which topics users created.`;
    throw new SpillwayError('QUEUE_CORRUPT', what, { details });
  }
  const state: Catalogue = JSON.parse(body.toString('utf8'));
  if (state.version === 1) return copyCatalogue(state);
  throw new SpillwayError('QUEUE_CORRUPT', `${path} is of a version that this program does not know.`, { details });
}

function checksum(body: Buffer): string {
  return crc32c(body).toString(16).padStart(CHECKSUM_CHARS, '0');
}
