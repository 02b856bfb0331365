/**
 * Questions whose answers are events: search, one event, and its neighbours. A page is read in two steps: which events
 * (from the columns of condition and order alone), then those events whole. Reading whole rows to sort them took 2 to 5
 * times as long, and the engine's own lazy reading uses one thread.
 */
import { answeredEvent, type RebuildOriginal } from '../../event/answered.ts';
import type { AnsweredEvent } from '../../event/event.ts';
import type { PathTypes } from '../path-types.ts';
import type { Question, SearchQuestion } from '../port.ts';
import { SqlBinder } from './binder.ts';
import type { Ask } from './query-runner.ts';
import { EVENT_SELECTION, number, storedEvent } from './rows.ts';
import { EVENTS_TABLE } from './schema.ts';
import { after, type Compile, condition, isId, orderBy, type SliceIndex } from './where.ts';

export interface ReadContext {
  readonly slices: SliceIndex;
  readonly paths: PathTypes;
  readonly compile: Compile;
  readonly rebuild: RebuildOriginal;
}

export async function search(
  question: SearchQuestion,
  ask: Ask,
  context: ReadContext,
): Promise<{ readonly events: readonly AnsweredEvent[]; readonly more: boolean }> {
  const binder = new SqlBinder();
  const where = condition(question, binder, context.slices, context.compile);
  if (where === undefined) return { events: [], more: false };
  const page = question.after === undefined ? '' : ` AND ${after(question.after, question.order, binder)}`;
  const keys = await keysOf(`${where}${page}`, question.order, question.limit + 1, binder, ask);
  const events = await eventsAt(keys.slice(0, question.limit), question.tenant, ask, context);
  return { events, more: keys.length > question.limit };
}

/** Where an event stands in the table. */
interface Key {
  readonly day: number;
  readonly timestampMs: number;
  readonly partition: number;
  readonly offset: number;
}

async function keysOf(
  where: string,
  order: 'asc' | 'desc',
  limit: number,
  binder: SqlBinder,
  ask: Ask,
): Promise<Key[]> {
  const rows = await ask(
    `SELECT slice_day, timestamp, queue_partition, queue_offset FROM ${EVENTS_TABLE} WHERE ${where}
     ORDER BY ${orderBy(order)} LIMIT ${binder.bind('UInt64', limit)}`,
    binder,
    KEYS_SETTINGS,
  );
  return rows.map(([day, timestampMs, partition, offset]) => ({
    day: number(day),
    timestampMs: number(timestampMs),
    partition: number(partition),
    offset: number(offset),
  }));
}

/** The events, in the order of their keys; one that retention took in between is left out. */
async function eventsAt(
  keys: readonly Key[],
  tenant: string,
  ask: Ask,
  context: ReadContext,
): Promise<readonly AnsweredEvent[]> {
  if (keys.length === 0) return [];
  const binder = new SqlBinder();
  const different = (values: readonly number[]) => [...new Set(values)];
  const rows = await ask(
    `SELECT queue_partition, queue_offset, ${EVENT_SELECTION} FROM ${EVENTS_TABLE}
     WHERE slice_day IN ${binder.bind('Array(UInt32)', different(keys.map(({ day }) => day)))}
       AND tenant = ${binder.bind('String', tenant)}
       AND timestamp IN ${binder.bind('Array(Int64)', different(keys.map(({ timestampMs }) => timestampMs)))}
       AND queue_offset IN ${binder.bind('Array(Int64)', different(keys.map(({ offset }) => offset)))}`,
    binder,
    ROWS_SETTINGS,
  );
  const byKey = new Map(
    rows.map(([partition, offset, ...row]) => [keyText(number(partition), number(offset)), row] as const),
  );
  return keys.flatMap(({ partition, offset }) => {
    const row = byKey.get(keyText(partition, offset));
    return row === undefined ? [] : [answeredEvent(storedEvent(row), context.rebuild)];
  });
}

/**
 * With one thread the engine reads in the order of the table and stops when the page is full; with two it reads several
 * times as much, in turns (measured: 5 ms against 90 for the newest 100 of two million).
 */
const KEYS_SETTINGS = { max_threads: 1 };

/** The rows lie far apart: few of them are worth a second thread. */
const ROWS_SETTINGS = {
  merge_tree_min_rows_for_concurrent_read: 8_192,
  merge_tree_min_bytes_for_concurrent_read: 262_144,
};

const keyText = (partition: number, offset: number): string => `${partition}/${offset}`;

export async function getEvent(
  question: { readonly tenant: string; readonly id: string },
  ask: Ask,
  context: ReadContext,
): Promise<AnsweredEvent | undefined> {
  const binder = new SqlBinder();
  const days = context.slices.days(question.tenant, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  const id = isId(question.id, binder);
  if (id === undefined || days.length === 0) return undefined;
  const tenant = binder.bind('String', question.tenant);
  const rows = await ask(
    `SELECT ${EVENT_SELECTION} FROM ${EVENTS_TABLE} WHERE tenant = ${tenant} AND ${id} LIMIT 1`,
    binder,
  );
  const [row] = rows;
  return row === undefined ? undefined : answeredEvent(storedEvent(row), context.rebuild);
}

export interface ContextQuestion extends Question {
  readonly id: string;
  readonly before: number;
  readonly after: number;
}

export async function contextOf(question: ContextQuestion, ask: Ask, context: ReadContext) {
  const event = await getEvent(question, ask, context);
  if (event === undefined) return undefined;
  const neighbours = async (order: 'asc' | 'desc', limit: number) => {
    const binder = new SqlBinder();
    const where = condition(question, binder, context.slices, context.compile);
    if (where === undefined || limit === 0) return [];
    const beyond = after({ timestampMs: Date.parse(event.timestamp), id: event.id }, order, binder);
    const source = binder.bind('String', event.source);
    const keys = await keysOf(`${where} AND source = ${source} AND ${beyond}`, order, limit, binder, ask);
    return eventsAt(keys, question.tenant, ask, context);
  };
  const before = await neighbours('desc', question.before);
  return { before: before.toReversed(), event, after: await neighbours('asc', question.after) };
}
