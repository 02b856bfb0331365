/**
 * Where engines are installed and where their data are: outside of the repository. SPILLWAY_ENGINES names the folder;
 * else it is below XDG_CACHE_HOME, and else in the usual place: /var/cache for root, whose home others cannot read
 * (OpenSearch refuses to run as root), ~/.cache for everybody else.
 */
import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../src/lib/make-folder.ts';
import { findProgram } from '../../test/support/needs.ts';
import type { Engine, EngineKind } from './engine.ts';

export function enginesFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.SPILLWAY_ENGINES) return env.SPILLWAY_ENGINES;
  const cache = env.XDG_CACHE_HOME || (process.getuid?.() === 0 ? '/var/cache' : join(homedir(), '.cache'));
  return join(cache, 'spillway', 'engines');
}

/** Of an engine that was started without `--data`. */
export const defaultData = (kind: EngineKind): string => join(enginesFolder(), 'data', kind);

export const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** The folder that the engine runs from; installs it there first, whole or not at all, where it is not there yet. */
export async function installed(kind: EngineKind, engine: Engine): Promise<string> {
  const home = await homeOf(kind, engine);
  if (await isThere(home)) return home;
  requirePrograms(engine.installers);
  makeFolder(dirname(home));
  const unfinished = await mkdtemp(`${home}.unfinished-`);
  try {
    await engine.install(unfinished);
    await rename(unfinished, home);
  } catch (error) {
    // Somebody else may have been faster.
    if (!(await isThere(home))) {
      const why = error instanceof Error ? error.message : error;
      throw new Error(`${kind} was not installed (is its package registry reachable from here?): ${why}`, {
        cause: error,
      });
    }
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return home;
}

/** Throws with how to get what is missing. */
export function requirePrograms(programs: Readonly<Record<string, string>>): void {
  const missing = Object.entries(programs).filter(([program]) => findProgram(program) === undefined);
  if (missing.length === 0) return;
  throw new Error(missing.map(([name, source]) => `${name} is not installed: apt-get install ${source}.`).join('\n'));
}

export async function homeOf(kind: EngineKind, engine: Engine): Promise<string> {
  return join(enginesFolder(), `${kind}-${await engine.version()}`);
}
