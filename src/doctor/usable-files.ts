/**
 * Whether who runs Spillway can use what lies in the data folder. Files of another user, as a start with sudo leaves them,
 * are found by the service only when it needs them. Whose they are is no matter where they can be used: Kubernetes gives
 * volumes to a group, and mounts tokens that belong to root.
 */
import type { Stats } from 'node:fs';
import { access, constants, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../lib/disk-files.ts';
import { type Finding, unknown, wrong } from './finding.ts';
import { isTrialFile } from './trial-file.ts';

/** Levels of the folder that are looked at: the queue's partitions are the third. */
const LEVELS = 3;
/** It may be mounted read-only. */
const ONLY_READ = 'tokens';
/** The file system's own, in the root of each. */
const NOT_OURS = 'lost+found';

export const userName = (): string => String(process.getuid?.() ?? 'USER');

export async function unusableBelow(folder: string): Promise<readonly Finding[]> {
  const me = process.getuid?.();
  if (me === undefined) return [unknown('who owns it cannot be seen on this system')];
  const { uid, gid } = await stat(folder);
  // Root can use everything, and looks on behalf of the user that the folder belongs to.
  if (me === 0) {
    const found = await firstOf(folder, async (path, needs) => judgeByMode(await stat(path), { uid, gid }, needs));
    if (found === undefined) return [];
    const what = `${found.path} belongs to user ${found.why}, the folder to user ${uid}`;
    return [wrong(what, `chown -R ${uid} ${folder}`)];
  }
  const found = await firstOf(folder, async (path, needs) => {
    const why = await access(path, needs).then(() => undefined, systemCode);
    return why === undefined || why === 'ENOENT' ? undefined : why;
  });
  if (found === undefined) return [];
  const owners = await stat(found.path).catch(() => undefined);
  const whose = owners === undefined ? '' : `, and belongs to user ${owners.uid}`;
  const what = `${found.path} cannot be used by user ${me} (${found.why})${whose}`;
  const chown = `chown -R ${me} ${folder}`;
  return [wrong(what, me === uid ? chown : `Run doctor as the user that Spillway runs as, or: ${chown}`)];
}

/** Undefined where such a user, with that group, may do what is needed; else whose the file is. */
function judgeByMode(
  { uid, gid, mode }: Stats,
  user: { readonly uid: number; readonly gid: number },
  needs: number,
): string | undefined {
  if (uid === user.uid) return undefined;
  const granted = gid === user.gid ? mode >> 3 : mode;
  return (granted & needs) === needs ? undefined : String(uid);
}

interface Unusable {
  readonly path: string;
  readonly why: string;
}

/** Links are followed: what they lead to is what is used. */
async function firstOf(
  folder: string,
  judge: (path: string, needs: number) => Promise<string | undefined>,
  level = 1,
  onlyRead = false,
): Promise<Unusable | undefined> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (isTrialFile(name) || (level === 1 && name === NOT_OURS)) continue;
    const path = join(folder, name);
    const isRead = onlyRead || (level === 1 && name === ONLY_READ);
    const stats = await stat(path).catch(() => undefined);
    // Gone meanwhile, or a link to nothing.
    if (stats === undefined) continue;
    const needs =
      constants.R_OK | (isRead ? 0 : constants.W_OK) | (stats.isDirectory() ? constants.X_OK : constants.F_OK);
    const why = await judge(path, needs).catch(() => undefined);
    if (why !== undefined) return { path, why };
    const below = stats.isDirectory() && level < LEVELS ? await firstOf(path, judge, level + 1, isRead) : undefined;
    if (below !== undefined) return below;
  }
  return undefined;
}
