/**
 * A field as columns to count and group by: one for each type of values that the question's events have there. What has
 * no column, or not for all of the events, is refused.
 */
import { SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { FieldRef } from '../../query/ast.ts';
import { fieldName } from '../../query/fields.ts';
import { printId } from '../ids.ts';
import type { ValueCount } from '../port.ts';
import { anyOf, type Condition } from './conditions.ts';
import { numberAt } from './json.ts';
import { FIELD, OWN_COLUMNS, VALUE_TYPES, type ValueType } from './mapping.ts';
import { fieldKey, fieldTerm, MARK, parseOrderText, valueField, valueName } from './names.ts';
import type { Ask } from './query-runner.ts';

export type Value = ValueCount['value'];

export interface Column {
  readonly field: string;
  readonly type: ValueType | 'id' | 'time';
}

/** The key of a bucket as the value that it stands for. */
export function decode({ type }: Column, key: unknown): Value {
  if (type === 'boolean' || type === 'booleans') return key === true || key === 1;
  if (type === 'id') return printId(parseOrderText(String(key)));
  return typeof key === 'number' ? key : String(key);
}

export async function columnsOf(field: FieldRef, condition: Condition, ask: Ask): Promise<readonly Column[]> {
  const possible = possibleColumns(field);
  const found = await ask({
    size: 0,
    track_total_hits: false,
    query: condition,
    aggs: {
      untyped: { filter: { term: { [FIELD.fields]: fieldTerm(fieldKey(field), MARK.untyped) } } },
      cut: { filter: { term: { [FIELD.fields]: fieldTerm(fieldKey(field), MARK.cut) } } },
      ...Object.fromEntries(possible.map((column, i) => [`c${i}`, { filter: isIn(column) }])),
    },
  });
  if (found === undefined) return [];
  const events = (name: string) => numberAt(found, 'aggregations', name, 'doc_count');
  if (events('untyped') > 0) throw untyped(field, events('untyped'));
  if (events('cut') > 0) throw cutShort(field, events('cut'));
  return possible.filter((_, i) => events(`c${i}`) > 0);
}

export function isIn({ field }: Column): Condition {
  return { exists: { field } };
}

export function isInAny(columns: readonly Column[]): Condition {
  return anyOf(columns.map(isIn));
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
  const { typedFields } = OPENSEARCH_LIMITS;
  return new SpillwayError(
    'QUERY_UNSUPPORTED',
    `${fieldName(field)} cannot be counted: ${events} events came when their slice had ${typedFields} different fields already, and further ones can only be searched.`,
    { details: { limit: typedFields } },
  );
}

function cutShort(field: FieldRef, events: number): SpillwayError {
  const { termChars } = OPENSEARCH_LIMITS;
  return new SpillwayError(
    'QUERY_UNSUPPORTED',
    `${fieldName(field)} cannot be counted: ${events} events have a text of more than ${termChars} characters there.`,
    { details: { limit: termChars } },
  );
}
