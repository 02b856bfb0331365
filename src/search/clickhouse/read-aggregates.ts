/** Questions whose answers are numbers: count, histogram, top values, statistics. */

import { SpillwayError } from '../../lib/errors.ts';
import { QUERY_LIMITS } from '../../lib/limits.ts';
import type { FieldRef } from '../../query/ast.ts';
import type {
  HistogramBucket,
  HistogramQuestion,
  Question,
  StatsFunction,
  StatsQuestion,
  StatsRow,
  ValueCount,
} from '../port.ts';
import { SqlBinder } from './binder.ts';
import { censusOf, type GroupKey, groupKey, MESSAGE_WORDS, numberOf, possibleTypes } from './fields.ts';
import type { Ask } from './query-runner.ts';
import type { ReadContext } from './read-events.ts';
import { number } from './rows.ts';
import { EVENTS_TABLE, type JsonType, MAX_TIME_MS } from './schema.ts';
import { condition } from './where.ts';

/** The condition of a question for several statements; undefined where nothing can match. */
function conditionOf(question: Question, context: ReadContext): ((binder: SqlBinder) => string) | undefined {
  if (condition(question, new SqlBinder(), context) === undefined) return undefined;
  return (binder) => condition(question, binder, context) ?? '0';
}

export async function count(question: Question, ask: Ask, context: ReadContext): Promise<number> {
  const where = conditionOf(question, context);
  if (where === undefined) return 0;
  const binder = new SqlBinder();
  const [row] = await ask(`SELECT count() FROM ${EVENTS_TABLE} WHERE ${where(binder)}`, binder);
  return number(row?.[0]);
}

async function typesOf(
  field: FieldRef,
  where: (binder: SqlBinder) => string,
  ask: Ask,
  { paths }: ReadContext,
): Promise<readonly JsonType[]> {
  if (field.root === 'own') return [];
  const possible = possibleTypes(field, paths);
  return possible.length < 2 ? possible : [...(await censusOf(field, possible, where, ask)).keys()];
}

/** Division of a positive number is cheaper than a modulo, and needs no care about times before 1970. */
function bucketOf(intervalMs: number, binder: SqlBinder): string {
  const width = Math.max(1, Math.round(intervalMs));
  const interval = binder.bind('Int64', width);
  const shift = binder.bind('Int64', Math.ceil(MAX_TIME_MS / width) * width);
  return `intDiv(timestamp + ${shift}, ${interval}) * ${interval} - ${shift}`;
}

export async function histogram(
  question: HistogramQuestion,
  ask: Ask,
  context: ReadContext,
): Promise<readonly HistogramBucket[]> {
  const where = conditionOf(question, context);
  if (where === undefined) return [];
  const { by } = question;
  if (by === undefined) return plainHistogram(question, where, ask);
  const types = await typesOf(by, where, ask, context);
  const largest = await largestValues(by, types, where, ask);
  const binder = new SqlBinder();
  const key = groupKey(by, types, binder);
  const rows = await ask(
    `SELECT ${bucketOf(question.intervalMs, binder)} AS bucket, ${key.sql} AS value, count() AS events
     FROM ${EVENTS_TABLE} WHERE ${where(binder)} GROUP BY bucket, value
     ${largest === undefined ? '' : `HAVING ${largest(binder)}`}
     ORDER BY bucket LIMIT ${binder.bind('UInt64', QUERY_LIMITS.buckets * QUERY_LIMITS.series + 1)}`,
    binder,
  );
  const totals = largest === undefined ? undefined : await plainHistogram(question, where, ask);
  return stacked(rows, key, totals);
}

async function plainHistogram(
  question: HistogramQuestion,
  where: (binder: SqlBinder) => string,
  ask: Ask,
): Promise<readonly HistogramBucket[]> {
  const binder = new SqlBinder();
  const rows = await ask(
    `SELECT ${bucketOf(question.intervalMs, binder)} AS bucket, count() FROM ${EVENTS_TABLE} WHERE ${where(binder)}
     GROUP BY bucket ORDER BY bucket LIMIT ${binder.bind('UInt64', QUERY_LIMITS.buckets + 1)}`,
    binder,
  );
  return withinLimit(rows.map(([timeMs, events]) => ({ timeMs: number(timeMs), count: number(events) })));
}

