/** The members of a JSON line that are not payload, by name. */
import { EVENT_LIMITS } from '../../lib/limits.ts';
import type { Draft } from '../draft.ts';
import type { JsonNode } from '../normalise/json-reader.ts';
import type { MemberTree } from '../normalise/member-tree.ts';
import { quote } from '../text/json-text.ts';
import { levelOfNumber, levelOfWord } from '../text/levels.ts';
import { isCanonicalNumber } from '../text/numbers.ts';
import type { TimeReader } from '../time/any.ts';
import { epochMs } from '../time/epoch.ts';

export type Role = 'message' | 'time' | 'level' | 'app' | 'host' | 'team' | 'type' | 'source' | 'tags';

const NAMES: Readonly<Record<Role, readonly string[]>> = {
  message: ['message', 'msg', '_msg', 'log'],
  time: ['timestamp', '@timestamp', '_time', 'time', 'ts'],
  level: ['level', 'severity', 'lvl'],
  app: ['app', 'service'],
  host: ['host', 'hostname'],
  team: ['team'],
  type: ['type'],
  source: ['source'],
  tags: ['tags'],
};
const ROLE_OF_NAME = new Map(
  Object.entries(NAMES).flatMap(([role, names]) => names.map((name) => [name, role as Role] as const)),
);

export function roleOfName(name: string): Role | undefined {
  return ROLE_OF_NAME.get(name);
}

/** What a claim needs beside the draft. */
export interface Claims {
  readonly text: string;
  readonly times: TimeReader;
  /** Keys of the line. */
  readonly keys: ReadonlySet<string>;
  readonly metadata: MemberTree;
  readonly taken: Set<Role>;
}

/** The form of a member in the layout (layout/json.ts), where its place in the event can be rebuilt from. */
export interface Claimed {
  readonly form: string | undefined;
}

/** A number below it is a duration more often than a time, unless its name says that it is a time. */
const LEAST_EPOCH = 100_000_000;

export function isPlausibleEpoch(key: string, text: string): boolean {
  return key.includes('timestamp') || Number(text) >= LEAST_EPOCH;
}

/** Puts a member where its role says; undefined, and nothing done, where it has no such value: then it is payload. */
export const CLAIM: Readonly<
  Record<Role, (draft: Draft, key: string, node: JsonNode, claims: Claims) => Claimed | undefined>
> = {
  message: (draft, _key, node, { taken }) => {
    if (node.kind !== 'string' || taken.has('message')) return undefined;
    draft.message = node.value.toWellFormed();
    return { form: 'm' };
  },
  time: claimTime,
  level: claimLevel,
  app: (draft, key, node, claims) => claimName(draft, 'app', key, node, claims),
  host: (draft, key, node, claims) => claimName(draft, 'host', key, node, claims),
  team: (draft, key, node, claims) => claimName(draft, 'team', key, node, claims),
  type: (draft, _key, node) => {
    if (node.kind !== 'string' || node.value === '') return undefined;
    draft.type = node.value.toWellFormed();
    return { form: 'y' };
  },
  source: (draft, _key, node) => {
    if (node.kind !== 'string' || node.value === '') return undefined;
    draft.source = node.value.toWellFormed();
    return { form: 'o' };
  },
  tags: claimTags,
};

function claimTime(draft: Draft, key: string, node: JsonNode, claims: Claims): Claimed | undefined {
  if (claims.taken.has('time')) return undefined;
  const { receivedMs } = draft.record;
  if (node.kind === 'string') {
    const time = claims.times.readWhole(node.value, receivedMs);
    if (time === undefined) return undefined;
    const isNumber = time.form?.startsWith('E') || time.form?.startsWith('F');
    return setTime(draft, time.ms, time.subMs, isNumber ? undefined : time.form, claims);
  }
  if (node.kind !== 'number') return undefined;
  const text = claims.text.substring(node.start, node.end);
  if (!isPlausibleEpoch(key, text)) return undefined;
  const time = epochMs(text);
  return time === undefined ? undefined : setTime(draft, time.ms, time.subMs, time.form, claims);
}

function setTime(draft: Draft, ms: number, subMs: string, form: string | undefined, { metadata }: Claims): Claimed {
  draft.timestamp = ms;
  draft.hasTime = true;
  const placed = subMs === '' || metadata.place(['sub_ms'], quote(subMs));
  return { form: placed ? form : undefined };
}

function claimLevel(
  draft: Draft,
  _key: string,
  node: JsonNode,
  { text, taken, metadata }: Claims,
): Claimed | undefined {
  if (taken.has('level')) return undefined;
  if (node.kind === 'number' && isCanonicalNumber(text, node.start, node.end)) {
    const given = text.substring(node.start, node.end);
    draft.level = levelOfNumber(Number(given));
    return { form: metadata.place(['level'], given) ? 'l' : undefined };
  }
  if (node.kind !== 'string') return undefined;
  draft.level = levelOfWord(node.value);
  if (draft.level === node.value) return { form: 'l' };
  return { form: metadata.place(['level'], quote(node.value)) ? 'l' : undefined };
}

const FORM_OF_NAME = { app: 'a', host: 'h', team: 'e' } as const;

function claimName(
  draft: Draft,
  role: 'app' | 'host' | 'team',
  key: string,
  node: JsonNode,
  { keys, metadata }: Claims,
): Claimed | undefined {
  if (node.kind !== 'string') return undefined;
  if (key === role || !keys.has(role)) {
    draft[role] = node.value.toWellFormed();
    return { form: FORM_OF_NAME[role] };
  }
  return { form: metadata.place([key], quote(node.value)) ? 'd' : undefined };
}

function claimTags(draft: Draft, _key: string, node: JsonNode): Claimed | undefined {
  if (node.kind === 'string') {
    if (!isTag(node.value)) return undefined;
    draft.tags = [node.value.toWellFormed()];
    return { form: 'g1' };
  }
  if (node.kind !== 'array') return undefined;
  const tags = node.items.flatMap((item) => (item.kind === 'string' ? [item.value] : []));
  if (tags.length !== node.items.length) return undefined;
  const kept = tags.filter(isTag).slice(0, EVENT_LIMITS.tags);
  draft.tags = kept.map((tag) => tag.toWellFormed());
  return { form: kept.length === tags.length ? 'g' : undefined };
}

function isTag(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= EVENT_LIMITS.tagBytes;
}
