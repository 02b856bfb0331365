/** A small file that shows what a folder can do, gone afterwards. */

import type { FileHandle } from 'node:fs/promises';
import { open, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from '../lib/disk-files.ts';

/** The folder itself, or the nearest one above it that is there. */
export async function existingFolder(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (thrown) {
    const parent = dirname(path);
    const isMissing = ['ENOENT', 'ENOTDIR'].includes(systemCode(thrown) ?? '');
    if (!isMissing || parent === path) throw thrown;
    return existingFolder(parent);
  }
}

const PREFIX = '.spillway-doctor-';

/** Of this doctor, or of one that was killed. */
export const isTrialFile = (name: string): boolean => name.startsWith(PREFIX);

/** Checks run at the same time. */
let made = 0;

/** Throws Node's system errors. */
export async function withTrialFile<T>(folder: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const path = join(folder, `${PREFIX}${process.pid}-${made++}`);
  const file = await open(path, 'w');
  try {
    // An empty file says nothing of a full disk.
    await file.write(Buffer.alloc(1), 0, 1, 0);
    return await use(file);
  } finally {
    await file.close();
    await unlink(path);
  }
}
