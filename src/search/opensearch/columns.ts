/**
 * A field as columns to count and group by: one for each type of values that events of the question's slices may have
 * there. What has no column, or not for all of the events, is refused.
 */
import { SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { FieldRef } from '../../query/ast.ts';
import { fieldName } from '../../query/fields.ts';
import { printId } from '../ids.ts';
import type { ValueCount } from '../port.ts';
import { allOf, anyOf, type Condition } from './conditions.ts';
import { NO_HITS, totalOf } from './hits.ts';
import { listAt, numberAt, textAt } from './json.ts';
import { FIELD, OWN_COLUMNS, VALUE_TYPES, type ValueType } from './mapping.ts';
import { fieldKey, fieldTerm, MARK, parseOrderText, valueField, valueName } from './names.ts';
import type { Ask } from './query-runner.ts';

export interface Column {
  readonly field: string;
  readonly type: ValueType | 'id' | 'time';
}

/** The key of a bucket as the value that it stands for. */
export function decode({ type }: Column, key: unknown): ValueCount['value'] {
  if (type === 'boolean' || type === 'booleans') return key === true || key === 1;
  if (type === 'id') return printId(parseOrderText(String(key)));
  return typeof key === 'number' ? key : String(key);
}

/** Those that the question's events have. */
export async function presentColumns(field: FieldRef, condition: Condition, ask: Ask): Promise<readonly Column[]> {
  const possible = await columnsOf(field, ask);
  if (possible.length === 0) return [];
  const aggs = Object.fromEntries(possible.map((column, i) => [`c${i}`, { filter: isIn(column) }]));
  const found = await ask({ ...NO_HITS, query: condition, aggs });
  if (found === undefined) return [];
  return possible.filter((_, i) => numberAt(found, 'aggregations', `c${i}`, 'doc_count') > 0);
}

/**
 * Asks a question about columns of these fields; rejects where they do not tell all. Where it is not known that they do,
 * that is another request at the same time, about terms that are hardly ever there: a look into their list, while a filter
 * within the question would be asked of each event.
 */
export async function askCounting(
  fields: readonly FieldRef[],
  condition: Condition,
  ask: Ask,
  body: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const [found, refusal] = await Promise.all([ask({ ...body, query: condition }), refusalOf(fields, condition, ask)]);
  if (refusal !== undefined) throw refusal;
  return found;
}

/** Rejects where columns of these fields do not tell all. */
export async function assertCounting(fields: readonly FieldRef[], condition: Condition, ask: Ask): Promise<void> {
  const refusal = await refusalOf(fields, condition, ask);
  if (refusal !== undefined) throw refusal;
}

async function refusalOf(fields: readonly FieldRef[], condition: Condition, ask: Ask) {
  const marks = fields.flatMap((field) => [
    { term: fieldTerm(fieldKey(field), MARK.untyped), refuse: (events: number) => untyped(field, events) },
    { term: fieldTerm(fieldKey(field), MARK.cut), refuse: (events: number) => cutShort(field, events) },
  ]);
  if (marks.length === 0 || (await ask.fields()).isWhole) return undefined;
  // One by one: of a list of terms the engine may look into the columns of each event instead.
  const any = anyOf(marks.map(({ term }) => ({ term: { [FIELD.fields]: term } })));
  const query = allOf([condition, any]);
  const found = await ask({ size: 0, track_total_hits: 1, query });
  if (found === undefined || totalOf(found) === 0) return undefined;
  const terms = marks.map(({ term }) => term);
  const aggs = { marks: { terms: { field: FIELD.fields, include: terms, size: terms.length } } };
  const [largest] = listAt(await ask({ ...NO_HITS, query, aggs }), 'aggregations', 'marks', 'buckets');
  const mark = marks.find(({ term }) => term === textAt(largest, 'key'));
  return mark?.refuse(numberAt(largest, 'doc_count'));
}

/** Events may have several values there. */
export function isArray({ type }: Column): boolean {
  return type === 'strings' || type === 'numbers' || type === 'booleans';
}

export function isIn({ field }: Column): Condition {
  return { exists: { field } };
}

export function isInAny(columns: readonly Column[]): Condition {
  return anyOf(columns.map(isIn));
}

export async function columnsOf(field: FieldRef, ask: Ask): Promise<readonly Column[]> {
  const possible = possibleColumns(field);
  const fields = await ask.fields();
  return possible.filter((column) => column.type === 'id' || column.type === 'time' || fields.has(column.field));
}

function possibleColumns(field: FieldRef): readonly Column[] {
  if (field.root !== 'own') {
    const name = valueName(fieldKey(field));
    return name === undefined ? [] : VALUE_TYPES.map((type) => ({ field: valueField(type, name), type }));
  }
  switch (field.name) {
    case 'message':
      throw new SpillwayError(
        'QUERY_UNSUPPORTED',
        'OpenSearch cannot group by message: it keeps its words, to be searched. Group by a field.',
      );
    case 'id':
      return [{ field: FIELD.order, type: 'id' }];
    case 'timestamp':
    case 'received':
      return [{ field: FIELD[field.name], type: 'time' }];
    default: {
      const [type, name] = OWN_COLUMNS[field.name];
      return [{ field: valueField(type, name), type }];
    }
  }
}

function untyped(field: FieldRef, events: number): SpillwayError {
  const { typedFields, typedNameChars } = OPENSEARCH_LIMITS;
  const name = fieldName(field);
  if (valueName(fieldKey(field)) === undefined) {
    const message = `${name} can be searched and not counted: OpenSearch counts by names of up to ${typedNameChars} characters, of which each that is no letter, digit, - or _ takes several.`;
    return new SpillwayError('QUERY_UNSUPPORTED', message, { details: { limit: typedNameChars } });
  }
  return new SpillwayError(
    'QUERY_UNSUPPORTED',
    `${name} cannot be counted: ${events === 1 ? 'one event' : `${events} events`} came when their slice had no typed field left for it, and it can only be searched. A slice has ${typedFields}; where tenants share it, each brings at most half as many as are left (a third where nobody else does).`,
    { details: { limit: typedFields } },
  );
}

function cutShort(field: FieldRef, events: number): SpillwayError {
  const { termChars } = OPENSEARCH_LIMITS;
  return new SpillwayError(
    'QUERY_UNSUPPORTED',
    `${fieldName(field)} cannot be counted: ${events === 1 ? 'one event has' : `${events} events have`} a text of more than ${termChars} characters there.`,
    { details: { limit: termChars } },
  );
}
