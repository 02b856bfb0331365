/**
 * A data folder belongs to one queue. Ids of events, positions in the ledger, of idempotency keys and of the
 * search store are numbers of that queue; another one begins at 0 again, and would give the same numbers to other
 * records. So a folder that has an embedded queue is not started on Kafka, nor the other way round, nor on topics that
 * were made anew: a new queue gets a new folder, beside the old one (docs/scaling.md). Where the topics of a folder are
 * gone it may go on with others: see gone-topics.ts.
 */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { GROUPS, TOPICS } from '../event/topics.ts';
import { type Disk, nodeDisk } from '../lib/disk.ts';
import { makeDirectories, readWhole, replaceFile } from '../lib/disk-files.ts';
import { SpillwayError } from '../lib/errors.ts';
import type { KnownTopics } from '../queue/kafka/queue-options.ts';
import { isSegmentLog, readBacklog, type Unread } from '../queue/segment-log/backlog.ts';
import { anotherSite } from '../queue/site.ts';
import { readSpooled } from './spooled.ts';

/** Which topics of Kafka the folder belongs to: `{"site": "local", "topics": {"spillway.raw": "<Kafka's id of it>"}}`. */
const KAFKA_FILE = 'kafka.json';

/** Who reads what, and must have before the queue may be left. */
export const QUEUE_READERS = [
  { group: GROUPS.processor, topic: TOPICS.raw },
  { group: GROUPS.store, topic: TOPICS.events },
] as const;

export type TopicIds = Readonly<Record<string, string>>;

export interface Binding {
  readonly topics: TopicIds;
  /** What an earlier version has noted has none. */
  readonly site?: string;
  /** Under `before/`: where all goes that is of these topics, once the folder has begun to leave them. */
  readonly aside?: string;
  /** Written by hand: these topics are gone for good, though no broker that is asked has ever heard of them. */
  readonly gone?: boolean;
}

export const bindingFile = ({ data }: Pick<Config, 'data'>): string => join(data, 'queue', KAFKA_FILE);

const OWN_FOLDER = 'A new queue needs a data folder of its own, with another `site`';
const WHERE_GONE =
  'Where its own topics are gone for good, it goes on with others: with another queue.prefix and another `site` ' +
  '(see docs/engines/kafka.md).';
const LEAVE_EMBEDDED =
  `${OWN_FOLDER}: start it beside this one with --data DIR, move the senders, then empty this one with ` +
  '`spillway drain` (see docs/scaling.md).';

/** Throws QUEUE_CHANGED where the folder has an embedded queue; says what of it nobody has read. */
export async function assertNotEmbedded(config: Config, disk: Disk = nodeDisk): Promise<void> {
  const directory = join(config.data, 'queue');
  if (!(await isSegmentLog(disk, directory))) return;
  const unread = printUnread(await readBacklog(disk, directory, QUEUE_READERS));
  const what = `is of an embedded queue${unread === '' ? '' : `, of which ${unread}`}, and queue.engine is kafka`;
  throw changed(config, what, LEAVE_EMBEDDED);
}

/** Throws QUEUE_CHANGED where the folder belongs to a queue on Kafka. */
export async function assertNotKafka(config: Config, disk: Disk = nodeDisk): Promise<void> {
  const known = await readBinding(config, disk);
  if (known === undefined) return;
  const topics = Object.keys(known.topics).join(', ');
  throw changed(
    config,
    `is of a queue on Kafka (${topics}), and queue.engine is embedded`,
    await leaveKafka(config, disk),
  );
}

/**
 * Makes the folder theirs at the first start; throws QUEUE_CHANGED where it is another's. `site`: theirs, where that is
 * settled; a later start notes it otherwise.
 */
export async function bindToTopics(
  config: Config,
  topics: TopicIds,
  site: string | undefined,
  disk: Disk = nodeDisk,
): Promise<void> {
  await assertBoundTo(config, topics, disk);
  const known = await readBinding(config, disk);
  if (known?.site !== undefined && known.aside === undefined && known.gone === undefined) return;
  const settled = site ?? known?.site;
  await writeBinding(config, { ...(settled === undefined ? {} : { site: settled }), topics }, disk);
}

/** Whatever it was before, it is theirs from now on. */
export async function bindAnew(config: Config, topics: TopicIds, disk: Disk = nodeDisk): Promise<void> {
  await writeBinding(config, { site: config.site, topics }, disk);
}

