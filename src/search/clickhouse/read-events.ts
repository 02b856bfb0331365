/**
 * Questions whose answers are events: search, one event, and its neighbours. The engine reads the columns of condition
 * and order first and the rest for the rows of the page alone ("lazy materialization").
 */
import { answeredEvent, type RebuildOriginal } from '../../event/answered.ts';
import type { AnsweredEvent } from '../../event/event.ts';
import type { QueryNode } from '../../query/ast.ts';
import type { PathTypes } from '../path-types.ts';
import type { ContextQuestion, SearchQuestion } from '../port.ts';
import { type Setting, SqlBinder } from './binder.ts';
import type { Ask } from './query-runner.ts';
import { EVENT_SELECTION, storedEvent } from './rows.ts';
import { EVENTS_TABLE, INDEXED_IDS } from './schema.ts';
import { engineCode, TOO_MANY_ROWS } from './sessions.ts';
import { after, type ConditionContext, condition, inSlices, isId, orderBy, withTenant } from './where.ts';

export interface ReadContext extends ConditionContext {
  readonly paths: PathTypes;
  /** See QUERY_LIMITS. */
  readonly sortedRows: number;
  readonly rebuild: RebuildOriginal;
}

type Settings = Readonly<Record<string, Setting>>;

export async function search(
  question: SearchQuestion,
  ask: Ask,
  context: ReadContext,
): Promise<{ readonly events: readonly AnsweredEvent[]; readonly more: boolean }> {
  const binder = new SqlBinder();
  const where = condition(question, binder, withTenant(context));
  if (where === undefined) return { events: [], more: false };
  const beyond = question.after === undefined ? '' : ` AND ${after(question.after, question.order, binder)}`;
  const read = (settings: Settings) =>
    page(`${where}${beyond}`, question.order, question.limit + 1, binder, ask, context, settings);
  const events = await (asksForIndexedId(question.query) ? fewOrPage(read, context.sortedRows) : read(PAGE_SETTINGS));
  return { events: events.slice(0, question.limit), more: events.length > question.limit };
}

async function page(
  where: string,
  order: 'asc' | 'desc',
  limit: number,
  binder: SqlBinder,
  ask: Ask,
  context: ReadContext,
  settings: Settings = PAGE_SETTINGS,
): Promise<readonly AnsweredEvent[]> {
  const rows = await ask(
    `SELECT ${EVENT_SELECTION} FROM ${EVENTS_TABLE} WHERE ${where}
     ORDER BY ${orderBy(order)} LIMIT ${binder.bind('UInt64', limit)}`,
    binder,
    settings,
  );
  return rows.map((row) => answeredEvent(storedEvent(row), context.rebuild));
}

/**
 * Reading in the order of the table ends when the page is full, but not where each part is read ahead: the newest 100 of
 * two million events in eleven parts took 59 ms with that, and 18 without.
 */
const PAGE_SETTINGS = { read_in_order_use_buffering: 0 };

/**
 * A request has few events, in few granules: what costs is to plan, to open parts and to wake threads. Reading in order
 * opens each part by itself; one id of two million events took 22 ms with that and two threads, 13 without.
 */
const FEW_SETTINGS = {
  optimize_read_in_order: 0,
  max_threads: 1,
  use_skip_indexes_on_data_read: 0,
  // A row of JSON is some hundred small files: to hand each to another thread costs more than to read it.
  local_filesystem_read_method: 'pread',
  merge_tree_use_prefixes_deserialization_thread_pool: 0,
};

/**
 * An id may be a common one (`-`), or a number, which the index does not hold: then in order, as all others. The engine
 * knows how many rows its indexes leave before it reads any.
 */
async function fewOrPage<T>(read: (settings: Settings) => Promise<T>, sortedRows: number): Promise<T> {
  try {
    return await read({ ...FEW_SETTINGS, max_rows_to_read: sortedRows });
  } catch (thrown) {
    if (engineCode(thrown) !== TOO_MANY_ROWS) throw thrown;
    return read(PAGE_SETTINGS);
  }
}

/** Whether only events of one id can match, of those that have an index of their own. */
function asksForIndexedId(query: QueryNode): boolean {
  if (query.kind === 'and') return query.children.some(asksForIndexedId);
  if (query.kind !== 'term' && query.kind !== 'phrase') return false;
  const { field } = query;
  const [name, ...deeper] = field.root === 'payload' ? field.path : [];
  return deeper.length === 0 && INDEXED_IDS.some((id) => id === name);
}

export async function getEvent(
  question: { readonly tenant: string; readonly id: string },
  ask: Ask,
  context: ReadContext,
): Promise<AnsweredEvent | undefined> {
  const binder = new SqlBinder();
  const touched = context.slices.touched(question.tenant, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  const id = isId(question.id, binder);
  if (id === undefined || touched.length === 0) return undefined;
  const tenant = `tenant = ${binder.bind('String', question.tenant)}`;
  const where = [tenant, id, ...inSlices(touched, context.slices, binder)].join(' AND ');
  const rows = await ask(`SELECT ${EVENT_SELECTION} FROM ${EVENTS_TABLE} WHERE ${where} LIMIT 1`, binder);
  const [row] = rows;
  return row === undefined ? undefined : answeredEvent(storedEvent(row), context.rebuild);
}

export async function contextOf(question: ContextQuestion, ask: Ask, context: ReadContext) {
  const event = await getEvent(question, ask, context);
  if (event === undefined) return undefined;
  const neighbours = async (order: 'asc' | 'desc', limit: number) => {
    const binder = new SqlBinder();
    const where = condition(question, binder, withTenant(context));
    if (where === undefined || limit === 0) return [];
    const beyond = after({ timestampMs: Date.parse(event.timestamp), id: event.id }, order, binder);
    const source = binder.bind('String', event.source);
    return page(`${where} AND source = ${source} AND ${beyond}`, order, limit, binder, ask, context);
  };
  const before = await neighbours('desc', question.before);
  return { before: before.toReversed(), event, after: await neighbours('asc', question.after) };
}
