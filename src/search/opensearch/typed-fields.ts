/**
 * Fields of one type of values at a path, below `v`. They are the same few for nearly all events and are made once: one
 * object each, until so many have been made that all of them are forgotten.
 */
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { at, textAt } from './json.ts';
import { FIELD, VALUE_MAPPINGS, VALUE_TYPES, type ValueType } from './mapping.ts';
import { valueName } from './names.ts';

export interface TypedField {
  readonly type: ValueType;
  readonly name: string;
  /** Below `v`: `number.p/status`. */
  readonly path: string;
}

/** Paths of the typed fields of one index. */
export type TypedPaths = ReadonlySet<string>;

const made = new Map(VALUE_TYPES.map((type) => [type, new Map<string, TypedField | undefined>()]));

export const typedPath = (type: ValueType, name: string): string => `${type}.${name}`;

/** Undefined where the path can have no field of its own. */
export function typedFieldOf(type: ValueType, key: string): TypedField | undefined {
  const fields = made.get(type);
  const known = fields?.get(key);
  if (known !== undefined) return known;
  const name = valueName(key);
  const field = name === undefined ? undefined : { type, name, path: typedPath(type, name) };
  if ((fields?.size ?? 0) >= OPENSEARCH_LIMITS.fieldsKept) fields?.clear();
  fields?.set(key, field);
  return field;
}

/** Those of an index that are what they have to be, by what the engine says of its mapping. */
export function typedPathsOf(mapping: unknown): Set<string> {
  const types = at(mapping, 'mappings', 'properties', FIELD.values, 'properties');
  const paths = VALUE_TYPES.flatMap((type) =>
    Object.entries(Object(at(types, type, 'properties'))).flatMap(([name, field]) =>
      textAt(field, 'type') === VALUE_MAPPINGS[type].type ? [typedPath(type, name)] : [],
    ),
  );
  return new Set(paths);
}
