/** An event as the fields of mapping.ts. It visits values just as the predicate does (query/predicate.ts). */
import type { JsonObject, JsonValue, StoredEvent } from '../../event/event.ts';
import { OPENSEARCH_LIMITS, QUERY_LIMITS } from '../../lib/limits.ts';
import { tokenize } from '../../query/text.ts';
import type { IdNumbers } from '../ids.ts';
import { FIELD, type ValueType } from './mapping.ts';
import {
  booleanTerm,
  cut,
  fieldTerm,
  isCut,
  MARK,
  type Mark,
  numberTerm,
  orderText,
  ownKey,
  pathKey,
  sortedTerm,
  stringTerm,
} from './names.ts';
import { type TypedField, typedFieldOf } from './typed-fields.ts';

export interface TypedValue {
  readonly key: string;
  /** Undefined where the path can have no field of its own. */
  readonly field: TypedField | undefined;
  readonly values: readonly (string | number | boolean)[];
}

/** All but the typed values, which depend on the index that the event goes to. */
export interface DocumentParts {
  readonly tokens: readonly string[];
  readonly terms: readonly string[];
  readonly fields: ReadonlySet<string>;
  readonly typed: readonly TypedValue[];
}

type Scalar = string | number | boolean;
const OWN_KEYWORDS = ['type', 'source', 'tenant', 'level'] as const;

export function documentParts(event: StoredEvent): DocumentParts {
  const collector = new Collector();
  collector.scalar(ownKey('id'), event.id);
  for (const name of OWN_KEYWORDS) {
    const value = event[name];
    if (value === undefined) continue;
    collector.visit(ownKey(name), value, 0);
  }
  if (event.tags !== undefined) collector.visit(ownKey('tags'), [...event.tags], 0);
  collector.object('metadata', event.metadata);
  collector.object('payload', event.payload);
  const tokens = collector.message(event.message);
  return { tokens, terms: collector.terms, fields: collector.fields, typed: collector.typed };
}

/** The document without the event itself; `isTyped` says which values have a field in the index. */
export function documentOf(
  event: StoredEvent,
  id: IdNumbers,
  at: { readonly queue: string; readonly offset: number },
  parts: DocumentParts,
  isTyped: (field: TypedField) => boolean,
): Readonly<Record<string, unknown>> & { readonly [FIELD.fields]: readonly string[] } {
  const terms = [...parts.terms];
  const fields = new Set(parts.fields);
  const values: Record<string, Record<string, Scalar | readonly Scalar[]>> = {};
  for (const { key, field, values: found } of parts.typed) {
    if (found.length === 0) continue;
    if (field !== undefined && isTyped(field)) {
      const { type, name } = field;
      values[type] ??= {};
      values[type][name] = found.length === 1 && found[0] !== undefined ? found[0] : found;
      continue;
    }
    fields.add(fieldTerm(key, MARK.untyped));
    for (const value of found) if (typeof value === 'number') terms.push(sortedTerm(key, value));
  }
  return {
    [FIELD.tenant]: event.tenant,
    [FIELD.timestamp]: event.timestamp,
    [FIELD.received]: event.received,
    [FIELD.order]: orderText(id),
    [FIELD.queue]: at.queue,
    [FIELD.offset]: at.offset,
    [FIELD.tokens]: parts.tokens,
    [FIELD.terms]: terms,
    [FIELD.fields]: [...fields],
    [FIELD.values]: values,
  };
}

/** Texts that are cut are in no typed field: their mark says so. */
function indexed(values: readonly Scalar[]): readonly Scalar[] {
  return values.filter((value) => typeof value !== 'string' || !isCut(value));
}

const ARRAYS = { string: 'strings', number: 'numbers', boolean: 'booleans' } as const;

class Collector {
  readonly terms: string[] = [];
  readonly fields = new Set<string>();
  readonly typed: TypedValue[] = [];

