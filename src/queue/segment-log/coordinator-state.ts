/**
 * The coordinator's file: one line of JSON after one line with its CRC-32C in hexadecimal. Version 1 knew neither topics
 * nor assignments: a group had one generation for all its partitions.
 */
import { crc32c } from '@node-rs/crc32';
import { SpillwayError } from '../../lib/errors.ts';
import { parsePartitionKey } from './names.ts';

/** Partitions that were added to a topic, up to the next addition or the end. */
export interface Addition {
  readonly first: number;
  /** By earlier partition: before these offsets stands what sources wrote there before they moved; null if not known yet. */
  barrier: readonly number[] | null;
}

export interface TopicRecord {
  partitions: number;
  readonly additions: Addition[];
}

export interface GroupRecord {
  /** How many members there have been: a member's number is never given again. */
  members: number;
  /** By `topic/partition`. Without `committed` nothing was. */
  readonly partitions: Record<string, { generation: number; committed?: number }>;
}

export interface CoordinatorState {
  readonly version: 2;
  /** The newest epoch, by `topic/partition`. */
  readonly epochs: Record<string, number>;
  readonly topics: Record<string, TopicRecord>;
  readonly groups: Record<string, GroupRecord>;
}

interface StateV1 {
  readonly version: 1;
  readonly epochs: Record<string, number>;
  readonly groups: Record<string, { readonly generation: number; readonly committed: Record<string, number> }>;
}

/** Without prototypes: names of topics and groups are keys. */
export function emptyState(): CoordinatorState {
  return { version: 2, epochs: record(), topics: record(), groups: record() };
}

export function printState(state: CoordinatorState): Buffer {
  const body = Buffer.from(`${JSON.stringify(state)}\n`);
  return Buffer.concat([Buffer.from(`${checksum(body)}\n`), body]);
}

/** Throws QUEUE_CORRUPT. */
export function parseState(bytes: Buffer, path: string): CoordinatorState {
  const body = bytes.subarray(9);
  if (bytes.toString('latin1', 0, 9) !== `${checksum(body)}\n`) {
    throw new SpillwayError(
      'QUEUE_CORRUPT',
      `${path} does not match its checksum. Put a copy from a backup there, or remove it: then every consumer group ` +
        'begins at the oldest record again.',
      { details: { path } },
    );
  }
  const state: StateV1 | CoordinatorState = JSON.parse(body.toString('utf8'));
  switch (state.version) {
    case 1:
      return fromV1(state);
    case 2:
      return copyState(state);
    default:
      throw new SpillwayError('QUEUE_CORRUPT', `${path} is of a version that this program does not know.`, {
        details: { path },
      });
  }
}

export function copyState(from: CoordinatorState): CoordinatorState {
  const state = emptyState();
  Object.assign(state.epochs, from.epochs);
  for (const [topic, { partitions, additions }] of Object.entries(from.topics)) {
    state.topics[topic] = { partitions, additions: additions.map((addition) => ({ ...addition })) };
  }
  for (const [group, { members, partitions }] of Object.entries(from.groups)) {
    const copy: GroupRecord = { members, partitions: record() };
    for (const [key, known] of Object.entries(partitions)) copy.partitions[key] = { ...known };
    state.groups[group] = copy;
  }
  return state;
}

/**
 * A topic had as many partitions as the configuration said; the epochs tell of which there were writers, so these are
 * what its sources were mapped to.
 */
function fromV1({ epochs, groups }: StateV1): CoordinatorState {
  const state = emptyState();
  Object.assign(state.epochs, epochs);
  for (const key of Object.keys(epochs)) {
    const at = parsePartitionKey(key);
    if (at === undefined) continue;
    const known = state.topics[at.topic]?.partitions ?? 0;
    state.topics[at.topic] = { partitions: Math.max(known, at.partition + 1), additions: [] };
  }
  for (const [group, { generation, committed }] of Object.entries(groups)) {
    const copy: GroupRecord = { members: generation, partitions: record() };
    for (const [key, offset] of Object.entries(committed)) copy.partitions[key] = { generation, committed: offset };
    state.groups[group] = copy;
  }
  return state;
}

function record<Value>(): Record<string, Value> {
  return Object.create(null);
}

function checksum(body: Buffer): string {
  return crc32c(body).toString(16).padStart(8, '0');
}
