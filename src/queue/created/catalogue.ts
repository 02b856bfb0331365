/**
 * The topics and groups that users created: what is kept of them, the same for every engine, and what may be changed.
 * Names are those of the queue (owned-names.ts). Each change throws where it may not be, else says whether it changed
 * anything; whoever keeps the catalogue makes it durable.
 */
import { isDeepStrictEqual } from 'node:util';
import { SpillwayError } from '../../lib/errors.ts';
import { TOPIC_LIMITS } from '../../lib/limits.ts';
import { ownerOf } from './owned-names.ts';

export interface TopicRetention {
  readonly maxAgeMs: number;
  /** Of the whole topic. */
  readonly maxBytes: number;
}

export interface TopicSettings {
  readonly partitions: number;
  readonly retention: TopicRetention;
  /** Groups that must have read a record before retention may take it. */
  readonly requiredGroups: readonly string[];
}

export interface CreatedTopic extends TopicSettings {
  readonly createdMs: number;
  /** Before any were added; absent where none were. */
  readonly firstPartitions?: number;
  /** Nobody reads or writes it any more; its records are being removed. */
  readonly isDeleting: boolean;
}

export interface CreatedGroup {
  /** All that its members ever subscribed to. */
  readonly topics: readonly string[];
}

export interface Catalogue {
  readonly version: 1;
  readonly topics: Record<string, CreatedTopic>;
  readonly groups: Record<string, CreatedGroup>;
  /**
   * Epochs, generations and numbers of members that were given out for what is deleted now are not above this: what is
   * created again under an old name begins after it, so nothing old is ever taken for something new.
   */
  floor: number;
}

export function emptyCatalogue(): Catalogue {
  return { version: 1, topics: Object.create(null), groups: Object.create(null), floor: 0 };
}

export function copyCatalogue({ topics, groups, floor }: Catalogue): Catalogue {
  const copy = emptyCatalogue();
  Object.assign(copy.topics, structuredClone({ ...topics }));
  Object.assign(copy.groups, structuredClone({ ...groups }));
  copy.floor = floor;
  return copy;
}

/** The same again changes nothing. Throws TOPIC_EXISTS, LIMIT_REACHED. */
export function addTopic({ topics }: Catalogue, name: string, settings: TopicSettings, nowMs: number): boolean {
  const known = topics[name];
  const called = ownerOf(name)?.name ?? name;
  if (known?.isDeleting === true) {
    throw new SpillwayError('TOPIC_EXISTS', `The topic ${called} is being deleted; create it again in a moment.`);
  }
  if (known !== undefined) {
    const { partitions, firstPartitions = partitions, retention, requiredGroups } = known;
    // As many as it was created with is the same too: who creates it at each start does not know that some were added.
    const hasPartitions = settings.partitions === partitions || settings.partitions === firstPartitions;
    if (hasPartitions && isDeepStrictEqual({ ...settings, partitions }, { partitions, retention, requiredGroups })) {
      return false;
    }
    throw new SpillwayError(
      'TOPIC_EXISTS',
      `There is a topic ${called} already, with ${partitions} partitions and other settings. PATCH changes its retention and required groups, and adds partitions.`,
      { details: { topic: called, partitions } },
    );
  }
  assertRoomForTopic(topics, name, settings.partitions);
  topics[name] = { ...settings, createdMs: nowMs, isDeleting: false };
  return true;
}

function assertRoomForTopic(topics: Catalogue['topics'], name: string, partitions: number): void {
  const all = Object.entries(topics);
  const tenant = ownerOf(name)?.tenant;
  const own = all.filter(([other]) => ownerOf(other)?.tenant === tenant);
  const total = all.reduce((sum, [, topic]) => sum + topic.partitions, 0);
  if (own.length >= TOPIC_LIMITS.topicsPerTenant) {
    throw limitReached(`This tenant has ${own.length} topics already`, TOPIC_LIMITS.topicsPerTenant);
  }
  if (all.length >= TOPIC_LIMITS.topics) throw limitReached('There is no room for more topics', TOPIC_LIMITS.topics);
  if (total + partitions > TOPIC_LIMITS.partitions) {
    throw limitReached(`${partitions} more partitions are too many for this installation`, TOPIC_LIMITS.partitions);
  }
}

/** Throws NOT_FOUND, BAD_REQUEST where it would have fewer partitions, LIMIT_REACHED. */
export function changeTopic(catalogue: Catalogue, name: string, change: Partial<TopicSettings>): boolean {
  const { topics } = catalogue;
  const known = livingTopic(topics, name);
  const { partitions = known.partitions } = change;
  if (partitions !== known.partitions) assertMayGrow(catalogue, name, partitions);
  const first = partitions === known.partitions ? known.firstPartitions : (known.firstPartitions ?? known.partitions);
  const next = { ...known, ...change, ...(first === undefined ? {} : { firstPartitions: first }) };
  if (isDeepStrictEqual(known, next)) return false;
  topics[name] = next;
  return true;
}

