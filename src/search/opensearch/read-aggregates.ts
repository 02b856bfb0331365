/** Questions whose answers are numbers: count, histogram, top values. */
import { SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS, QUERY_LIMITS } from '../../lib/limits.ts';
import type { FieldRef } from '../../query/ast.ts';
import { isOwn } from '../../query/fields.ts';
import type { HistogramBucket, HistogramQuestion, Question, ValueCount } from '../port.ts';
import { compareValues, type Value } from '../value-order.ts';
import { askCounting, type Column, columnsOf, decode, isArray, isInAny } from './columns.ts';
import { type Condition, not } from './conditions.ts';
import { NO_HITS, ONLY_TOTAL, totalOf } from './hits.ts';
import { at, listAt, numberAt } from './json.ts';
import { FIELD, OWN_COLUMNS } from './mapping.ts';
import { valueField } from './names.ts';
import type { Ask } from './query-runner.ts';
import { words } from './read-words.ts';
import { conditionOf } from './where.ts';

export async function count(question: Question, ask: Ask): Promise<number> {
  const found = await ask({ ...ONLY_TOTAL, query: await conditionOf(question, ask) });
  return found === undefined ? 0 : totalOf(found);
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

export async function histogram(question: HistogramQuestion, ask: Ask): Promise<readonly HistogramBucket[]> {
  const query = await conditionOf(question, ask);
  const { by, intervalMs } = question;
  const stack = by === undefined ? undefined : await stackOf(by, query, ask);
  const times = { histogram: { ...timeBuckets(intervalMs), min_doc_count: 1 }, ...(stack && { aggs: stack.aggs }) };
  const found = await ask({ ...NO_HITS, query, aggs: { times } });
  if (found === undefined) return [];
  const buckets = bucketsOf(found, 'aggregations', 'times');
  if (buckets.length > QUERY_LIMITS.buckets) throw tooManyBuckets();
  return buckets.map((bucket) => ({
    timeMs: Number(bucket.key),
    count: bucket.count,
    ...(stack && { by: stack.read(bucket) }),
  }));
}

/** What each bucket of a histogram is asked besides its count, and how the answer is read. */
interface Stack {
  readonly aggs: Readonly<Record<string, Condition>>;
  read(bucket: Bucket): Readonly<Record<string, number>>;
}

async function stackOf(by: FieldRef, query: Condition, ask: Ask): Promise<Stack> {
  if (isOwn(by, 'level')) return levels();
  const columns = await columnsOf(by, ask);
  const series = await seriesOf(by, columns, query, ask);
  return { aggs: seriesAggregations(columns, series), read: ({ bucket }) => stacked(bucket, columns, series) };
}

/** There are few: all of them, without a look first which are the largest. Events without one are the rest. */
function levels(): Stack {
  const [type, name] = OWN_COLUMNS.level;
  const aggs = { levels: largest({ type, field: valueField(type, name) }, QUERY_LIMITS.series) };
  return {
    aggs,
    read: ({ bucket, count: events }) => {
      const found = bucketsOf(bucket, 'levels').map(({ key, count: some }): [string, number] => [String(key), some]);
      const without = events - found.reduce((sum, [, some]) => sum + some, 0);
      return Object.fromEntries(without > 0 ? [...found, ['', without]] : found);
    },
  };
}

function tooManyBuckets(): SpillwayError {
  const message = `The histogram has more than ${QUERY_LIMITS.buckets} buckets. Use a longer interval.`;
  return new SpillwayError('QUERY_TOO_LARGE', message, { details: { limit: QUERY_LIMITS.buckets } });
}

/** The values that are told apart; null where events without the field are among the largest. */
interface Series {
  readonly top: ReadonlySet<Value>;
  /** By column, the keys of buckets that may be among them. */
  readonly keys: readonly (readonly unknown[])[];
}

async function seriesOf(by: FieldRef, columns: readonly Column[], query: Condition, ask: Ask): Promise<Series> {
  // A value may be in two columns, and so among the largest without being that in either.
  const size = columns.some(isArray) ? QUERY_LIMITS.values : QUERY_LIMITS.series;
  const found = await askCounting([by], query, ask, {
    ...NO_HITS,
    aggs: {
      absent: { filter: not(isInAny(columns)) },
      ...Object.fromEntries(columns.map((column, i) => [`c${i}`, largest(column, size)])),
    },
  });
  if (found === undefined) return { top: new Set(), keys: [] };
  const listed = columns.map((column, i) => listedIn(found, column, i));
  const without = { value: null, count: numberAt(found, 'aggregations', 'absent', 'doc_count') };
  const all = [...withoutRepeats(listed.flat()), ...(without.count > 0 ? [without] : [])];
  all.sort((a, b) => b.count - a.count || compareValues(a.value, b.value));
  const top = new Set(all.slice(0, QUERY_LIMITS.series).map(({ value }) => value));
  return { top, keys: listed.map((column) => column.filter(({ value }) => top.has(value)).map(({ key }) => key)) };
}

function listedIn(found: unknown, column: Column, i: number) {
  return bucketsOf(found, 'aggregations', `c${i}`).map((one) => ({ ...one, value: decode(column, one.key) }));
}

/** A value that stands alone in some events and in an array of others is in two columns. */
function withoutRepeats(listed: readonly ValueCount[]): ValueCount[] {
  const counts = new Map<ValueCount['value'], number>();
  for (const { value, count: events } of listed) counts.set(value, (counts.get(value) ?? 0) + events);
  return Array.from(counts, ([value, events]) => ({ value, count: events }));
}

function seriesAggregations(columns: readonly Column[], { top, keys }: Series): Readonly<Record<string, Condition>> {
  const terms = columns.map((column, i): [string, Condition] => [`c${i}`, onlyValues(column, keys[i] ?? [])]);
  return { ...Object.fromEntries(terms), ...(top.has(null) ? { absent: { filter: not(isInAny(columns)) } } : {}) };
}

function onlyValues({ field, type }: Column, keys: readonly unknown[]): Condition {
  if (keys.length === 0) return { filter: { match_none: {} } };
  // Booleans are two, and their keys are numbers here and words there.
  if (type === 'boolean' || type === 'booleans') return { terms: { field, size: 2 } };
  return { terms: { field, size: keys.length, include: keys } };
}

function stacked(bucket: unknown, columns: readonly Column[], { top, keys }: Series): Readonly<Record<string, number>> {
  const by = new Map<string, number>();
  const add = (name: string, events: number) => {
    if (events > 0) by.set(name, (by.get(name) ?? 0) + events);
  };
  for (const [i, column] of columns.entries()) {
    if ((keys[i] ?? []).length === 0) continue;
    for (const { key, count: events } of bucketsOf(bucket, `c${i}`)) {
      const value = decode(column, key);
      if (top.has(value)) add(String(value), events);
    }
  }
  if (top.has(null)) add('', numberAt(bucket, 'absent', 'doc_count'));
  return Object.fromEntries(by);
}

export async function values(
  question: Question & { readonly field: FieldRef; readonly limit: number },
  ask: Ask,
): Promise<{ readonly values: readonly ValueCount[]; readonly total: number; readonly distinct: number }> {
  if (isOwn(question.field, 'message')) return words(question, ask);
  const query = await conditionOf(question, ask);
  const columns = await columnsOf(question.field, ask);
  const arrays = columns.filter(isArray);
  // More than are answered, so that there is no need to ask how many others there are, where those are few.
  const listed = Math.max(question.limit, QUERY_LIMITS.values);
  const aggs: Record<string, Condition> = arrays.length === 0 ? {} : { arrays: { filter: isInAny(arrays) } };
  for (const [i, column] of columns.entries()) aggs[`c${i}`] = largest(column, listed);
  const found = await askCounting([question.field], query, ask, { ...NO_HITS, aggs });
  if (found === undefined) return { values: [], total: 0, distinct: 0 };
  const listedValues = columns.flatMap((column, i) => listedIn(found, column, i));
  const counted = withoutRepeats(listedValues);
  counted.sort((a, b) => b.count - a.count || compareValues(a.value, b.value));
  const repeated = listedValues.length - counted.length;
  return {
    values: counted.slice(0, question.limit),
    total: columns.reduce(
      (sum, column, i) => sum + (isArray(column) ? 0 : eventsIn(found, i)),
      arrays.length === 0 ? 0 : numberAt(found, 'aggregations', 'arrays', 'doc_count'),
    ),
    distinct: (await distinct(columns, found, query, ask)) - repeated,
  };
}

/** Of a column that has one value an event: those that are listed, and the others. */
function eventsIn(found: unknown, column: number): number {
  const listed = bucketsOf(found, 'aggregations', `c${column}`).reduce((sum, { count: events }) => sum + events, 0);
  return listed + othersIn(found, column);
}

function othersIn(found: unknown, column: number): number {
  return numberAt(found, 'aggregations', `c${column}`, 'sum_other_doc_count');
}

/** Where all values are listed, as many as those; else the engine's estimate. */
async function distinct(columns: readonly Column[], found: unknown, query: Condition, ask: Ask): Promise<number> {
  const many = columns.flatMap((column, i) => (othersIn(found, i) > 0 ? [[`c${i}`, distinctValues(column)]] : []));
  const estimated = many.length === 0 ? undefined : await ask({ ...NO_HITS, query, aggs: Object.fromEntries(many) });
  return columns.reduce((sum, _, i) => {
    const listed = bucketsOf(found, 'aggregations', `c${i}`).length;
    const estimate = at(estimated, 'aggregations', `c${i}`, 'value');
    return sum + Math.max(listed, Number(estimate ?? 0));
  }, 0);
}

export function distinctValues({ field }: Column): Condition {
  return { cardinality: { field, precision_threshold: EXACT_UNTIL } };
}

/** The most that the engine allows. */
const EXACT_UNTIL = 40_000;
