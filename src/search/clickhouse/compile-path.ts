/**
 * Paths of the JSON columns in SQL: one condition for each type that a value at the path may have, each reading the
 * column of that type alone (`payload.status.:Float64`), never the whole JSON. Arrays of objects on the way are columns
 * of arrays: `payload.items.:Array(JSON).id` has one element an object.
 */
import { QUERY_LIMITS } from '../../lib/limits.ts';
import type { FieldRef } from '../../query/ast.ts';
import { eachValue, type ValueTest, type ValueTests } from './compile-value.ts';
import { type Binder, JSON_TYPES, type JsonType } from './schema.ts';

export type PathRef = Exclude<FieldRef, { root: 'own' }>;

/** The types that occur at a path, a superset; undefined where that is not known. */
export type TypesAt = (field: PathRef) => ReadonlySet<JsonType> | undefined;

export interface PathContext {
  readonly binder: Binder;
  readonly typesAt: TypesAt;
  /** Called for each column that the condition reads. */
  readonly onColumn: () => void;
}

const SCALARS = ['string', 'number', 'boolean'] as const;
/** As what values of a kind stand at a path, alone and in an array. */
const ALONE = { string: ['string', 'word'], number: ['number'], boolean: ['boolean'] } as const;
const ARRAYS = { string: 'strings', number: 'numbers', boolean: 'booleans' } as const;

/** Whether some value at the path passes. */
export function pathCondition(field: PathRef, tests: ValueTests, context: PathContext): string {
  if (isNowhere(field) || field.path.length === 0) return 'false';
  const conditions: string[] = [];
  for (const way of waysTo(field, context.typesAt)) {
    const known = way.length === 1 ? context.typesAt(field) : undefined;
    for (const scalar of SCALARS) {
      const test = tests[scalar];
      if (test === undefined) continue;
      const asked = (type: JsonType, arrays: number): void => {
        if (known?.has(type) === false) return;
        // Of texts and words a part hardly ever has both.
        if (type !== 'word') context.onColumn();
        conditions.push(someOf(way, { column: field.root, end: `.:${typeName(type)}` }, arrays, test, context));
      };
      for (const type of ALONE[scalar]) if (type !== 'word' || way.length === 1) asked(type, 0);
      asked(ARRAYS[scalar], 1);
    }
  }
  return conditions.length === 0 ? 'false' : conditions.join(' OR ');
}

const STANDS = eachValue((value) => `${value} IS NOT NULL`);
const HOLDS = eachValue((object) => `notEmpty(${object})`);

/** Whether anything stands at the path or below it. */
export function pathExists(field: PathRef, context: PathContext): string {
  if (isNowhere(field)) return 'false';
  if (field.path.length === 0) return `notEmpty(JSONAllPaths(${field.root}))`;
  return waysTo(field, context.typesAt)
    .flatMap((way) => {
      for (let columns = 0; columns < 2; columns++) context.onColumn();
      return [
        someOf(way, { column: field.root, end: '' }, 0, STANDS, context),
        someOf(way, { column: field.root, end: '', below: true }, 0, HOLDS, context),
      ];
    })
    .join(' OR ');
}

/** No stored event has a key without a name (process/normalise), and an identifier has no empty part. */
function isNowhere(field: PathRef): boolean {
  return field.path.includes('');
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

interface Place {
  /** What the way starts from. */
  readonly column: string;
  /** The type at its end, as it is written; '' for a value of any type. */
  readonly end: string;
  /** Whether the object below the end is meant, not the value at it. */
  readonly below?: boolean;
}

/** The test of some value at the way's end, itself in `arrays` arrays. */
function someOf(way: Way, place: Place, arrays: number, test: ValueTest, { binder }: PathContext): string {
  const clash = way.findIndex((part, i) => i > 0 && isSubcolumnOfArrays(part[0] ?? ''));
  if (clash < 0) return throughArrays(columnOf(way, place, binder), way.length - 1 + arrays, test, 0);
  const objects: Place = { column: place.column, end: `.:${typeName('objects')}` };
  const inElement = ([name = [], ...rest]: Way): ValueTest => {
    const [end, inside, inner] = rest.length === 0 ? [place, arrays, test] : [objects, 1, inElement(rest)];
    return eachValue((element, outer) => throughArrays(ofElement(element, name, end, binder), inside, inner, outer));
  };
  return throughArrays(columnOf(way.slice(0, clash), objects, binder), clash, inElement(way.slice(clash)), 0);
}

/** Behind an array `size0` is how long it is and `null` what is not there: keys of those names are taken from each element. */
function isSubcolumnOfArrays(key: string): boolean {
  return /^(?:size\d+|null)$/.test(key);
}

function ofElement(element: string, path: readonly string[], place: Place, binder: Binder): string {
  const name = place.below === true ? `^\`${path.join('.')}\`` : path.join('.') + place.end;
  return `getSubcolumn(${element}, ${binder.bind('String', name)})`;
}

function columnOf(way: Way, { column, end, below }: Place, binder: Binder): string {
  const names = way.map((path, i) => {
    return below === true && i === way.length - 1
      ? `.^${hexIdentifier(path)}`
      : `.${binder.bind('Identifier', path.join('.'))}`;
  });
  return column + names.join(`.:${typeName('objects')}`) + end;
}

function throughArrays(column: string, arrays: number, test: ValueTest, outer: number): string {
  if (arrays === 0) return test.one(column, outer);
  if (arrays === 1) return test.some(column, outer);
  const variable = `x${outer + 1}`;
  return `arrayExists(${variable} -> ${throughArrays(variable, arrays - 1, test, outer + 1)}, ${column})`;
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
