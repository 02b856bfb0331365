/**
 * The lock of a data folder: at most one supervisor, and at most one process of each role, works on it. The lock is the
 * kernel's (an fcntl lock that SQLite takes on a small file), so it is gone with its holder however that dies, and no
 * stale lock file can keep anybody out. A note beside it names the holder, for the message only.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { isDiskFull } from '../lib/disk-files.ts';
import { SpillwayError } from '../lib/errors.ts';
import { SUPERVISOR_LIMITS } from '../lib/limits.ts';
import { makeFolder } from '../lib/make-folder.ts';
import type { RoleName } from './messages.ts';

const LOCK_FOLDER = 'lock';
const SQLITE_BUSY = 5;
const POLL_MS = 50;

/** Keeps the locks of this process alive: a handle that is collected closes its file, and that would free the lock. */
const held = new Set<DatabaseSync>();

export interface DataLock {
  release(): void;
}

/** Takes the lock or throws DATA_FOLDER_IN_USE, naming the process that has it. */
export function lockDataFolder(dataFolder: string, holder: 'supervisor' | RoleName): DataLock {
  const folder = join(dataFolder, LOCK_FOLDER);
  makeFolder(folder);
  const note = join(folder, `${holder}.json`);
  const database = new DatabaseSync(join(folder, `${holder}.lock`), { timeout: 0 });
  try {
    // Nothing is ever written to it, and on a disk that is full there would be no room for a journal.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    if (!isBusy(cause)) throw cause;
    throw new SpillwayError(
      'DATA_FOLDER_IN_USE',
      `The data folder ${dataFolder} is in use by ${describeHolder(note, holder)}. ` +
        'Stop that one first, or give this one a folder of its own with --data DIR.',
      { cause },
    );
  }
  describeMyself(note);
  held.add(database);
  return {
    release: () => {
      held.delete(database);
      database.close();
    },
  };
}

export interface LockHolder {
  /** As it has noted itself; undefined where the note cannot be read. */
  readonly pid: number | undefined;
}

/** Who has the lock now; undefined where nobody has. Takes nothing. */
export function holderOf(dataFolder: string, holder: 'supervisor' | RoleName): LockHolder | undefined {
  const folder = join(dataFolder, LOCK_FOLDER);
  const path = join(folder, `${holder}.lock`);
  if (!existsSync(path) || !isLocked(path)) return undefined;
  return { pid: noteOf(join(folder, `${holder}.json`))?.pid };
}

function isLocked(path: string): boolean {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(path, { timeout: 0, readOnly: true });
  } catch {
    // Another user's: whoever may not read it cannot see.
    return false;
  }
  try {
    database.exec('PRAGMA schema_version');
    return false;
  } catch (cause) {
    return isBusy(cause);
  } finally {
    database.close();
  }
}

/** The same, waiting for a holder that is going away: the roles of a supervisor that died exit by themselves. */
export async function lockDataFolderSoon(dataFolder: string, holder: RoleName): Promise<DataLock> {
  const deadline = Date.now() + SUPERVISOR_LIMITS.lockWaitMs;
  for (;;) {
    try {
      return lockDataFolder(dataFolder, holder);
    } catch (error) {
      const busy = error instanceof SpillwayError && error.code === 'DATA_FOLDER_IN_USE';
      if (!busy || Date.now() > deadline) throw error;
      await delay(POLL_MS);
    }
  }
}

const isBusy = (thrown: unknown): boolean =>
  thrown instanceof Error && 'errcode' in thrown && thrown.errcode === SQLITE_BUSY;

function describeMyself(note: string): void {
  try {
    writeFileSync(note, JSON.stringify({ pid: process.pid, since: new Date().toISOString() }));
  } catch (thrown) {
    // It is for a message only.
    if (!isDiskFull(thrown)) throw thrown;
  }
}

function describeHolder(note: string, holder: string): string {
  const known = noteOf(note);
  return known === undefined ? `another ${holder}` : `another ${holder}, process ${known.pid}, started ${known.since}`;
}

function noteOf(path: string): { readonly pid: number; readonly since: string } | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
