/**
 * Every name that the segment log puts on the disk, and the version of the format. A change here needs a new version,
 * a golden folder under test/golden/ and a reader of the old one.
 *
 *   <directory>/format                                    "spillway-queue 2"
 *   <directory>/<topic>/<partition>/<base>.<epoch>.log    a segment: record batches one after another, nothing else
 *   <directory>/<topic>/<partition>/<base>.<epoch>.torn-<position>  bytes that were cut from the end of a segment
 *   <directory>/<topic>/<partition>/owner                 the epoch that may write, as JSON
 *   <directory>/<topic>/<partition>/owner.<epoch>.tmp     who is about to be the owner
 *   <directory>/<topic>/<partition>/segment.<epoch>.tmp   the empty segment that it is going to begin with
 *   <directory>/<topic>/<partition>/torn.<epoch>.tmp      a torn tail while it is copied
 *   <directory>/<topic>/<partition>/durable               where the durable data ended when the writer last said so
 *   <directory>/.coordinator/state                        epochs, partitions, generations, committed offsets, as JSON
 *   <directory>/.coordinator/topics                       the topics and groups that users created, as JSON
 *
 * A topic that a user created is called `<tenant>.<topic>`. Programs of before know neither such topics nor that file,
 * and leave both as they are.
 *
 * `<base>` is the offset of the segment's first record in 20 digits (Kafka's tools read it), `<epoch>` 10 digits.
 */
import { join } from 'node:path';
import { SpillwayError } from '../../lib/errors.ts';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import type { TopicPartition } from '../port.ts';

export const FORMAT_VERSION = 2;
export const FORMAT_FILE = 'format';
export const FORMAT_LINE = `spillway-queue ${FORMAT_VERSION}\n`;
/** Of earlier versions. Version 1 had another coordinator's file; the folder becomes one of this version at the start. */
export const FORMAT_LINES_READ: readonly string[] = ['spillway-queue 1\n'];
export const OWNER_FILE = 'owner';
export const DURABLE_FILE = 'durable';
export const COORDINATOR_FOLDER = '.coordinator';
export const COORDINATOR_FILE = 'state';
export const CATALOGUE_FILE = 'topics';

const SEGMENT = /^(\d{20})\.(\d{10})\.log$/;
const TORN = /^(\d{20}\.\d{10})\.torn-\d+$/;
const ANNOUNCED = /^(?:owner|segment|torn)(?:\.(\d+))?\.tmp$/;
/** Of the roles, or after the tenant that created it and a dot. */
const TOPIC = /^(?:[a-z0-9][a-z0-9_-]{0,63}\.)?[a-z0-9_-]{1,64}$/;
const PARTITION = /^(0|[1-9]\d{0,4})$/;

export interface SegmentName {
  readonly name: string;
  readonly base: number;
  readonly epoch: number;
}

export function segmentName(base: number, epoch: number): SegmentName {
  return { name: `${String(base).padStart(20, '0')}.${String(epoch).padStart(10, '0')}.log`, base, epoch };
}

/** Undefined where the name is not a segment's. */
export function parseSegmentName(name: string): SegmentName | undefined {
  const match = SEGMENT.exec(name);
  return match === null ? undefined : { name, base: Number(match[1]), epoch: Number(match[2]) };
}

/** Where the bytes from `position` to the end of the segment are kept when they are cut. */
export function tornName(segment: SegmentName, position: number): string {
  return `${segment.name.slice(0, -'.log'.length)}.torn-${position}`;
}

/** The segment's name that a torn tail was cut from; undefined where the name is not a torn tail's. */
export function segmentOfTorn(name: string): string | undefined {
  const match = TORN.exec(name);
  return match === null ? undefined : `${match[1]}.log`;
}

export function announcedOwner(epoch: number): string {
  return `${OWNER_FILE}.${epoch}.tmp`;
}

export function announcedSegment(epoch: number): string {
  return `segment.${epoch}.tmp`;
}

export function tornTemporary(epoch: number): string {
  return `torn.${epoch}.tmp`;
}

/** Of any of these; 0 where the name says none (as earlier versions wrote it). Undefined where it is another name. */
export function announcedEpoch(name: string): number | undefined {
  const match = ANNOUNCED.exec(name);
  return match === null ? undefined : Number(match[1] ?? 0);
}

export function isTopicName(name: string): boolean {
  return TOPIC.test(name);
}

/** The partition of a folder's name; undefined where it is not one. */
export function parsePartitionFolder(name: string): number | undefined {
  return PARTITION.test(name) ? Number(name) : undefined;
}

export function partitionFolder(directory: string, at: TopicPartition): string {
  if (!isTopicName(at.topic)) {
    throw new SpillwayError('NOT_FOUND', `'${at.topic}' cannot be a topic: use a-z, 0-9, _ and -, up to 64 of them.`);
  }
  if (!Number.isInteger(at.partition) || at.partition < 0 || at.partition >= QUEUE_LIMITS.partitionsPerTopic) {
    throw new SpillwayError('NOT_FOUND', `${at.partition} cannot be a partition of '${at.topic}'.`);
  }
  return join(directory, at.topic, String(at.partition));
}

export function partitionKey(at: TopicPartition): string {
  return `${at.topic}/${at.partition}`;
}

/** The other way round; undefined where the text is not a partition's key. */
export function parsePartitionKey(key: string): TopicPartition | undefined {
  const slash = key.lastIndexOf('/');
  const topic = key.slice(0, slash);
  const partition = parsePartitionFolder(key.slice(slash + 1));
  return partition === undefined || !isTopicName(topic) ? undefined : { topic, partition };
}
