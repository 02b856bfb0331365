/**
 * A data folder may change its search engine, and change back. The group's committed offsets are those of the engine that
 * was in use: another one goes on where it was left itself, or at the oldest retained event where it never was in use.
 * Otherwise what came meanwhile would be missing from its index for good, and nobody would notice.
 *
 * `search/engines.json` says which one is in use and where each other one was left; where stores of several data folders
 * share the queue, and so its offsets, the queue itself says it, and a change is one store's that is alone. It is noted
 * before the offsets are moved and after, so that it is done again after a crash in between.
 */
import { join } from 'node:path';
import { TOPICS } from '../../event/topics.ts';
import { type Disk, nodeDisk } from '../../lib/disk.ts';
import { makeDirectories, readWhole, replaceFile } from '../../lib/disk-files.ts';
import { SpillwayError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { Queue } from '../../queue/port.ts';
import type { Membership } from './membership.ts';

/** Committed offsets, by partition; -1 where there was none. */
type Positions = readonly number[];

interface Engines {
  readonly current: string;
  readonly left: Readonly<Record<string, Positions>>;
  /** The offsets are on their way to where this one was left: `left` has those of the current one. */
  readonly entering?: string;
}

/** Where it is noted which engine is in use. */
export interface EngineRecord {
  /** For people. */
  readonly place: string;
  read(): Promise<string | undefined>;
  /** Durable when it resolves. */
  write(text: string): Promise<void>;
  /** Whether no other store is a member of the group. */
  isAlone(): Promise<boolean>;
}

/** Of the folder whose store this is. */
export interface EngineInUse {
  readonly name: string;
  /** The folder `search` of the data folder. */
  readonly directory: string;
  /** Of a queue that several data folders share; left out, it is a file of that folder. */
  readonly record?: EngineRecord;
}

export interface EngineChangeParts {
  readonly engine: EngineInUse;
  readonly queue: Queue;
  readonly membership: Membership;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly disk?: Disk;
}

const FILE = 'engines.json';
const NONE = -1;

/** Call it before an open intent is recovered. Durable when it resolves. */
export async function goOnWithEngine(parts: EngineChangeParts): Promise<void> {
  const { engine, log } = parts;
  const known = await read(parts);
  if (known === undefined) return write(parts, { current: engine.name, left: {} });
  const { current, entering } = known;
  if (current === engine.name && entering === undefined) return;
  await assertAlone(parts);
  const isBegun = entering !== undefined;
  const left = isBegun ? known.left : { ...known.left, [current]: await committed(parts) };
  await write(parts, { current, left, entering: engine.name });
  const to = left[engine.name];
  await moveTo(parts, to);
  const { [engine.name]: _, ...others } = left;
  await write(parts, { current: engine.name, left: others });
  log.warn(
    { from: current, to: engine.name },
    to === undefined
      ? `The search engine is ${engine.name} now: its index is made of what the queue retains`
      : `The search engine is ${engine.name} again: it goes on where it was`,
  );
}

/** The offsets of all partitions are moved, which is for one store that has them all. */
async function assertAlone(parts: EngineChangeParts): Promise<void> {
  if (await recordOf(parts).isAlone()) return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `The search engine of this queue changes to ${parts.engine.name}, and other stores are at work: stop them, start one ` +
      'with the new engine, and then the others. One that was killed counts for a minute.',
  );
}

async function committed({ queue, membership }: EngineChangeParts): Promise<Positions> {
  const partitions = Array.from({ length: queue.partitionCount(TOPICS.events) }, (_, partition) => partition);
  return Promise.all(partitions.map(async (partition) => (await membership.committed(partition)) ?? NONE));
}

async function moveTo(parts: EngineChangeParts, positions: Positions = []): Promise<void> {
  const { queue, membership, signal } = parts;
  // Of a partition of which nothing is committed the store finds the place in the index itself: see recall-place.ts.
  const begun = (await committed(parts)).flatMap((position, partition) => (position > 0 ? [partition] : []));
  await membership.until(begun, signal);
  for (const partition of begun) {
    const reader = queue.openReader({ topic: TOPICS.events, partition });
    try {
      await membership.commit(partition, Math.max(positions[partition] ?? NONE, await reader.earliestOffset()));
    } finally {
      await reader.close();
    }
  }
}

async function read(parts: EngineChangeParts): Promise<Engines | undefined> {
  const record = recordOf(parts);
  const text = await record.read();
  if (text === undefined) return undefined;
  try {
    const engines: Engines = JSON.parse(text);
    return { ...engines, left: { ...engines.left } };
  } catch (cause) {
    const path = record.place;
    const message = `${path} cannot be read: put a copy from a backup there.`;
    throw new SpillwayError('QUEUE_CORRUPT', message, { cause, details: { path } });
  }
}

function write(parts: EngineChangeParts, engines: Engines): Promise<void> {
  return recordOf(parts).write(JSON.stringify(engines));
}

function recordOf({ engine, disk = nodeDisk }: EngineChangeParts): EngineRecord {
  const path = join(engine.directory, FILE);
  return (
    engine.record ?? {
      place: path,
      read: async () => (await readWhole(disk, path))?.toString('utf8'),
      write: async (text) => {
        await makeDirectories(disk, engine.directory);
        await replaceFile(disk, path, Buffer.from(`${text}\n`));
      },
      // The lock of the data folder sees to it.
      isAlone: () => Promise.resolve(true),
    }
  );
}
