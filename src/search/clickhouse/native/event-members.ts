/** The members that the record of an event has, by name. */
import type { ExpectedKey } from './json-scanner.ts';

const MEMBER_NAMES = [
  'id',
  'tenant',
  'timestamp',
  'received',
  'type',
  'source',
  'level',
  'message',
  'tags',
  'metadata',
  'payload',
  'layout',
  'original',
  'exact',
] as const;
export type Member = (typeof MEMBER_NAMES)[number];

export interface ExpectedMember extends ExpectedKey {
  readonly name: Member;
  /** A bit of its own. */
  readonly bit: number;
}

export const MEMBERS: ReadonlyMap<string, ExpectedMember> = new Map(
  MEMBER_NAMES.map((name, i) => [name, { name, bit: 1 << i, key: Buffer.from(name) }]),
);

/** Members that are '' where they are absent. */
export const TEXTS = ['type', 'source', 'level', 'message', 'layout', 'original', 'exact'] as const;
