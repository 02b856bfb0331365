/**
 * A data folder belongs to one queue for good. Ids of events, positions in the ledger, of idempotency keys and of the
 * search store are numbers of that queue; another one begins at 0 again, and would give the same numbers to other
 * records. So a folder that has an embedded queue is not started on Kafka, nor the other way round, nor on topics that
 * were made anew: a new queue gets a new folder, beside the old one (docs/scaling.md).
 */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { GROUPS, TOPICS } from '../event/topics.ts';
import { type Disk, nodeDisk } from '../lib/disk.ts';
import { makeDirectories, readWhole, replaceFile } from '../lib/disk-files.ts';
import { SpillwayError } from '../lib/errors.ts';
import type { KnownTopics } from '../queue/kafka/queue-options.ts';
import { isSegmentLog, readBacklog, type Unread } from '../queue/segment-log/backlog.ts';

/** Which topics of Kafka the folder belongs to: `{"topics": {"spillway.raw": "<Kafka's id of the topic>"}}`. */
const KAFKA_FILE = 'kafka.json';

/** Who reads what, and must have before the queue may be left. */
export const QUEUE_READERS = [
  { group: GROUPS.processor, topic: TOPICS.raw },
  { group: GROUPS.store, topic: TOPICS.events },
] as const;

export type TopicIds = Readonly<Record<string, string>>;

const ADVICE =
  'A new queue needs a data folder of its own: start it beside this one with --data DIR and another `site`, move the ' +
  'senders, then empty this one with `spillway drain` (see docs/scaling.md).';

/** Throws QUEUE_CHANGED where the folder has an embedded queue; says what of it nobody has read. */
export async function assertNotEmbedded(config: Config, disk: Disk = nodeDisk): Promise<void> {
  const directory = join(config.data, 'queue');
  if (!(await isSegmentLog(disk, directory))) return;
  const unread = printUnread(await readBacklog(disk, directory, QUEUE_READERS));
  throw changed(
    config,
    `is of an embedded queue${unread === '' ? '' : `, of which ${unread}`}, and queue.engine is kafka`,
  );
}

/** Throws QUEUE_CHANGED where the folder belongs to a queue on Kafka. */
export async function assertNotKafka(config: Config, disk: Disk = nodeDisk): Promise<void> {
  const known = await boundTopics(config, disk);
  if (known === undefined) return;
  const topics = Object.keys(known).join(', ');
  throw changed(config, `is of a queue on Kafka (${topics}), and queue.engine is embedded`);
}

/** Makes the folder theirs at the first start; throws QUEUE_CHANGED where it is another's. */
export async function bindToTopics(config: Config, topics: TopicIds, disk: Disk = nodeDisk): Promise<void> {
  if ((await boundTopics(config, disk)) !== undefined) return assertBoundTo(config, topics, disk);
  const directory = join(config.data, 'queue');
  await makeDirectories(disk, directory);
  await replaceFile(disk, join(directory, KAFKA_FILE), Buffer.from(`${JSON.stringify({ topics })}\n`));
}

/** What a queue is told of the topics that the folder belongs to; undefined before the first start. */
export async function knownTopics(config: Config, disk: Disk = nodeDisk): Promise<KnownTopics | undefined> {
  const ids = await boundTopics(config, disk);
  return ids === undefined ? undefined : { ids, refusal: (others) => ofOthers(config, others) };
}

/** Whether a start on these topics was made in the folder before; throws QUEUE_CHANGED where that was on others. */
export async function isBoundTo(config: Config, names: readonly string[], disk: Disk = nodeDisk): Promise<boolean> {
  const known = await boundTopics(config, disk);
  if (known === undefined) return false;
  const other = names.filter((name) => known[name] === undefined);
  if (other.length > 0)
    throw changed(config, `is of other topics of Kafka than ${other.join(', ')}: of another prefix`);
  return true;
}

/** Throws QUEUE_CHANGED where the folder belongs to others. */
export async function assertBoundTo(config: Config, topics: TopicIds, disk: Disk = nodeDisk): Promise<void> {
  const known = await boundTopics(config, disk);
  const other = Object.entries(topics).filter(([topic, id]) => known !== undefined && known[topic] !== id);
  if (other.length === 0) return;
  throw ofOthers(
    config,
    other.map(([topic]) => topic),
  );
}

/** `1,200 records of raw have not been read by the processor`; empty where everything was. */
export function printUnread(unread: readonly Unread[]): string {
  return QUEUE_READERS.flatMap(({ group, topic }) => {
    const records = unread.reduce((sum, one) => sum + (one.group === group ? one.records : 0), 0);
    return records === 0
      ? []
      : `${records.toLocaleString('en')} records of ${topic} have not been read by the ${group}`;
  }).join(' and ');
}

async function boundTopics(config: Config, disk: Disk): Promise<TopicIds | undefined> {
  const path = join(config.data, 'queue', KAFKA_FILE);
  const text = (await readWhole(disk, path))?.toString('utf8');
  if (text === undefined) return undefined;
  try {
    const { topics }: { topics: TopicIds } = JSON.parse(text);
    return { ...topics };
  } catch (cause) {
    const message = `${path} cannot be read: put a copy from a backup there.`;
    throw new SpillwayError('QUEUE_CORRUPT', message, { cause, details: { path } });
  }
}

function ofOthers(config: Config, topics: readonly string[]): SpillwayError {
  return changed(
    config,
    `is of other topics of Kafka than ${topics.join(', ')} of ${config.queue.brokers.join(', ')}: ` +
      'another cluster or prefix, or topics that were removed or made anew',
  );
}

function changed(config: Config, what: string): SpillwayError {
  return new SpillwayError('QUEUE_CHANGED', `The data folder ${config.data} ${what}. ${ADVICE}`, {
    details: { path: config.data },
  });
}
