/** The condition of every question: the tenant, the time, and the query itself. */
import { SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { idNumbers } from '../ids.ts';
import type { Cursor, Question } from '../port.ts';
import { compileToOpenSearch } from './compile.ts';
import { allOf, type Condition } from './conditions.ts';
import { totalOf } from './hits.ts';
import { FIELD } from './mapping.ts';
import { orderText } from './names.ts';
import type { Ask } from './query-runner.ts';

type Range = Pick<Question, 'tenant' | 'fromMs' | 'toMs'>;

/** Refuses what the slices cannot tell: patterns where texts in the range are too long to be indexed whole. */
export async function conditionOf(question: Range & Pick<Question, 'query'>, ask: Ask): Promise<Condition> {
  const { condition, undecided } = compileToOpenSearch(question.query);
  const range = rangeOf(question);
  if (undecided.length > 0) {
    const cut = { terms: { [FIELD.fields]: undecided } };
    const found = await ask({ size: 0, track_total_hits: 1, query: allOf([...range, cut]) });
    if (found !== undefined && totalOf(found) > 0) throw tooLong();
  }
  return allOf([...range, condition]);
}

function tooLong(): SpillwayError {
  const { termChars } = OPENSEARCH_LIMITS;
  return new SpillwayError(
    'QUERY_UNSUPPORTED',
    `Events in this range have texts of more than ${termChars} characters where the pattern looks, and OpenSearch indexes only their beginning. Ask for whole values or a beginning (abc*), or narrow the range.`,
    { details: { limit: termChars } },
  );
}

function rangeOf({ tenant, fromMs, toMs }: Range): Condition[] {
  const range = {
    ...(Number.isFinite(fromMs) ? { gte: Math.ceil(fromMs) } : {}),
    ...(Number.isFinite(toMs) ? { lt: Math.ceil(toMs) } : {}),
  };
  const time = Object.keys(range).length === 0 ? [] : [{ range: { [FIELD.timestamp]: range } }];
  return [ofTenant(tenant), ...time];
}

export function ofTenant(tenant: string): Condition {
  return { term: { [FIELD.tenant]: tenant } };
}

export function sortOf(order: 'asc' | 'desc'): readonly Condition[] {
  return [{ [FIELD.timestamp]: order }, { [FIELD.order]: order }];
}

/** The values of `search_after`. */
export function searchAfter(cursor: Cursor): readonly [number, string] {
  const id = idNumbers(cursor.id);
  if (id === undefined || !Number.isSafeInteger(cursor.timestampMs)) {
    throw new SpillwayError('CURSOR_INVALID', 'The cursor names no event. Take it from `next` of the page before.');
  }
  return [cursor.timestampMs, orderText(id)];
}
