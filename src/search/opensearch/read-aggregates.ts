/** Questions whose answers are numbers: count, histogram, top values. */
import { SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS, QUERY_LIMITS } from '../../lib/limits.ts';
import type { FieldRef } from '../../query/ast.ts';
import { isOwn } from '../../query/fields.ts';
import type { HistogramBucket, HistogramQuestion, Question, ValueCount } from '../port.ts';
import { type Column, columnsOf, decode, isInAny, type Value } from './columns.ts';
import { type Condition, not } from './conditions.ts';
import { at, listAt, numberAt } from './json.ts';
import { FIELD } from './mapping.ts';
import type { Ask } from './query-runner.ts';
import { words } from './read-words.ts';
import { conditionOf } from './where.ts';

export async function count(question: Question, ask: Ask): Promise<number> {
  const found = await ask({ size: 0, track_total_hits: true, query: await conditionOf(question, ask) });
  return found === undefined ? 0 : numberAt(found, 'hits', 'total', 'value');
}

export interface Bucket {
  readonly key: unknown;
  readonly count: number;
  readonly bucket: unknown;
}

export function bucketsOf(found: unknown, ...path: readonly string[]): readonly Bucket[] {
  return listAt(found, ...path, 'buckets').map((bucket) => ({
    key: at(bucket, 'key'),
    count: numberAt(bucket, 'doc_count'),
    bucket,
  }));
}

/** The histogram that the engine makes is that of whole intervals since 1970, also before it. */
export function timeBuckets(intervalMs: number): { readonly field: string; readonly interval: number } {
  return { field: FIELD.timestamp, interval: Math.max(1, Math.round(intervalMs)) };
}

/** The largest values of a column, exact unless a slice has very many. */
function largest({ field }: Column, size: number): Condition {
  const shard_size = size + OPENSEARCH_LIMITS.shardValues;
  return { terms: { field, size, shard_size, order: [{ _count: 'desc' }, { _key: 'asc' }] } };
}

const NO_HITS = { size: 0, track_total_hits: false } as const;

export async function histogram(question: HistogramQuestion, ask: Ask): Promise<readonly HistogramBucket[]> {
  const query = await conditionOf(question, ask);
  const { by, intervalMs } = question;
  const times = { ...timeBuckets(intervalMs), min_doc_count: 1 };
  const columns = by === undefined ? [] : await columnsOf(by, query, ask);
  const series = by === undefined ? undefined : await seriesOf(by, columns, query, ask);
  const within = series === undefined ? {} : { aggs: seriesAggregations(columns, series) };
  const found = await ask({ ...NO_HITS, query, aggs: { times: { histogram: times, ...within } } });
  if (found === undefined) return [];
  const buckets = bucketsOf(found, 'aggregations', 'times');
  if (buckets.length > QUERY_LIMITS.buckets) throw tooManyBuckets();
  return buckets.map(({ key, count: events, bucket }) => ({
    timeMs: Number(key),
    count: events,
    ...(series === undefined ? {} : { by: stacked(bucket, columns, series) }),
  }));
}

function tooManyBuckets(): SpillwayError {
  const message = `The histogram has more than ${QUERY_LIMITS.buckets} buckets. Use a longer interval.`;
  return new SpillwayError('QUERY_TOO_LARGE', message, { details: { limit: QUERY_LIMITS.buckets } });
}

/** The values that are told apart, by column; `absent` where events without the field are among the largest. */
interface Series {
  readonly values: readonly (readonly unknown[])[];
  readonly absent: boolean;
}

