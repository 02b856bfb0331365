/** Which fields the events of a question have: counted over all of them. */
import { OPENSEARCH_LIMITS, QUERY_LIMITS } from '../../lib/limits.ts';
import { OWN_FIELDS } from '../../query/ast.ts';
import { fieldName } from '../../query/fields.ts';
import { type FieldSummary, type FieldType, OWN_FIELD_TYPES, type Question } from '../port.ts';
import { ONLY_TOTAL, totalOf } from './hits.ts';
import { FIELD } from './mapping.ts';
import { MARK, ownKey, parseFieldTerm, pathOfKey, VALUE_MARKS } from './names.ts';
import type { Ask } from './query-runner.ts';
import { bucketsOf } from './read-aggregates.ts';
import { conditionOf } from './where.ts';

const TYPES: Readonly<Record<string, FieldType>> = {
  [MARK.string]: 'string',
  [MARK.strings]: 'string',
  [MARK.number]: 'number',
  [MARK.numbers]: 'number',
  [MARK.boolean]: 'boolean',
  [MARK.booleans]: 'boolean',
};

export async function fields(question: Question, ask: Ask): Promise<readonly FieldSummary[]> {
  const size = QUERY_LIMITS.fields * 4;
  const terms = {
    field: FIELD.fields,
    size,
    shard_size: size + OPENSEARCH_LIMITS.shardValues,
    include: `[omp]:.*\0[${VALUE_MARKS.join('')}]`,
  };
  const query = await conditionOf(question, ask);
  const found = await ask({ ...ONLY_TOTAL, query, aggs: { fields: { terms } } });
  if (found === undefined) return [];
  const total = totalOf(found);
  const counted = bucketsOf(found, 'aggregations', 'fields').map(({ key, count }) => {
    return { ...parseFieldTerm(String(key)), count };
  });
  const summaries = new Map<string, { types: Set<FieldType>; count: number }>();
  for (const { key, mark, count } of counted) {
    const [ref, type] = [pathOfKey(key), TYPES[mark]];
    if (ref === undefined || type === undefined) continue;
    const summary = summaries.get(fieldName(ref)) ?? { types: new Set(), count: 0 };
    summary.types.add(type);
    summary.count += count;
    summaries.set(fieldName(ref), summary);
  }
  const own = OWN_FIELDS.map((name): FieldSummary => {
    const of = counted.filter(({ key }) => key === ownKey(name));
    const sometimes = name === 'level' || name === 'message' || name === 'tags';
    const count = sometimes ? of.reduce((sum, one) => sum + one.count, 0) : total;
    return { name, types: [OWN_FIELD_TYPES[name]], count };
  }).filter(({ count }) => count > 0);
  const paths = Array.from(summaries, ([name, { types, count }]): FieldSummary => ({ name, types: [...types], count }));
  return [...own, ...paths]
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
    .slice(0, QUERY_LIMITS.fields);
}
