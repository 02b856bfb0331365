/** The condition of every question: the tenant, the time, the slices that can hold it, and the query itself. */

import { SpillwayError } from '../../lib/errors.ts';
import type { QueryNode } from '../../query/ast.ts';
import type { TimeBounds } from '../catalogue.ts';
import { idNumbers } from '../ids.ts';
import type { Cursor, Question } from '../port.ts';
import { type Binder, ORDER_COLUMNS } from './schema.ts';
import type { SliceNumber } from './slice-numbers.ts';

/** Compiles a query to a condition on the columns of schema.ts, with bound values. */
export type Compile = (query: QueryNode, binder: Binder) => string;

export interface SliceIndex {
  /** The slices that may hold events of a tenant with times in [fromMs, toMs). */
  touched(tenant: string, fromMs: number, toMs: number): readonly SliceNumber[];
  /** Of the timestamps of the tenant's events there, with those that an insert is just adding. */
  bounds(tenant: string, fromMs: number, toMs: number): TimeBounds | undefined;
  /** Whether nobody else has events in those slices, nor in what an insert is just adding to them. */
  isAlone(tenant: string, fromMs: number, toMs: number): boolean;
  /** How many slices the table has, and how many kinds of them. */
  counts(): { readonly slices: number; readonly kinds: number };
  /** Another number each time that a slice has come or begun to go. */
  changes(): number;
}

/**
 * Tells the engine which partitions to open: it looks at the numbers of each before it reads anything of it. It also reads
 * the columns of each row for them, so nothing is said that holds for all.
 */
export function inSlices(touched: readonly SliceNumber[], index: Pick<SliceIndex, 'counts'>, binder: Binder): string[] {
  const all = index.counts();
  if (touched.length >= all.slices) return [];
  const kinds = [...new Set(touched.map(({ kind }) => kind))];
  const starts = [...new Set(touched.map(({ start }) => start))];
  const conditions = [`slice_day IN ${binder.bind('Array(UInt32)', starts)}`];
  if (kinds.length < all.kinds) conditions.push(`retention_days IN ${binder.bind('Array(UInt32)', kinds)}`);
  if (kinds.length > 1 && starts.length > 1) conditions.push(inPairs(touched, kinds, binder));
  return conditions;
}

function inPairs(touched: readonly SliceNumber[], kinds: readonly number[], binder: Binder): string {
  const pairs = kinds.map((kind) => {
    const starts = touched.filter((slice) => slice.kind === kind).map(({ start }) => start);
    return `(retention_days = ${binder.bind('UInt32', kind)} AND slice_day IN ${binder.bind('Array(UInt32)', starts)})`;
  });
  return `(${pairs.join(' OR ')})`;
}

/** Which conditions hold for all events that may be looked at. */
export interface Implied {
  /** No event is older than the range. */
  readonly from: boolean;
  /** Nor newer. */
  readonly to: boolean;
  /** All are the tenant's. */
  readonly tenant: boolean;
}

export interface ConditionContext {
  readonly slices: SliceIndex;
  readonly compile: Compile;
  /** What need not be asked for; by default all is. */
  readonly implied?: Implied;
}

/** Undefined where no slice can hold an answer. */
export function condition(
  question: Pick<Question, 'tenant' | 'fromMs' | 'toMs' | 'query'>,
  binder: Binder,
  { slices, compile, implied }: ConditionContext,
): string | undefined {
  const touched = slices.touched(question.tenant, question.fromMs, question.toMs);
  if (touched.length === 0) return undefined;
  return [
    ...(implied?.tenant ? [] : [`tenant = ${binder.bind('String', question.tenant)}`]),
    ...(implied?.from ? [] : [`timestamp >= ${binder.bind('Int64', time(question.fromMs))}`]),
    ...(implied?.to ? [] : [`timestamp < ${binder.bind('Int64', time(question.toMs))}`]),
    ...inSlices(touched, slices, binder),
    `(${compile(question.query, binder)})`,
  ].join('\n  AND ');
}

/** For a page: the engine reads in the order of its table only where the first column of that order is given. */
export function withTenant<Context extends ConditionContext>(context: Context): Context {
  return context.implied?.tenant ? { ...context, implied: { ...context.implied, tenant: false } } : context;
}

/** As a whole number that Int64 holds. */
function time(ms: number): bigint {
  if (ms === Number.POSITIVE_INFINITY) return 2n ** 63n - 1n;
  if (ms === Number.NEGATIVE_INFINITY) return -(2n ** 63n);
  return BigInt(Math.ceil(ms));
}

/** Events after the cursor in the order. */
export function after(cursor: Cursor, order: 'asc' | 'desc', binder: Binder): string {
  const id = idNumbers(cursor.id);
  if (id === undefined || !Number.isSafeInteger(cursor.timestampMs)) {
    throw new SpillwayError('CURSOR_INVALID', 'The cursor names no event. Take it from `next` of the page before.');
  }
  const at = binder.bind('Int64', cursor.timestampMs);
  const beyond = order === 'asc' ? '>' : '<';
  const values = [
    binder.bind('String', id.site),
    binder.bind('String', id.topic),
    binder.bind('Int64', id.partition),
    binder.bind('UInt64', id.offset),
    binder.bind('UInt64', id.index),
  ];
  const [, ...numbers] = ORDER_COLUMNS;
  return `timestamp ${beyond}= ${at} AND (timestamp ${beyond} ${at} OR (${numbers.join(', ')}) ${beyond} (${values.join(', ')}))`;
}

export function orderBy(order: 'asc' | 'desc'): string {
  return ORDER_COLUMNS.map((name) => `${name} ${order === 'asc' ? 'ASC' : 'DESC'}`).join(', ');
}

/** The event of an id; undefined where the text is no id. */
export function isId(id: string, binder: Binder): string | undefined {
  const numbers = idNumbers(id);
  if (numbers === undefined) return undefined;
  return [
    `id_offset = ${binder.bind('UInt64', numbers.offset)}`,
    `id_index = ${binder.bind('UInt64', numbers.index)}`,
    `id_partition = ${binder.bind('UInt64', numbers.partition)}`,
    `id_site = ${binder.bind('String', numbers.site)}`,
    `id_topic = ${binder.bind('String', numbers.topic)}`,
  ].join(' AND ');
}