  mark(key: string, mark: Mark): void {
    this.fields.add(fieldTerm(key, mark));
  }

  message(text: string | undefined): readonly string[] {
    if (text === undefined) return [];
    const key = ownKey('message');
    this.mark(key, MARK.string);
    const tokens = tokenize(text);
    if (text.length <= OPENSEARCH_LIMITS.termChars || !tokens.some(isCut)) return tokens;
    this.mark(key, MARK.cut);
    return tokens.map(cut);
  }

  object(root: 'metadata' | 'payload', object: JsonObject): void {
    if (this.#members(root, '', object, 0)) this.mark(pathKey(root, ''), MARK.object);
  }

  scalar(key: string, value: Scalar): void {
    if (typeof value === 'number') this.terms.push(numberTerm(key, value));
    else if (typeof value === 'boolean') this.terms.push(booleanTerm(key, value));
    else {
      this.terms.push(stringTerm(key, value));
      if (isCut(value)) this.mark(key, MARK.cut);
    }
  }

  /** The value at a path through `arrays` arrays of objects; whether there is anything in it. */
  visit(key: string, value: JsonValue, arrays: number, into?: Path): boolean {
    if (value === null) return false;
    if (Array.isArray(value)) return this.#array(key, value, arrays, into);
    if (typeof value === 'object') {
      const any = into !== undefined && this.#members(into.root, into.path, value, arrays);
      if (any) this.mark(key, MARK.object);
      return any;
    }
    this.scalar(key, value);
    this.#values(key, typeOf(value), typeOf(value), [value], arrays);
    return true;
  }

  #array(key: string, array: readonly JsonValue[], arrays: number, into: Path | undefined): boolean {
    let any = false;
    let below = false;
    const found: Record<'string' | 'number' | 'boolean', Scalar[]> = { string: [], number: [], boolean: [] };
    for (const element of array) {
      if (isScalar(element)) {
        this.scalar(key, element);
        found[typeOf(element)].push(element);
        any = true;
      } else if (isObject(element) && into !== undefined && arrays < QUERY_LIMITS.arraysOnPath) {
        if (this.#members(into.root, into.path, element, arrays + 1)) below = true;
      } else if (hasContent(element)) below = true;
    }
    for (const type of ['string', 'number', 'boolean'] as const) {
      if (found[type].length > 0) this.#values(key, type, ARRAYS[type], found[type], arrays);
    }
    if (below) this.mark(key, MARK.object);
    return any || below;
  }

  #members(root: 'metadata' | 'payload', parent: string, object: JsonObject, arrays: number): boolean {
    let any = false;
    for (const [name, value] of Object.entries(object)) {
      const path = parent === '' ? name : `${parent}.${name}`;
      if (this.visit(pathKey(root, path), value, arrays, { root, path })) any = true;
    }
    return any;
  }

  #values(key: string, scalar: 'string' | 'number' | 'boolean', type: ValueType, values: Scalar[], arrays: number) {
    if (arrays === 0) {
      this.mark(key, MARK[type]);
      this.typed.push({ key, field: typedFieldOf(type, key), values: indexed(values) });
      return;
    }
    // Columns are those of plain paths, as in the embedded engine; in ranges of numbers these count too.
    this.mark(key, MARK.inside);
    if (scalar === 'number') for (const value of values) this.terms.push(sortedTerm(key, Number(value)));
  }
}

interface Path {
  readonly root: 'metadata' | 'payload';
  readonly path: string;
}

function typeOf(value: Scalar): 'string' | 'number' | 'boolean' {
  return typeof value === 'string' ? 'string' : typeof value === 'number' ? 'number' : 'boolean';
}

function isScalar(value: JsonValue): value is Scalar {
  return typeof value !== 'object';
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasContent(value: JsonValue): boolean {
  if (value === null) return false;
  return typeof value !== 'object' || Object.values<JsonValue>(value as JsonObject).some(hasContent);
}
