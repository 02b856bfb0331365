/**
 * A data folder whose topics of Kafka are gone goes on with new ones, of another prefix and another site: what a collector
 * has accepted and spooled goes there, since nowhere else will ever take it. All else in the folder that is made of offsets
 * of the old topics is put aside, and never taken for something of the new ones: `DATA/before/PREFIX/`. While the old ones
 * are there the folder stays theirs: a wrong line in a configuration leaves nothing behind.
 */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { TOPICS } from '../event/topics.ts';
import { type Disk, nodeDisk } from '../lib/disk.ts';
import { listOrNone, makeDirectories } from '../lib/disk-files.ts';
import { SpillwayError } from '../lib/errors.ts';
import type { TopicsThere } from '../queue/kafka/role-topics.ts';
import { NOTES_FILE } from '../queue/spool/spooling-queue.ts';
import { bindAnew, changed, readBinding, type TopicIds } from './queue-binding.ts';
import { readSpooled } from './spooled.ts';

/** Beside them there are tokens and locks, which know of no offset, and the spool. */
const OF_OFFSETS = [
  'search',
  'collector',
  'ledger',
  'queue/kafka-layouts.json',
  'queue/collector',
  'queue/processor',
  'queue/store',
  // By which producer the spool was under way to the old topics.
  `queue/spool/${NOTES_FILE}`,
];

export interface GoneTopics {
  readonly prefix: string;
  readonly ids: TopicIds;
}

/**
 * What the folder belongs to, where the configuration names another prefix; whether that may be left `assertGone` says.
 * Throws QUEUE_CHANGED where the site is to be the same.
 */
export async function topicsToLeave(config: Config, disk: Disk = nodeDisk): Promise<GoneTopics | undefined> {
  const known = await readBinding(config, disk);
  const raw = Object.keys(known?.topics ?? {}).find((name) => name.endsWith(TOPICS.raw));
  if (known === undefined || raw === undefined) return undefined;
  const prefix = raw.slice(0, -TOPICS.raw.length);
  if (prefix === config.queue.prefix) return undefined;
  if (known.site === config.site) throw ofTheSameSite(config, prefix);
  return { prefix, ids: known.topics };
}

/** Which of them are gone; `look` asks for those of that prefix. Throws QUEUE_CHANGED where all are there. */
export async function assertGone(
  config: Config,
  { prefix, ids }: GoneTopics,
  look: (prefix: string) => Promise<TopicsThere>,
): Promise<readonly string[]> {
  const { hasBegun, site, lost, idOf } = await look(prefix);
  // Where an earlier version has made the folder theirs.
  if (site === config.site) throw ofTheSameSite(config, prefix);
  const others = Object.entries(ids).filter(([name, id]) => idOf(name) !== id);
  const gone = [...new Set([...others.map(([name]) => name), ...lost, ...(hasBegun ? [] : [`${prefix}control`])])];
  if (gone.length > 0) return gone;
  const advice =
    `Set queue.prefix: ${prefix} and its site again. Another queue needs a data folder of its own, beside this one ` +
    '(see docs/scaling.md).';
  throw changed(
    config,
    `is of the topics ${prefix}*, which are there, and queue.prefix is ${config.queue.prefix}`,
    advice,
  );
}

/**
 * The folder is of these topics when it resolves; again is the same, after a crash on the way. `partitionsOf`: of the new
 * topics. Throws CONFIG_INVALID where they have too few for what is spooled.
 */
export async function goOnWith(
  config: Config,
  topics: TopicIds,
  { prefix }: GoneTopics,
  partitionsOf: (topic: string) => number,
  disk: Disk = nodeDisk,
): Promise<void> {
  const { partitions } = await readSpooled(config, disk);
  for (const { topic, partition } of partitions) if (partition >= partitionsOf(topic)) throw tooFew(topic, partition);
  const aside = join(config.data, 'before', prefix.replace(/\.$/, ''));
  for (const path of OF_OFFSETS) await putAside(disk, config.data, path, aside);
  await bindAnew(config, topics, disk);
}

async function putAside(disk: Disk, data: string, path: string, aside: string): Promise<void> {
  const [from, to] = [join(data, path), join(aside, path)];
  const [folder, other] = [join(from, '..'), join(to, '..')];
  if (!(await listOrNone(disk, folder)).some((name) => from === join(folder, name))) return;
  await makeDirectories(disk, other);
  await disk.rename(from, to);
  await disk.syncDirectory(other);
  await disk.syncDirectory(folder);
}

function ofTheSameSite(config: Config, prefix: string): SpillwayError {
  const advice =
    `Set queue.prefix: ${prefix} again. Where these topics are gone for good, set another \`site\` too, so that new events ` +
    'do not get the ids of old ones (see docs/engines/kafka.md).';
  return changed(config, `is of the topics ${prefix}*, and queue.prefix is ${config.queue.prefix}`, advice);
}

function tooFew(topic: string, partition: number): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    `The spool has records of partition ${partition} of ${topic}, and the new topics have fewer: set queue.partitions to ` +
      `at least ${partition + 1}.`,
  );
}
