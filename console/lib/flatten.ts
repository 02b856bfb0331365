/** An event as a table of fields: each with the name that a query uses. Pure. */
import type { AnsweredEvent, JsonValue } from '../../src/event/event.ts';
import type { FieldRef, OwnField } from '../../src/query/ast.ts';
import { fieldName } from '../../src/query/fields.ts';
import type { Scalar } from '../../src/query/value-clause.ts';

export interface FieldRow {
  readonly field: FieldRef;
  readonly name: string;
  /** Tells the rows of one event apart: a list has several of one name. */
  readonly key: string;
  /** Text to show. */
  readonly text: string;
  /** What a clause compares with; undefined for a structure that only `_exists_` can ask about. */
  readonly value: Scalar | undefined;
}

const OWN_ORDER: readonly OwnField[] = [
  'timestamp',
  'received',
  'level',
  'message',
  'type',
  'source',
  'tags',
  'id',
  'tenant',
];

export function flattenEvent(event: AnsweredEvent): readonly FieldRow[] {
  const own = OWN_ORDER.flatMap((name) => rowsOf({ root: 'own', name }, event[name]));
  return [...own, ...rowsOf(below('metadata'), event.metadata), ...rowsOf(below('payload'), event.payload)];
}

function below(root: 'metadata' | 'payload', path: readonly string[] = []): FieldRef {
  return { root, path };
}

function rowsOf(field: FieldRef, value: JsonValue | readonly string[] | undefined): readonly FieldRow[] {
  if (value === undefined || value === null) return [];
  if (typeof value !== 'object') return [row(field, fieldName(field), value)];
  if (isList(value)) return value.flatMap((item, place) => listItem(field, item, place));
  if (field.root === 'own') return [];
  return Object.entries(value).flatMap(([key, member]) => rowsOf(below(field.root, [...field.path, key]), member));
}

function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** A row for each scalar of a list, since a query compares with each of them; a structure is shown as its JSON. */
function listItem(field: FieldRef, item: JsonValue, place: number): readonly FieldRow[] {
  return item === null ? [] : [row(field, `${fieldName(field)} ${place}`, item)];
}

function row(field: FieldRef, key: string, value: Exclude<JsonValue, null>): FieldRow {
  const name = fieldName(field);
  if (typeof value !== 'object') return { field, name, key, text: String(value), value };
  return { field, name, key, text: JSON.stringify(value), value: undefined };
}

/** The text of a column: all values of the field, or nothing. */
export function columnText(event: AnsweredEvent, field: FieldRef): string {
  const value = field.root === 'own' ? event[field.name] : memberAt(event[field.root], field.path);
  if (value === undefined || value === null) return '';
  if (typeof value !== 'object') return String(value);
  if (isList(value) && value.every((item) => typeof item !== 'object')) return value.join(', ');
  return JSON.stringify(value);
}

function memberAt(value: JsonValue, path: readonly string[]): JsonValue | undefined {
  let at: JsonValue | undefined = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || Array.isArray(at) || !Object.hasOwn(at, key)) return undefined;
    at = at[key];
  }
  return at;
}
