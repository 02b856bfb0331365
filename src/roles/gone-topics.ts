/**
 * A data folder whose topics of Kafka are gone goes on with new ones, of another prefix and another site: what a collector
 * has accepted and spooled goes there, since nowhere else will ever take it. All else in the folder that is made of offsets
 * of the old topics is put aside, and never taken for something of the new ones: `DATA/before/PREFIX/`, or PREFIX-2 and so
 * on where that is there from another time. While the old ones are there the folder stays theirs: a wrong line in a
 * configuration leaves nothing behind.
 */
import { join } from 'node:path';
import { type Config, DEFAULT_SITE } from '../config/schema.ts';
import { TOPICS } from '../event/topics.ts';
import { type Disk, nodeDisk } from '../lib/disk.ts';
import { listOrNone, makeDirectories, systemCode } from '../lib/disk-files.ts';
import { SpillwayError } from '../lib/errors.ts';
import type { TopicsThere } from '../queue/kafka/role-topics.ts';
import { NOTES_FILE } from '../queue/spool/spooling-queue.ts';
import { bindAnew, bindingFile, changed, noteAside, readBinding, type TopicIds } from './queue-binding.ts';
import { readSpooled } from './spooled.ts';

/** Beside them there are tokens and locks, which know of no offset, and the spool. */
const OF_OFFSETS = [
  // First: without it no collector begins anew in the folder of the old topics while Kafka is away.
  'queue/kafka-layouts.json',
  'search',
  'collector',
  'ledger',
  'queue/collector',
  'queue/processor',
  'queue/store',
  // By which producer the spool was under way to the old topics.
  `queue/spool/${NOTES_FILE}`,
];

/** What a system says of a move from one disk to another, and of a place where one is mounted. */
const ELSEWHERE = ['EXDEV', 'EBUSY'];

export interface GoneTopics {
  readonly prefix: string;
  readonly ids: TopicIds;
  /** As the folder has noted it; an earlier version did not. */
  readonly site: string | undefined;
  /** Somebody has said so, or the folder has begun to leave them. */
  readonly isMeant: boolean;
}

export interface WhatIsGone {
  readonly topics: readonly string[];
  /** Undefined where nobody has noted it: then only whoever configures can say that the new one differs. */
  readonly site: string | undefined;
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
  const isMeant = known.gone === true || known.aside !== undefined;
  return { prefix, ids: known.topics, site: known.site, isMeant };
}

/**
 * Which of them are gone; `look` asks for those of that prefix. Throws QUEUE_CHANGED where all are there; and where none is,
 * unless that is meant: these may be other brokers, and what is spooled would go to a queue of somebody else.
 */
export async function assertGone(
  config: Config,
  { prefix, ids, site: noted, isMeant }: GoneTopics,
  look: (at: { prefix: string; noted: readonly string[] }) => Promise<TopicsThere>,
): Promise<WhatIsGone> {
  const { hasBegun, site = noted, lost, idOf } = await look({ prefix, noted: Object.keys(ids) });
  // Where an earlier version has made the folder theirs.
  if (site === config.site) throw ofTheSameSite(config, prefix);
  const others = Object.entries(ids).filter(([name, id]) => idOf(name) !== id);
  const gone = [...new Set([...others.map(([name]) => name), ...lost, ...(hasBegun ? [] : [`${prefix}control`])])];
  if (gone.length > 0) {
    if (site === undefined && config.site === DEFAULT_SITE) throw ofUnknownSite(config, prefix);
    const isNoneThere = !hasBegun && Object.keys(ids).every((name) => idOf(name) === undefined);
    if (isNoneThere && !isMeant) throw ofOtherBrokers(config, prefix);
    return { topics: gone, site };
  }
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
  const aside = await asideOf(config, prefix, disk);
  for (const path of OF_OFFSETS) await putAside(disk, config, path, aside);
  await bindAnew(config, topics, disk);
}

/** A folder that nothing of another time is in: chosen once, so that a start after a crash goes on with the same one. */
async function asideOf(config: Config, prefix: string, disk: Disk): Promise<string> {
  const before = join(config.data, 'before');
  const noted = (await readBinding(config, disk))?.aside;
  if (noted !== undefined) return join(before, noted);
  const taken = await listOrNone(disk, before);
  // Of dots alone it would be no name of a folder.
  const name = prefix.replace(/^\.+|\.+$/g, '') || 'topics';
  let free = name;
  for (let n = 2; taken.includes(free); n++) free = `${name}-${n}`;
  await noteAside(config, free, disk);
  return join(before, free);
}

async function putAside(disk: Disk, config: Config, path: string, aside: string): Promise<void> {
  const [from, to] = [join(config.data, path), join(aside, path)];
  const [folder, other] = [join(from, '..'), join(to, '..')];
  if (!(await listOrNone(disk, folder)).some((name) => from === join(folder, name))) return;
  await makeDirectories(disk, other);
  try {
    await disk.rename(from, to);
  } catch (thrown) {
    if (!ELSEWHERE.includes(systemCode(thrown) ?? '')) throw thrown;
    // A place where a disk is mounted stays; what matters is what is in it.
    if (await isEmptyFolder(disk, from)) return;
    throw onAnotherDisk(config, from, to, thrown);
  }
  await disk.syncDirectory(other);
  await disk.syncDirectory(folder);
}

async function isEmptyFolder(disk: Disk, path: string): Promise<boolean> {
  try {
    return (await disk.list(path)).length === 0;
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOTDIR') return false;
    throw thrown;
  }
}

function onAnotherDisk(config: Config, from: string, to: string, cause: unknown): SpillwayError {
  const advice = `Move what is in ${from} to ${to} by hand, or remove it, while Spillway is stopped, and start again: it goes on from there.`;
  return changed(config, `has ${from}, which is on a disk of its own and cannot be moved to ${to}`, advice, cause);
}

function ofTheSameSite(config: Config, prefix: string): SpillwayError {
  const advice =
    `Set queue.prefix: ${prefix} again. Where these topics are gone for good, set another \`site\` too, so that new events ` +
    'do not get the ids of old ones (see docs/engines/kafka.md).';
  return changed(config, `is of the topics ${prefix}*, and queue.prefix is ${config.queue.prefix}`, advice);
}

function ofOtherBrokers(config: Config, prefix: string): SpillwayError {
  const advice =
    'Set the brokers, queue.prefix and `site` of its own queue again. Where that queue is gone for good, say so: put ' +
    `"gone":true, after the first brace of ${bindingFile(config)}, and start again (see docs/engines/kafka.md).`;
  const brokers = config.queue.brokers.join(', ');
  return changed(
    config,
    `is of the topics ${prefix}*, and none of them is on ${brokers}: these may be other brokers`,
    advice,
  );
}

function ofUnknownSite(config: Config, prefix: string): SpillwayError {
  const advice =
    `Set another \`site\` than ${DEFAULT_SITE}, and than the one that the ids of earlier events begin with, so that new ` +
    'events do not get the ids of old ones (see docs/engines/kafka.md).';
  return changed(
    config,
    `is of the topics ${prefix}*, which an earlier version has made and nobody knows the site of, most likely ${DEFAULT_SITE}`,
    advice,
  );
}

function tooFew(topic: string, partition: number): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    `The spool has records of partition ${partition} of ${topic}, and the new topics have fewer: set queue.partitions to ` +
      `at least ${partition + 1}.`,
  );
}

/** For whoever goes on where the old site is not known. */
export const UNKNOWN_SITE =
  'which site they had is not known: new events get ids of old ones unless the `site` of now is another one than the ids ' +
  'of earlier events begin with';
