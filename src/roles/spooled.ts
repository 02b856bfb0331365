/** What a collector has accepted while Kafka was away, in the data folder. */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { TOPICS } from '../event/topics.ts';
import { type Disk, nodeDisk } from '../lib/disk.ts';
import { readBacklog, type Unread } from '../queue/segment-log/backlog.ts';
import { DRAIN_GROUP } from '../queue/spool/spooling-queue.ts';

/** What a collector appends to. */
export const SPOOLED_TOPICS: readonly string[] = [TOPICS.raw, TOPICS.deadLetter];

export const spoolFolder = ({ data }: Pick<Config, 'data'>): string => join(data, 'queue', 'spool');

export interface Spooled {
  readonly records: number;
  readonly partitions: readonly Unread[];
}

/** What is there and has not gone to Kafka. Throws QUEUE_CORRUPT. */
export async function readSpooled(config: Config, disk: Disk = nodeDisk): Promise<Spooled> {
  const readers = SPOOLED_TOPICS.map((topic) => ({ group: DRAIN_GROUP, topic }));
  const partitions = await readBacklog(disk, spoolFolder(config), readers);
  return { records: partitions.reduce((sum, one) => sum + one.records, 0), partitions };
}
