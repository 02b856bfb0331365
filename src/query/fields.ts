/**
 * Field names as users write them, and where they point. A name without a prefix is a member of the event itself, or
 * `team`, `app`, `host` of its metadata, else a member of its payload. Dots separate keys;
 * empty keys between them go, as they do when an event is normalised.
 */
import { type FieldRef, OWN_FIELDS, type OwnField } from './ast.ts';

export const MESSAGE: FieldRef = { root: 'own', name: 'message' };

/** Members of `metadata` that are written without a prefix. */
export const BARE_METADATA = ['team', 'app', 'host'] as const;
export type BareMetadata = (typeof BARE_METADATA)[number];

const OWN = new Set<string>(OWN_FIELDS);
const BARE = new Set<string>(BARE_METADATA);
/** Kibana's name of the time field. */
const ALIASES: ReadonlyMap<string, OwnField> = new Map([['@timestamp', 'timestamp']]);

/** Names with a meaning of their own before a colon. */
export const PSEUDO_FIELDS: ReadonlySet<string> = new Set(['_exists_', '_missing_']);
/** What the normaliser calls a key of nothing but dots. */
const NAMELESS = '_';

export function isOwnField(name: string): name is OwnField {
  return OWN.has(name);
}

export function isBareMetadata(name: string): name is BareMetadata {
  return BARE.has(name);
}

export function resolveField(name: string): FieldRef {
  const alias = ALIASES.get(name);
  if (alias !== undefined) return { root: 'own', name: alias };
  if (isOwnField(name)) return { root: 'own', name };
  if (BARE.has(name)) return { root: 'metadata', path: [name] };
  if (name === 'metadata' || name === 'payload') return { root: name, path: [] };
  const path = name.split('.').filter((key) => key !== '');
  const [first] = path;
  if (first === 'metadata' || first === 'payload') return { root: first, path: path.slice(1) };
  return { root: 'payload', path: first === undefined ? [NAMELESS] : path };
}

/** The shortest name that resolves to `field`: `app`, `status`, `metadata.procid`, `payload.level`. */
export function fieldName(field: FieldRef): string {
  if (field.root === 'own') return field.name;
  if (field.path.length === 0) return field.root;
  const bare = field.path.join('.');
  return sameField(resolveField(bare), field) && !PSEUDO_FIELDS.has(bare) ? bare : `${field.root}.${bare}`;
}

export function isOwn(field: FieldRef, name: OwnField): boolean {
  return field.root === 'own' && field.name === name;
}

export function sameField(a: FieldRef, b: FieldRef): boolean {
  if (a.root === 'own' || b.root === 'own') return a.root === 'own' && b.root === 'own' && a.name === b.name;
  return a.root === b.root && a.path.length === b.path.length && a.path.every((key, i) => key === b.path[i]);
}