function withinLimit<T>(buckets: readonly T[]): readonly T[] {
  if (buckets.length <= QUERY_LIMITS.buckets) return buckets;
  throw new SpillwayError(
    'QUERY_TOO_LARGE',
    `The histogram has more than ${QUERY_LIMITS.buckets} buckets. Use a longer interval.`,
    {
      details: { limit: QUERY_LIMITS.buckets },
    },
  );
}

/** Restricts a field of many values to the largest ones; undefined for a level, which has few. */
async function largestValues(
  by: FieldRef,
  types: readonly JsonType[],
  where: (binder: SqlBinder) => string,
  ask: Ask,
): Promise<((binder: SqlBinder) => string) | undefined> {
  if (by.root === 'own' && by.name === 'level') return undefined;
  const binder = new SqlBinder();
  const key = groupKey(by, types, binder);
  const rows = await ask(
    `SELECT toString(value) FROM (
       SELECT ${key.sql} AS value, count() AS events FROM ${EVENTS_TABLE} WHERE ${where(binder)} GROUP BY value)
     ORDER BY events DESC, ${key.order('value')} LIMIT ${binder.bind('UInt64', QUERY_LIMITS.series)}`,
    binder,
  );
  const values = rows.map(([value]) => String(value ?? ''));
  return (other) => `ifNull(toString(value), '') IN ${other.bind('Array(String)', values)}`;
}

function stacked(
  rows: readonly (readonly unknown[])[],
  key: GroupKey,
  totals: readonly HistogramBucket[] | undefined,
): readonly HistogramBucket[] {
  const buckets = new Map<number, { timeMs: number; count: number; by: Map<string, number> }>();
  for (const { timeMs, count: events } of totals ?? []) buckets.set(timeMs, { timeMs, count: events, by: new Map() });
  for (const [time, value, events] of rows) {
    const timeMs = number(time);
    const bucket = buckets.get(timeMs) ?? { timeMs, count: 0, by: new Map<string, number>() };
    if (totals === undefined) bucket.count += number(events);
    const name = String(key.decode(value) ?? '');
    bucket.by.set(name, (bucket.by.get(name) ?? 0) + number(events));
    buckets.set(timeMs, bucket);
  }
  return withinLimit(Array.from(buckets.values(), (bucket) => ({ ...bucket, by: Object.fromEntries(bucket.by) })));
}

export async function values(
  question: Question & { readonly field: FieldRef; readonly limit: number },
  ask: Ask,
  context: ReadContext,
): Promise<{ readonly values: readonly ValueCount[]; readonly total: number; readonly distinct: number }> {
  const where = conditionOf(question, context);
  const { field, limit } = question;
  if (where === undefined) return { values: [], total: 0, distinct: 0 };
  const types = field.root === 'own' ? [] : await typesOf(field, where, ask, context);
  const binder = new SqlBinder();
  const isMessage = field.root === 'own' && field.name === 'message';
  const key = isMessage ? MESSAGE_WORDS : groupKey(field, types, binder);
  const rows = await ask(
    `SELECT value, events, sum(events) OVER (), count() OVER () FROM (
       SELECT ${key.sql} AS value, count() AS events FROM ${EVENTS_TABLE} WHERE ${where(binder)}
       GROUP BY value HAVING ${key.isPresent('value')})
     ORDER BY events DESC, ${key.order('value')} LIMIT ${binder.bind('UInt64', limit)}`,
    binder,
  );
  const found = rows.flatMap(([answered, events]) => {
    const value = key.decode(answered);
    return value === null ? [] : [{ value, count: number(events) }];
  });
  const [[, , counted = 0, distinct = 0] = []] = rows;
  const total = key.isSingle || rows.length === 0 ? number(counted) : await countPresent(field, where, ask, context);
  return { values: found, total, distinct: number(distinct) };
}

