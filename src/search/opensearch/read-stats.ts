/** Statistics by groups. All groups are read, so that the largest are the largest; beyond a limit the question is refused. */
import { SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { FieldRef } from '../../query/ast.ts';
import { fieldName } from '../../query/fields.ts';
import type { StatsFunction, StatsQuestion, StatsRow } from '../port.ts';
import { compareRows, type Value } from '../value-order.ts';
import {
  askCounting,
  assertCounting,
  type Column,
  columnsOf,
  decode,
  isArray,
  isInAny,
  presentColumns,
} from './columns.ts';
import { allOf, type Condition, not } from './conditions.ts';
import { NO_HITS, ONLY_TOTAL, totalOf } from './hits.ts';
import { at, listAt, numberAt } from './json.ts';
import type { Ask } from './query-runner.ts';
import { bucketsOf, distinctValues, timeBuckets } from './read-aggregates.ts';
import { conditionOf } from './where.ts';

/** What is asked of each group, and how its answer is read. */
interface Measure {
  readonly aggs: Readonly<Record<string, Condition>>;
  read(group: unknown): number | null;
  /** Of groups that are parts of one; missing where their values do not tell that. */
  readAll?(groups: readonly unknown[]): number | null;
}

export async function stats(question: StatsQuestion, ask: Ask): Promise<readonly StatsRow[]> {
  const query = await conditionOf(question, ask);
  const measure = await measureOf(question.fn, question.of, ask);
  const rows = (await fewGroups(question, measure, query, ask)) ?? (await allGroups(question, measure, query, ask));
  rows.sort((a, b) => (a.timeMs ?? 0) - (b.timeMs ?? 0) || descending(a.value, b.value) || compareRows(a.by, b.by));
  return rows.slice(0, question.limit);
}

function countedIn({ by, of }: StatsQuestion): readonly FieldRef[] {
  return of === undefined ? by : [...by, of];
}

/** Without a field to group by, or by one with few values: one request. Undefined where that does not tell all. */
async function fewGroups(
  question: StatsQuestion,
  measure: Measure,
  query: Condition,
  ask: Ask,
): Promise<StatsRow[] | undefined> {
  const { by, intervalMs } = question;
  const [field, ...further] = by;
  const counted = countedIn(question);
  if (intervalMs !== undefined || further.length > 0) return undefined;
  const { aggs } = measure;
  if (field === undefined) {
    const found = await askCounting(counted, query, ask, { ...ONLY_TOTAL, aggs });
    return found === undefined ? [] : [{ by: [], value: measure.read(allAsGroup(found)) }];
  }
  const columns = await columnsOf(field, ask);
  const terms = columns.map(({ field: name }, i): [string, Condition] => [
    `c${i}`,
    { terms: { field: name, size: OPENSEARCH_LIMITS.groupsAtOnce }, aggs },
  ]);
  const body = { ...ONLY_TOTAL, aggs: Object.fromEntries(terms) };
  const found = await askCounting(counted, query, ask, body);
  if (found === undefined) return [];
  const groups = columns.flatMap((column, i) =>
    bucketsOf(found, 'aggregations', `c${i}`).map((group) => ({ ...group, column })),
  );
  const isWhole = columns.every((_, i) => numberAt(found, 'aggregations', `c${i}`, 'sum_other_doc_count') === 0);
  if (!isWhole || groups.some(({ column }) => isArray(column))) return undefined;
  const rows: StatsRow[] = groups.map(({ key, bucket, column }) => ({
    by: [decode(column, key)],
    value: measure.read(bucket),
  }));
  const without = totalOf(found) - groups.reduce((sum, { count }) => sum + count, 0);
  if (without === 0) return rows;
  // Events that have no value to group by are a group too.
  const rest = await ask({ ...ONLY_TOTAL, query: allOf([query, not(isInAny(columns))]), aggs });
  return rest === undefined ? rows : [...rows, { by: [null], value: measure.read(allAsGroup(rest)) }];
}

function allAsGroup(found: unknown): unknown {
  return { doc_count: totalOf(found), ...Object(at(found, 'aggregations')) };
}

/** Page by page. */
async function allGroups(question: StatsQuestion, measure: Measure, query: Condition, ask: Ask): Promise<StatsRow[]> {
  await assertCounting(countedIn(question), query, ask);
  const keys: (readonly Column[])[] = [];
  for (const field of question.by) keys.push(await presentColumns(field, query, ask));
  // A value that stands alone in some events and in an array of others is two groups of the engine and one of the answer.
  const rows = new Map<string, { readonly row: Omit<StatsRow, 'value'>; readonly parts: unknown[] }>();
  let groups = 0;
  for await (const group of groupsOf(question, keys, measure, query, ask)) {
    if (++groups > OPENSEARCH_LIMITS.groups) throw tooManyGroups();
    const key = at(group, 'key');
    const time = at(key, 'time');
    const by = keys.map((columns, i) => keyOf(columns, i, key));
    const row = { by, ...(typeof time === 'number' ? { timeMs: time } : {}) };
    const text = JSON.stringify(row);
    const known = rows.get(text);
    if (known === undefined) rows.set(text, { row, parts: [group] });
    else known.parts.push(group);
  }
  return Array.from(rows.values(), ({ row, parts }) => ({ ...row, value: measured(parts, measure, question) }));
}

function measured(parts: readonly unknown[], { read, readAll }: Measure, { fn, by }: StatsQuestion): number | null {
  if (parts.length === 1) return read(parts[0]);
  if (readAll !== undefined) return readAll(parts);
  const names = by.map(fieldName).join(', ');
  throw new SpillwayError(
    'QUERY_UNSUPPORTED',
    `OpenSearch cannot tell ${fn} by ${names}: a value stands alone in some events and in an array of others. Ask for those apart, or for count, sum, avg, min or max.`,
  );
}

function descending(a: number | null, b: number | null): number {
  return (b ?? Number.NEGATIVE_INFINITY) - (a ?? Number.NEGATIVE_INFINITY) || 0;
}

function tooManyGroups(): SpillwayError {
  const message = `The statistic has more than ${OPENSEARCH_LIMITS.groups} groups. Narrow the query or its range.`;
  return new SpillwayError('QUERY_TOO_LARGE', message, { details: { limit: OPENSEARCH_LIMITS.groups } });
}

function keyOf(columns: readonly Column[], field: number, key: unknown): Value {
  for (const [i, column] of columns.entries()) {
    const found = at(key, `k${field}_${i}`);
    if (found !== null && found !== undefined) return decode(column, found);
  }
  return null;
}

async function* groupsOf(
  { intervalMs }: StatsQuestion,
  keys: readonly (readonly Column[])[],
  { aggs }: Measure,
  query: Condition,
  ask: Ask,
): AsyncGenerator<unknown> {
  const times = intervalMs === undefined ? [] : [{ time: { histogram: timeBuckets(intervalMs) } }];
  const terms = keys.flatMap((columns, i) =>
    columns.map(({ field }, j) => ({ [`k${i}_${j}`]: { terms: { field, missing_bucket: true } } })),
  );
  const sources = [...times, ...terms];
  if (sources.length === 0) {
    const found = await ask({ ...ONLY_TOTAL, query, aggs });
    if (found === undefined) return;
    // Where the fields to group by have no value anywhere, there is one group, but of nothing none.
    if (totalOf(found) > 0) yield allAsGroup(found);
    return;
  }
  for (let after: unknown; ; ) {
    const composite = { size: OPENSEARCH_LIMITS.groupsAtOnce, sources, ...(after === undefined ? {} : { after }) };
    const groups = { composite, ...(Object.keys(aggs).length === 0 ? {} : { aggs }) };
    const found = await ask({ ...NO_HITS, query, aggs: { groups } });
    if (found === undefined) return;
    yield* listAt(found, 'aggregations', 'groups', 'buckets');
    after = at(found, 'aggregations', 'groups', 'after_key');
    if (after === undefined) return;
  }
}

async function measureOf(fn: StatsFunction, of: FieldRef | undefined, ask: Ask): Promise<Measure> {
  if (fn === 'count' || of === undefined) return counting;
  if (fn === 'unique') {
    const columns = await columnsOf(of, ask);
    return {
      aggs: Object.fromEntries(columns.map((column, i) => [`u${i}`, distinctValues(column)])),
      read: (group) => columns.reduce((sum, _, i) => sum + numberAt(group, `u${i}`, 'value'), 0),
    };
  }
  const numbers = await numberColumn(of, ask);
  if (numbers === undefined) return { aggs: {}, read: () => null, readAll: () => null };
  return isPercentile(fn) ? percentile(numbers, PERCENTILES[fn]) : simple(numbers, fn);
}

const counting: Measure = {
  aggs: {},
  read: (group) => numberAt(group, 'doc_count'),
  readAll: (groups) => groups.reduce<number>((sum, group) => sum + numberAt(group, 'doc_count'), 0),
};

/** Numbers of plain fields alone: those of an array are several values of one event. */
async function numberColumn(of: FieldRef, ask: Ask): Promise<Column | undefined> {
  if (of.root === 'own' && of.name !== 'timestamp' && of.name !== 'received') return undefined;
  return (await columnsOf(of, ask)).find(({ type }) => type === 'number' || type === 'time');
}

const PERCENTILES = { p50: 50, p90: 90, p95: 95, p99: 99 } as const;

function isPercentile(fn: Simple | keyof typeof PERCENTILES): fn is keyof typeof PERCENTILES {
  return Object.hasOwn(PERCENTILES, fn);
}

function percentile({ field }: Column, percent: number): Measure {
  return {
    aggs: { p: { percentiles: { field, percents: [percent], keyed: false } } },
    read: (group) => {
      const value = at(listAt(group, 'p', 'values')[0], 'value');
      return typeof value === 'number' ? value : null;
    },
  };
}

type Simple = 'sum' | 'avg' | 'min' | 'max';

function simple({ field }: Column, fn: Simple): Measure {
  const read = (group: unknown) => (numberAt(group, 's', 'count') === 0 ? null : numberAt(group, 's', fn));
  return {
    aggs: { s: { stats: { field } } },
    read,
    readAll: (groups) => {
      const some = groups.filter((group) => numberAt(group, 's', 'count') > 0);
      if (some.length === 0) return null;
      const all = (name: 'sum' | 'count' | Simple) => some.map((group) => numberAt(group, 's', name));
      const total = (name: 'sum' | 'count') => all(name).reduce((sum, one) => sum + one, 0);
      if (fn === 'avg') return total('sum') / total('count');
      return fn === 'sum' ? total('sum') : fn === 'min' ? Math.min(...all('min')) : Math.max(...all('max'));
    },
  };
}
