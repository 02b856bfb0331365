/**
 * The console as the tree has it: a test never sees an older one. What `npm ci` has built is left alone where nothing is
 * newer, since another suite may be looking at it.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'vite';

const ROOT = join(import.meta.dirname, '../..');
const BUILT = join(ROOT, 'console/dist');
/** It is built from both. */
const SOURCES = ['console', 'src'].map((name) => join(ROOT, name));

export async function buildConsole(): Promise<void> {
  const builtMs = await mtimeMs(join(BUILT, 'index.html')).catch(() => 0);
  for (const source of SOURCES) {
    if ((await newestMs(source)) < builtMs) continue;
    await build({ configFile: join(ROOT, 'console/vite.config.ts'), logLevel: 'error' });
    return;
  }
}

const mtimeMs = async (path: string): Promise<number> => (await stat(path)).mtimeMs;

/** Of the files and of the folders, which change when a file goes. */
async function newestMs(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true });
  const own = entries.map(({ name }) => join(folder, name)).filter((path) => path !== BUILT);
  const folders = new Set(entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name)));
  const times = await Promise.all(own.map((path) => (folders.has(path) ? newestMs(path) : mtimeMs(path))));
  // Making the built folder itself changes the one that it is in.
  return Math.max(folders.has(BUILT) ? 0 : await mtimeMs(folder), ...times);
}
