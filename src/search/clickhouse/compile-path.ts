/**
 * Paths of the JSON columns in SQL: one condition for each type that a value at the path may have, each reading the
 * column of that type alone (`payload.status.:Float64`), never the whole JSON. Arrays of objects on the way are columns
 * of arrays: `payload.items.:Array(JSON).id` has one element an object.
 */
import { QUERY_LIMITS } from '../../lib/limits.ts';
import type { FieldRef } from '../../query/ast.ts';
import type { ValueSql } from './compile-value.ts';
import { type Binder, JSON_TYPES, type JsonType } from './schema.ts';

export type PathRef = Exclude<FieldRef, { root: 'own' }>;

/** The types that occur at a path, a superset; undefined where that is not known. */
export type TypesAt = (field: PathRef) => ReadonlySet<JsonType> | undefined;

const SCALARS = ['string', 'number', 'boolean'] as const;
const ARRAYS = { string: 'strings', number: 'numbers', boolean: 'booleans' } as const;

/** No stored event has a key without a name (process/normalise), and an identifier has no empty part. */
function isNowhere(field: PathRef): boolean {
  return field.path.includes('');
}

/** Whether some value at the path passes. */
export function pathCondition(field: PathRef, value: ValueSql, binder: Binder, typesAt: TypesAt): string {
  if (isNowhere(field) || field.path.length === 0) return 'false';
  const conditions: string[] = [];
  for (const way of waysTo(field, typesAt)) {
    const column = (type: JsonType): string => columnOf(field.root, way, type, binder);
    const known = way.length === 1 ? typesAt(field) : undefined;
    for (const scalar of SCALARS) {
      const condition = value[scalar];
      if (condition === undefined) continue;
      if (known?.has(scalar) !== false) conditions.push(throughArrays(column(scalar), way.length - 1, condition));
      const array = ARRAYS[scalar];
      if (known?.has(array) !== false) {
        conditions.push(throughArrays(column(array), way.length, condition));
      }
    }
  }
  return conditions.length === 0 ? 'false' : conditions.join(' OR ');
}

/** Whether anything stands at the path or below it. */
export function pathExists(field: PathRef, binder: Binder, typesAt: TypesAt): string {
  if (isNowhere(field)) return 'false';
  if (field.path.length === 0) return `notEmpty(JSONAllPaths(${field.root}))`;
  return waysTo(field, typesAt)
    .map((way) => {
      const value = columnOf(field.root, way, undefined, binder);
      const stands = throughArrays(value, way.length - 1, (x) => `${x} IS NOT NULL`);
      const below = throughArrays(objectOf(field.root, way, binder), way.length - 1, (x) => `notEmpty(${x})`);
      return `${stands} OR ${below}`;
    })
    .join(' OR ');
}

/**
 * The path cut where it may enter an array of objects: [path] for none, [before, behind] for one, and so on, up to
 * QUERY_LIMITS.arraysOnPath.
 */
type Way = readonly (readonly string[])[];

function waysTo(field: PathRef, typesAt: TypesAt): readonly Way[] {
  const ways: Way[] = [[field.path]];
  const cut = (done: Way, rest: readonly string[]): void => {
    if (done.length >= QUERY_LIMITS.arraysOnPath) return;
    for (let at = 1; at < rest.length; at++) {
      const before = rest.slice(0, at);
      const entered = done.length === 0 ? typesAt({ root: field.root, path: before }) : undefined;
      if (entered?.has('objects') === false) continue;
      const behind = rest.slice(at);
      ways.push([...done, before, behind]);
      cut([...done, before], behind);
    }
  };
  cut([], field.path);
  return ways;
}

/** The column of a type at the way's end; without a type the values of all of them. */
function columnOf(root: string, way: Way, type: JsonType | undefined, binder: Binder): string {
  const names = way.map((path) => `.${binder.bind('Identifier', path.join('.'))}`);
  return root + names.join(`.:${typeName('objects')}`) + (type === undefined ? '' : `.:${typeName(type)}`);
}

/** The object at the way's end, as JSON of what stands below it. */
function objectOf(root: string, way: Way, binder: Binder): string {
  const before = way.slice(0, -1);
  const base = before.length === 0 ? root : columnOf(root, before, 'objects', binder);
  return `${base}.^${hexIdentifier(way.at(-1) ?? [])}`;
}

function throughArrays(column: string, arrays: number, condition: (value: string) => string): string {
  if (arrays === 0) return condition(column);
  const variable = `x${arrays}`;
  return `arrayExists(${variable} -> ifNull(${throughArrays(variable, arrays - 1, condition)}, 0), ${column})`;
}

/**
 * A name behind `^` cannot be bound: every byte of it is written as an escape, so that whatever it holds, the text of
 * the statement gets hexadecimal digits only.
 */
function hexIdentifier(path: readonly string[]): string {
  const bytes = new TextEncoder().encode(path.join('.'));
  return `\`${Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}\``;
}

function typeName(type: JsonType): string {
  return `\`${JSON_TYPES[type]}\``;
}
