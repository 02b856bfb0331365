/** Which fields the events of a question have: counted in a sample of the newest ones, scaled to all. */

import { QUERY_LIMITS } from '../../lib/limits.ts';
import { type FieldRef, OWN_FIELDS, type OwnField } from '../../query/ast.ts';
import { fieldName } from '../../query/fields.ts';
import { type FieldSummary, type FieldType, OWN_FIELD_TYPES, type Question } from '../port.ts';
import { SqlBinder } from './binder.ts';
import type { Ask } from './query-runner.ts';
import { count } from './read-aggregates.ts';
import type { ReadContext } from './read-events.ts';
import { number, text } from './rows.ts';
import { EVENTS_TABLE } from './schema.ts';
import { condition, withTenant } from './where.ts';

export async function fields(question: Question, ask: Ask, context: ReadContext): Promise<readonly FieldSummary[]> {
  const total = await count(question, ask, context);
  const binder = new SqlBinder();
  const where = condition(question, binder, withTenant(context));
  if (total === 0 || where === undefined) return [];
  const limit = binder.bind('UInt64', QUERY_LIMITS.fieldSample);
  // The types of all paths of a row come as one map; arrays of objects are named by their members' paths.
  const rows = await ask(
    `WITH sample AS (
       SELECT level, messageless, tags, metadata, payload FROM ${EVENTS_TABLE} WHERE ${where}
       ORDER BY timestamp DESC LIMIT ${limit})
     SELECT 'own' AS root, '' AS path, '' AS type, toUInt64(count()) AS events,
       countIf(level != ''), countIf(messageless = 0), countIf(notEmpty(tags)) FROM sample
     UNION ALL
     SELECT 'metadata', entry.1, entry.2, count(), 0, 0, 0
       FROM (SELECT arrayJoin(CAST(JSONAllPathsWithTypes(metadata), 'Array(Tuple(String, String))')) AS entry FROM sample)
       GROUP BY entry
     UNION ALL
     SELECT 'payload', entry.1, entry.2, count(), 0, 0, 0
       FROM (SELECT arrayJoin(CAST(JSONAllPathsWithTypes(payload), 'Array(Tuple(String, String))')) AS entry FROM sample)
       GROUP BY entry
     LIMIT ${binder.bind('UInt64', QUERY_LIMITS.fields * 4)}`,
    binder,
  );
  return summaries(rows, total);
}

function summaries(rows: readonly (readonly unknown[])[], total: number): readonly FieldSummary[] {
  const own = rows.find(([root]) => root === 'own');
  const sampled = Math.max(1, number(own?.[3]));
  const scaled = (events: number) => Math.round((events / sampled) * total);
  const present: Readonly<Partial<Record<OwnField, number>>> = {
    level: number(own?.[4]),
    message: number(own?.[5]),
    tags: number(own?.[6]),
  };
  const found: FieldSummary[] = OWN_FIELDS.map((name) => ({
    name,
    types: [OWN_FIELD_TYPES[name]],
    count: scaled(present[name] ?? sampled),
  })).filter(({ count: events }) => events > 0);
  const paths = new Map<string, { types: Set<FieldType>; count: number }>();
  for (const [root, path, type, events] of rows) {
    if (root !== 'metadata' && root !== 'payload') continue;
    const ref: FieldRef = { root, path: text(path).split('.') };
    const name = fieldName(ref);
    const summary = paths.get(name) ?? { types: new Set(), count: 0 };
    const known = fieldType(text(type));
    if (known === undefined) continue;
    summary.types.add(known);
    summary.count += number(events);
    paths.set(name, summary);
  }
  for (const [name, { types, count: events }] of paths) found.push({ name, types: [...types], count: scaled(events) });
  return found.sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1)).slice(0, QUERY_LIMITS.fields);
}

/** Undefined for arrays of objects, which have no values themselves. */
function fieldType(type: string): FieldType | undefined {
  if (type.includes('JSON')) return undefined;
  if (type.includes('String')) return 'string';
  if (type.includes('Bool')) return 'boolean';
  return 'number';
}
