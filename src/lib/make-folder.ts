/** Folders that a user names, such as the data folder: they may be what cannot be made. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isDiskFull, systemCode } from './disk-files.ts';
import { messageOf, SpillwayError } from './errors.ts';

/**
 * Makes the folder, with those above it that are not there; the first that was made. Throws FOLDER_UNUSABLE, and what a disk
 * that is full throws. Not by the `recursive` of Node.js: where the kernel makes nothing (`/proc`) that tries for ever.
 */
export function makeFolder(path: string, mode = 0o777): string | undefined {
  const missing = missingOf(resolve(path));
  for (const folder of missing) {
    try {
      mkdirSync(folder, { mode });
    } catch (thrown) {
      // Somebody else may have been faster.
      if (systemCode(thrown) === 'EEXIST' && isFolder(folder)) continue;
      if (isDiskFull(thrown)) throw thrown;
      throw unusable(`${path} cannot be made: ${messageOf(thrown)}`, path, thrown);
    }
  }
  return missing[0];
}

/** For a folder that is there, or should be, and what the system says of it. */
export function unusable(what: string, path: string, cause: unknown): SpillwayError {
  const me = process.getuid?.();
  const isDenied = ['EACCES', 'EPERM'].includes(systemCode(cause) ?? '') && me !== undefined;
  const advice = isDenied
    ? `Give it to the user that this runs as (chown -R ${me} ${path}), or name another folder.`
    : OTHER;
  return new SpillwayError('FOLDER_UNUSABLE', `${what}. ${advice}`, { cause });
}

const OTHER = 'Name another folder.';

/** From the one that is nearest to the root. */
function missingOf(path: string): string[] {
  const missing: string[] = [];
  for (let at = path; !isFolder(at, path); at = dirname(at)) missing.unshift(at);
  return missing;
}

/** False where nothing is there. Throws FOLDER_UNUSABLE where something else is. */
function isFolder(at: string, wanted = at): boolean {
  try {
    if (statSync(at).isDirectory()) return true;
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(thrown) ?? '')) return false;
    throw unusable(`${wanted} cannot be used: ${messageOf(thrown)}`, wanted, thrown);
  }
  throw new SpillwayError(
    'FOLDER_UNUSABLE',
    `${at} is a file, so ${at === wanted ? 'it' : wanted} is no folder. ${OTHER}`,
  );
}
