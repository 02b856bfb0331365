/**
 * What a tenant has created is bound to it by its name in the queue: `shop.orders` is the topic `orders` of the tenant
 * `shop`, and so are groups. Neither part has a dot, so no two tenants' names meet, and none is that of a role.
 */
import { GROUPS, TOPICS } from '../../event/topics.ts';
import { SpillwayError } from '../../lib/errors.ts';

export const OWNED_NAME_PATTERN = '^[a-z0-9][a-z0-9_-]{0,63}$';
const NAME = new RegExp(OWNED_NAME_PATTERN);
const WORDS = 'up to 64 of a-z, 0-9, _ and -, beginning with a letter or digit';

/** The roles' own, or an address of the API. */
const RESERVED_TOPICS: ReadonlySet<string> = new Set([
  ...Object.values(TOPICS),
  'business-events',
  'control',
  'partitions',
  'topics',
]);
const RESERVED_GROUPS: ReadonlySet<string> = new Set([...Object.values(GROUPS), 'archive', 'mirror', 'drain']);

export interface OwnedName {
  readonly tenant: string;
  readonly name: string;
}

export const ownedName = ({ tenant, name }: OwnedName): string => `${tenant}.${name}`;

/** Undefined where it is nobody's: a topic or group of the roles. */
export function ownerOf(queueName: string): OwnedName | undefined {
  const dot = queueName.indexOf('.');
  return dot < 0 ? undefined : { tenant: queueName.slice(0, dot), name: queueName.slice(dot + 1) };
}

/** Throws BAD_REQUEST. */
export function assertTopicName(name: string): void {
  assertName('topic', name, RESERVED_TOPICS);
}

/** Throws BAD_REQUEST. */
export function assertGroupName(name: string): void {
  assertName('group', name, RESERVED_GROUPS);
}

function assertName(what: 'topic' | 'group', name: string, reserved: ReadonlySet<string>): void {
  const details = { parameter: what };
  if (!NAME.test(name)) {
    throw new SpillwayError('BAD_REQUEST', `"${name.slice(0, 64)}" cannot be a ${what}: use ${WORDS}.`, { details });
  }
  if (reserved.has(name)) {
    throw new SpillwayError('BAD_REQUEST', `The name ${name} is Spillway's own: choose another ${what}.`, { details });
  }
}