/** Events that have a field of several values. */
async function countPresent(
  field: FieldRef,
  where: (binder: SqlBinder) => string,
  ask: Ask,
  { paths }: ReadContext,
): Promise<number> {
  if (field.root !== 'own') {
    const census = await censusOf(field, possibleTypes(field, paths), where, ask);
    return [...census.values()].reduce((sum, events) => sum + events, 0);
  }
  const binder = new SqlBinder();
  const present = field.name === 'tags' ? 'notEmpty(tags)' : 'messageless = 0';
  const [row] = await ask(`SELECT count() FROM ${EVENTS_TABLE} WHERE ${where(binder)} AND ${present}`, binder);
  return number(row?.[0]);
}

const FUNCTIONS: Readonly<Record<StatsFunction, (value: string) => string>> = {
  count: () => 'count()',
  sum: (value) => `sumOrNull(${value})`,
  avg: (value) => `avgOrNull(${value})`,
  min: (value) => `minOrNull(${value})`,
  max: (value) => `maxOrNull(${value})`,
  unique: (value) => `uniqCombined64(${value})`,
  p50: (value) => `quantileTDigestOrNull(0.5)(${value})`,
  p90: (value) => `quantileTDigestOrNull(0.9)(${value})`,
  p95: (value) => `quantileTDigestOrNull(0.95)(${value})`,
  p99: (value) => `quantileTDigestOrNull(0.99)(${value})`,
};

export async function stats(question: StatsQuestion, ask: Ask, context: ReadContext): Promise<readonly StatsRow[]> {
  const where = conditionOf(question, context);
  if (where === undefined) return [];
  const { by, fn, of, intervalMs } = question;
  const binder = new SqlBinder();
  const keys: GroupKey[] = [];
  for (const field of by) keys.push(groupKey(field, await typesOf(field, where, ask, context), binder));
  const value = of === undefined ? '' : await measured(of, fn, where, ask, context, binder);
  const buckets = intervalMs === undefined ? [] : [`${bucketOf(intervalMs, binder)} AS bucket`];
  const selected = [...buckets, ...keys.map(({ sql }, i) => `${sql} AS key${i}`)];
  const groups = [...buckets.map(() => 'bucket'), ...keys.map((_, i) => `key${i}`)];
  const rows = await ask(
    `SELECT ${[...selected, `${FUNCTIONS[fn](value)} AS result`].join(', ')}
     FROM ${EVENTS_TABLE} WHERE ${where(binder)}
     ${groups.length === 0 ? '' : `GROUP BY ${groups.join(', ')}`}
     ORDER BY ${[...buckets.map(() => 'bucket'), 'result DESC', ...keys.map((key, i) => key.order(`key${i}`))].join(', ')}
     LIMIT ${binder.bind('UInt64', question.limit)}`,
    binder,
  );
  return rows.map((row) => {
    const [time] = row;
    const answered = row.slice(buckets.length);
    const result = answered.at(-1);
    return {
      by: keys.map((key, i) => key.decode(answered[i])),
      ...(buckets.length === 0 ? {} : { timeMs: number(time) }),
      value: typeof result === 'number' ? result : null,
    };
  });
}

/** What a function is applied to: any value to count the different ones, else the number. */
async function measured(
  of: FieldRef,
  fn: StatsFunction,
  where: (binder: SqlBinder) => string,
  ask: Ask,
  context: ReadContext,
  binder: SqlBinder,
): Promise<string> {
  if (fn !== 'unique') return numberOf(of, binder);
  const key = groupKey(of, await typesOf(of, where, ask, context), binder);
  const isTime = of.root === 'own' && (of.name === 'timestamp' || of.name === 'received');
  return of.root === 'own' && !isTime ? `nullIf(${key.sql}, '')` : key.sql;
}
