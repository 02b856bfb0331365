/**
 * Files that carry rows to the engine. They are in memory where the machine has a tmpfs, and need no fsync: after a
 * crash the rows come from the queue again, and what is left over is removed.
 */

import { createHash } from 'node:crypto';
import { closeSync, openSync, rmSync, writevSync } from 'node:fs';
import { access, constants, mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isDiskFull } from '../../lib/disk-files.ts';

const TMPFS = '/dev/shm';

export class DraftFiles {
  /** The first one that has room is taken. */
  readonly #folders: readonly string[];
  #number = 0;

  private constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** Empty private folders that belong to this data folder alone. */
  static async open(dataFolder: string): Promise<DraftFiles> {
    const name = createHash('sha256').update(resolve(dataFolder)).digest('hex').slice(0, 16);
    const folders = [join(dataFolder, 'drafts')];
    if (await isWritable(TMPFS)) folders.unshift(join(TMPFS, `spillway-${name}`));
    for (const folder of folders) {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
    }
    return new DraftFiles(folders);
  }

  /** The path of a new file with the bytes. */
  async write(pieces: readonly Buffer[]): Promise<string> {
    const name = `${++this.#number}.native`;
    let failure: unknown;
    for (const folder of this.#folders) {
      const path = join(folder, name);
      try {
        writeFile(path, pieces);
        return path;
      } catch (thrown) {
        this.remove(path);
        if (!isDiskFull(thrown)) throw thrown;
        failure = thrown;
      }
    }
    throw failure;
  }

  remove(path: string): void {
    rmSync(path, { force: true });
  }

  async close(): Promise<void> {
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true });
  }
}

async function isWritable(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function writeFile(path: string, pieces: readonly Buffer[]): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeAll(fd, pieces);
  } finally {
    closeSync(fd);
  }
}

/** Pieces of one system call at the most (Linux: IOV_MAX). */
const PIECES = 1024;

function writeAll(fd: number, pieces: readonly Buffer[]): void {
  for (let at = 0; at < pieces.length; at += PIECES) {
    let rest: readonly Buffer[] = pieces.slice(at, at + PIECES);
    while (rest.length > 0) rest = after(rest, writevSync(fd, rest as Buffer[]));
  }
}

function after(pieces: readonly Buffer[], written: number): readonly Buffer[] {
  let skip = written;
  let index = 0;
  for (; index < pieces.length; index++) {
    const { length } = pieces[index] ?? Buffer.alloc(0);
    if (skip < length) break;
    skip -= length;
  }
  return pieces.slice(index).map((piece, i) => (i === 0 ? piece.subarray(skip) : piece));
}
