/** Questions whose answers are events: search, one event, and its neighbours. */
import type { AnsweredEvent } from '../../event/event.ts';
import type { PathTypes } from '../path-types.ts';
import type { Question, SearchQuestion } from '../port.ts';
import { SqlBinder } from './binder.ts';
import type { Ask } from './query-runner.ts';
import { answeredEvent, EVENT_SELECTION, type RebuildOriginal } from './rows.ts';
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
  const rows = await ask(
    `SELECT ${EVENT_SELECTION} FROM ${EVENTS_TABLE} WHERE ${where}${page}
     ORDER BY ${orderBy(question.order)} LIMIT ${binder.bind('UInt64', question.limit + 1)}`,
    binder,
  );
  const events = rows.slice(0, question.limit).map((row) => answeredEvent(row, context.rebuild));
  return { events, more: rows.length > question.limit };
}

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
  return row === undefined ? undefined : answeredEvent(row, context.rebuild);
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
    const rows = await ask(
      `SELECT ${EVENT_SELECTION} FROM ${EVENTS_TABLE} WHERE ${where} AND source = ${source} AND ${beyond}
       ORDER BY ${orderBy(order)} LIMIT ${binder.bind('UInt64', limit)}`,
      binder,
    );
    return rows.map((row) => answeredEvent(row, context.rebuild));
  };
  const before = await neighbours('desc', question.before);
  return { before: before.reverse(), event, after: await neighbours('asc', question.after) };
}
