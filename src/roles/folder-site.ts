/** The site that a data folder was first started with: its events have ids of it (queue/site.ts). */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { type Disk, nodeDisk } from '../lib/disk.ts';
import { makeDirectories, readWhole, replaceFile } from '../lib/disk-files.ts';
import { SpillwayError } from '../lib/errors.ts';
import { anotherSite } from '../queue/site.ts';

/** `{"site": "local"}`; a folder of an earlier version has none, and gets it by its next start. */
const SITE_FILE = 'site.json';

/** Throws SITE_CHANGED where it is another one. */
export async function assertFolderSite(config: Config, disk: Disk = nodeDisk): Promise<void> {
  const known = await folderSite(config, disk);
  if (known === undefined || known === config.site) return;
  const otherwise = 'another site needs a data folder and a queue of its own (see docs/scaling.md)';
  throw anotherSite(`The data folder ${config.data} is`, known, config.site, otherwise);
}

/** Notes it at the first start; throws SITE_CHANGED where it is another one. */
export async function bindToSite(config: Config, disk: Disk = nodeDisk): Promise<void> {
  await assertFolderSite(config, disk);
  if ((await folderSite(config, disk)) === undefined) await noteSite(config, disk);
}

/** From now on it is this one. */
export async function noteSite({ data, site }: Config, disk: Disk = nodeDisk): Promise<void> {
  const directory = join(data, 'queue');
  await makeDirectories(disk, directory);
  await replaceFile(disk, join(directory, SITE_FILE), Buffer.from(`${JSON.stringify({ site })}\n`));
}

/** Undefined where nothing was noted. Throws QUEUE_CORRUPT. */
export async function folderSite({ data }: Config, disk: Disk = nodeDisk): Promise<string | undefined> {
  const path = join(data, 'queue', SITE_FILE);
  const text = (await readWhole(disk, path))?.toString('utf8');
  if (text === undefined) return undefined;
  try {
    const { site }: { site: unknown } = JSON.parse(text);
    if (typeof site === 'string') return site;
  } catch {
    // Said below.
  }
  const message = `${path} cannot be read: put a copy from a backup there, or {"site":"NAME"} with what its events' ids begin with.`;
  throw new SpillwayError('QUEUE_CORRUPT', message, { details: { path } });
}