async function seriesOf(by: FieldRef, columns: readonly Column[], query: Condition, ask: Ask): Promise<Series> {
  const found = await ask({
    ...NO_HITS,
    query,
    aggs: {
      absent: { filter: not(isInAny(columns)) },
      ...Object.fromEntries(columns.map((column, i) => [`c${i}`, largest(column, QUERY_LIMITS.series)])),
    },
  });
  if (found === undefined) return { values: [], absent: false };
  const counted = columns.flatMap((_, i) => bucketsOf(found, 'aggregations', `c${i}`).map((one) => ({ ...one, i })));
  const absent = { key: undefined, count: numberAt(found, 'aggregations', 'absent', 'doc_count'), i: -1 };
  const all = [...counted, ...(absent.count > 0 ? [absent] : [])].sort((a, b) => b.count - a.count);
  const isLevel = by.root === 'own' && by.name === 'level';
  const top = isLevel ? all : all.slice(0, QUERY_LIMITS.series);
  return {
    values: columns.map((_, i) => top.filter((one) => one.i === i).map(({ key }) => key)),
    absent: top.includes(absent),
  };
}

function seriesAggregations(columns: readonly Column[], series: Series): Readonly<Record<string, Condition>> {
  const terms = columns.map((column, i): [string, Condition] => [`c${i}`, onlyValues(column, series.values[i] ?? [])]);
  return { ...Object.fromEntries(terms), ...(series.absent ? { absent: { filter: not(isInAny(columns)) } } : {}) };
}

function onlyValues({ field, type }: Column, keys: readonly unknown[]): Condition {
  if (keys.length === 0) return { filter: { match_none: {} } };
  // Booleans are two, and their keys are numbers here and words there.
  const include = type === 'boolean' || type === 'booleans' ? {} : { include: keys };
  return { terms: { field, size: Math.max(1, keys.length), ...include } };
}

function stacked(bucket: unknown, columns: readonly Column[], series: Series): Readonly<Record<string, number>> {
  const by: Record<string, number> = {};
  const add = (name: string, events: number) => {
    if (events > 0) by[name] = (by[name] ?? 0) + events;
  };
  for (const [i, column] of columns.entries()) {
    if ((series.values[i] ?? []).length === 0) continue;
    for (const { key, count: events } of bucketsOf(bucket, `c${i}`)) add(String(decode(column, key)), events);
  }
  if (series.absent) add('', numberAt(bucket, 'absent', 'doc_count'));
  return by;
}

export async function values(
  question: Question & { readonly field: FieldRef; readonly limit: number },
  ask: Ask,
): Promise<{ readonly values: readonly ValueCount[]; readonly total: number; readonly distinct: number }> {
  if (isOwn(question.field, 'message')) return words(question, ask);
  const query = await conditionOf(question, ask);
  const columns = await columnsOf(question.field, query, ask);
  if (columns.length === 0) return { values: [], total: 0, distinct: 0 };
  const aggs: Record<string, Condition> = { total: { filter: isInAny(columns) } };
  for (const [i, column] of columns.entries()) {
    aggs[`c${i}`] = largest(column, question.limit);
    aggs[`d${i}`] = distinctValues(column);
  }
  const found = await ask({ ...NO_HITS, query, aggs });
  if (found === undefined) return { values: [], total: 0, distinct: 0 };
  const counted = columns.flatMap((column, i) =>
    bucketsOf(found, 'aggregations', `c${i}`).map((one) => ({ value: decode(column, one.key), count: one.count })),
  );
  counted.sort((a, b) => b.count - a.count || compare(a.value, b.value));
  return {
    values: counted.slice(0, question.limit),
    total: numberAt(found, 'aggregations', 'total', 'doc_count'),
    distinct: columns.reduce((sum, _, i) => sum + distinctOf(found, i, question.limit), 0),
  };
}

/** Where all values are listed, as many as those; else the engine's estimate. */
function distinctOf(found: unknown, column: number, limit: number): number {
  const listed = bucketsOf(found, 'aggregations', `c${column}`).length;
  return listed < limit ? listed : Math.max(listed, numberAt(found, 'aggregations', `d${column}`, 'value'));
}

export function distinctValues({ field }: Column): Condition {
  return { cardinality: { field, precision_threshold: EXACT_UNTIL } };
}

/** The most that the engine allows. */
const EXACT_UNTIL = 40_000;

function compare(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a) < String(b) ? -1 : 1;
}