/** It has begun to leave its topics; until `bindAnew` it is theirs all the same. */
export async function noteAside(config: Config, aside: string, disk: Disk = nodeDisk): Promise<void> {
  const known = await readBinding(config, disk);
  if (known !== undefined) await writeBinding(config, { ...known, aside }, disk);
}

async function writeBinding(config: Config, binding: Binding, disk: Disk): Promise<void> {
  await makeDirectories(disk, join(config.data, 'queue'));
  await replaceFile(disk, bindingFile(config), Buffer.from(`${JSON.stringify(binding)}\n`));
}

/** What a queue is told of the topics that the folder belongs to; undefined before the first start. */
export async function knownTopics(config: Config, disk: Disk = nodeDisk): Promise<KnownTopics | undefined> {
  const known = await readBinding(config, disk);
  if (known === undefined) return undefined;
  return { ids: known.topics, refusal: (others) => ofOthers(config, others, `${OWN_FOLDER}. ${WHERE_GONE}`) };
}

/** Whether a start on these topics was made in the folder before. Throws QUEUE_CHANGED where that was on others, SITE_CHANGED. */
export async function isBoundTo(config: Config, names: readonly string[], disk: Disk = nodeDisk): Promise<boolean> {
  const known = await readBinding(config, disk);
  if (known === undefined) return false;
  const other = names.filter((name) => known.topics[name] === undefined);
  if (other.length > 0) throw await ofAnotherPrefix(config, other, disk);
  if (known.site !== undefined && known.site !== config.site) {
    throw anotherSite(`The data folder ${config.data} is`, known.site, config.site, `${OWN_FOLDER} and queue.prefix`);
  }
  return true;
}

/** Throws QUEUE_CHANGED where the folder belongs to others. */
export async function assertBoundTo(config: Config, topics: TopicIds, disk: Disk = nodeDisk): Promise<void> {
  const known = await readBinding(config, disk);
  const other = Object.entries(topics).filter(([topic, id]) => known !== undefined && known.topics[topic] !== id);
  if (other.length === 0) return;
  const names = other.map(([topic]) => topic);
  throw ofOthers(config, names, await leaveKafka(config, disk));
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

/** Undefined before the first start on Kafka. Throws QUEUE_CORRUPT. */
export async function readBinding(config: Config, disk: Disk = nodeDisk): Promise<Binding | undefined> {
  const path = bindingFile(config);
  const text = (await readWhole(disk, path))?.toString('utf8');
  if (text === undefined) return undefined;
  try {
    const { topics, site, aside, gone }: Binding = JSON.parse(text);
    return {
      topics: { ...topics },
      ...(site === undefined ? {} : { site }),
      ...(aside === undefined ? {} : { aside }),
      ...(gone === undefined ? {} : { gone }),
    };
  } catch (cause) {
    const message = `${path} cannot be read: put a copy from a backup there.`;
    throw new SpillwayError('QUEUE_CORRUPT', message, { cause, details: { path } });
  }
}

export async function ofAnotherPrefix(config: Config, names: readonly string[], disk: Disk): Promise<SpillwayError> {
  const what = `is of other topics of Kafka than ${names.join(', ')}: of another prefix`;
  return changed(config, what, await leaveKafka(config, disk));
}

function ofOthers(config: Config, topics: readonly string[], advice: string): SpillwayError {
  return changed(
    config,
    `is of other topics of Kafka than ${topics.join(', ')} of ${config.queue.brokers.join(', ')}: ` +
      'another cluster or prefix, or topics that were removed or made anew',
    advice,
  );
}

/** Nothing of Kafka's has to be emptied; what is kept for it here has. */
async function leaveKafka(config: Config, disk: Disk): Promise<string> {
  const { records } = await readSpooled(config, disk);
  const spooled =
    records === 0
      ? 'This one needs no drain: any processor and store on its topics read what is there.'
      : `${records.toLocaleString('en')} records that were accepted while Kafka was away are in this one: a start with ` +
        'its own configuration appends them to Kafka.';
  return `${OWN_FOLDER} (see docs/scaling.md). ${spooled} ${WHERE_GONE}`;
}

/** `advice`: what to do, for doctor too. */
export function changed(config: Config, what: string, advice: string, cause?: unknown): SpillwayError {
  return new SpillwayError('QUEUE_CHANGED', `The data folder ${config.data} ${what}. ${advice}`, {
    details: { path: config.data, advice },
    cause,
  });
}
