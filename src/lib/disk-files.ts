/** What is made of several operations of the disk port. */
import { dirname } from 'node:path';
import type { Disk, DiskFile } from './disk.ts';
import { SpillwayError } from './errors.ts';

/** The code of a system error, such as `ENOSPC`; undefined for anything else. */
export function systemCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || thrown instanceof SpillwayError) return undefined;
  const { code } = thrown as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : undefined;
}

/** Whether the disk (or the quota, or the largest file size) has no room. */
export function isDiskFull(thrown: unknown): boolean {
  const code = systemCode(thrown);
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}

/** Writes everything, also where the system takes less in one call. */
export async function writeFully(file: DiskFile, buffers: readonly Uint8Array[], position: number): Promise<void> {
  let rest = buffers.filter(({ length }) => length > 0);
  let at = position;
  while (rest.length > 0) {
    const written = await file.write(rest, at);
    if (written <= 0) throw Object.assign(new Error(`${file.path} takes no bytes`), { code: 'ENOSPC' });
    at += written;
    rest = after(rest, written);
  }
}

function after(buffers: Uint8Array[], written: number): Uint8Array[] {
  let skip = written;
  let index = 0;
  for (; index < buffers.length; index++) {
    const length = buffers[index]?.length ?? 0;
    if (skip < length) break;
    skip -= length;
  }
  if (skip === 0) return index === 0 ? buffers : buffers.slice(index);
  return buffers.slice(index).map((buffer, i) => (i === 0 ? buffer.subarray(skip) : buffer));
}

/** Reads until `length` bytes are there or the file ends; how many there were. */
export async function readFully(
  file: DiskFile,
  target: Uint8Array,
  start: number,
  length: number,
  position: number,
): Promise<number> {
  let done = 0;
  while (done < length) {
    const read = await file.read(target, start + done, length - done, position + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}

/** The whole content; undefined where there is no such file. */
export function readWhole(disk: Disk, path: string): Promise<Buffer | undefined> {
  return whereThere(disk, path, async (file) => {
    const bytes = Buffer.allocUnsafe(await file.sizeBytes());
    return bytes.subarray(0, await readFully(file, bytes, 0, bytes.length, 0));
  });
}

/** In bytes; undefined where there is no such file. */
export function fileSize(disk: Disk, path: string): Promise<number | undefined> {
  return whereThere(disk, path, (file) => file.sizeBytes());
}

async function whereThere<T>(disk: Disk, path: string, use: (file: DiskFile) => Promise<T>): Promise<T | undefined> {
  let file: DiskFile;
  try {
    file = await disk.open(path, 'read');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** Names in the directory; none where there is no such directory. */
export async function listOrNone(disk: Disk, directory: string): Promise<string[]> {
  try {
    return await disk.list(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Makes the directory and those above it; each name is synced before anything is put inside. That goes for names that
 * are there already: whoever made them may have been killed before the sync. Nothing is looked at from `durable` up.
 */
export async function makeDirectories(disk: Disk, path: string, durable = '/'): Promise<void> {
  const parent = dirname(path);
  if (path === durable || path === parent) return;
  await makeDirectories(disk, parent, durable);
  let isKnown = false;
  try {
    await disk.makeDirectory(path);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    isKnown = true;
  }
  try {
    await disk.syncDirectory(parent);
  } catch (error) {
    // Where this program may not even look, it has not made anything.
    if (!isKnown || systemCode(error) !== 'EACCES') throw error;
  }
}

export async function removeIfThere(disk: Disk, path: string): Promise<void> {
  try {
    await disk.remove(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

/**
 * Puts the bytes under the name so that after a crash at any moment the old or the new content is there, whole.
 * `temporary` is a name in the same directory.
 */
export async function replaceFile(
  disk: Disk,
  path: string,
  bytes: Uint8Array,
  temporary = `${path}.tmp`,
): Promise<void> {
  await removeIfThere(disk, temporary);
  const file = await disk.open(temporary, 'create');
  try {
    await writeFully(file, [bytes], 0);
    await file.dataSync();
    await disk.rename(temporary, path);
    await disk.syncDirectory(dirname(path));
  } finally {
    await file.close();
  }
}