function assertMayGrow({ topics, groups }: Catalogue, name: string, partitions: number): void {
  const known = livingTopic(topics, name);
  const added = partitions - known.partitions;
  if (added < 0) {
    throw new SpillwayError(
      'BAD_REQUEST',
      `The topic ${ownerOf(name)?.name ?? name} has ${known.partitions} partitions, and none is ever removed.`,
      { details: { partitions: known.partitions } },
    );
  }
  const { partitionsPerTopic, partitions: most, groupPartitions } = TOPIC_LIMITS;
  if (partitions > partitionsPerTopic) throw limitReached(`${partitions} are too many partitions`, partitionsPerTopic);
  const total = Object.values(topics).reduce((sum, topic) => sum + topic.partitions, 0);
  if (total + added > most) throw limitReached(`${added} more partitions are too many for this installation`, most);
  const readers = Object.values(groups).filter((group) => group.topics.includes(name)).length;
  if (positionsOf({ topics, groups }) + readers * added > groupPartitions) {
    throw limitReached('The groups would read too many partitions, all together', groupPartitions);
  }
}

function positionsOf({ topics, groups }: Pick<Catalogue, 'topics' | 'groups'>): number {
  return Object.values(groups)
    .flatMap((each) => each.topics)
    .reduce((sum, topic) => sum + (topics[topic]?.partitions ?? 0), 0);
}

/** Nobody uses it from now on. Throws NOT_FOUND. */
export function beginDeletion({ topics }: Catalogue, name: string): boolean {
  const known = Object.hasOwn(topics, name) ? topics[name] : undefined;
  if (known === undefined) throw noTopic(name);
  if (known.isDeleting) return false;
  topics[name] = { ...known, isDeleting: true };
  return true;
}

/** Its records are gone, or nobody will find them. */
export function endDeletion({ topics, groups }: Catalogue, name: string): boolean {
  if (topics[name] === undefined) return false;
  delete topics[name];
  for (const [group, known] of Object.entries(groups)) {
    if (known.topics.includes(name)) groups[group] = { topics: known.topics.filter((topic) => topic !== name) };
  }
  return true;
}

/** Throws NOT_FOUND, LIMIT_REACHED. */
export function addGroup(catalogue: Catalogue, group: string, subscribed: readonly string[]): boolean {
  const { topics, groups } = catalogue;
  for (const topic of subscribed) livingTopic(topics, topic);
  const known = groups[group];
  if (known !== undefined && subscribed.every((topic) => known.topics.includes(topic))) return false;
  if (known === undefined) assertRoomForGroup(groups, group);
  groups[group] = { topics: [...new Set([...(known?.topics ?? []), ...subscribed])] };
  if (positionsOf(catalogue) <= TOPIC_LIMITS.groupPartitions) return true;
  if (known === undefined) delete groups[group];
  else groups[group] = known;
  throw limitReached('The groups read too many partitions, all together', TOPIC_LIMITS.groupPartitions);
}

function assertRoomForGroup(groups: Catalogue['groups'], group: string): void {
  const names = Object.keys(groups);
  const tenant = ownerOf(group)?.tenant;
  const own = names.filter((other) => ownerOf(other)?.tenant === tenant).length;
  if (own >= TOPIC_LIMITS.groupsPerTenant) {
    throw limitReached(`This tenant has ${own} groups already`, TOPIC_LIMITS.groupsPerTenant);
  }
  if (names.length >= TOPIC_LIMITS.groups) throw limitReached('There is no room for more groups', TOPIC_LIMITS.groups);
}

/** Throws NOT_FOUND, GROUP_IN_USE where a topic requires it. */
export function removeGroup({ topics, groups }: Catalogue, group: string): boolean {
  if (groups[group] === undefined) throw noGroup(group);
  const needed = Object.entries(topics).find(([, { requiredGroups }]) => requiredGroups.includes(group));
  if (needed !== undefined) {
    const [topic, called] = [ownerOf(needed[0])?.name ?? '', ownerOf(group)?.name ?? group];
    throw new SpillwayError(
      'GROUP_IN_USE',
      `The topic ${topic} requires the group ${called}: change the topic first.`,
      {
        details: { topic },
      },
    );
  }
  delete groups[group];
  return true;
}

/** Throws NOT_FOUND. */
export function livingTopic(topics: Catalogue['topics'], name: string): CreatedTopic {
  const known = topics[name];
  if (known === undefined || known.isDeleting) throw noTopic(name);
  return known;
}

export function noTopic(name: string): SpillwayError {
  return new SpillwayError('NOT_FOUND', `There is no topic ${ownerOf(name)?.name ?? name}.`);
}

export function noGroup(group: string): SpillwayError {
  return new SpillwayError('NOT_FOUND', `There is no group ${ownerOf(group)?.name ?? group}.`);
}

export function groupInUse(group: string): SpillwayError {
  const called = ownerOf(group)?.name ?? group;
  return new SpillwayError('GROUP_IN_USE', `The group ${called} has members: let them leave first.`);
}

function limitReached(what: string, limit: number): SpillwayError {
  return new SpillwayError('LIMIT_REACHED', `${what}; at most ${limit} may be.`, { details: { limit } });
}
