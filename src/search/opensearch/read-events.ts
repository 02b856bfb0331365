/** Questions whose answers are events: search, one event, and its neighbours. */
import { answeredEvent, type RebuildOriginal } from '../../event/answered.ts';
import type { AnsweredEvent, StoredEvent } from '../../event/event.ts';
import type { ContextQuestion, SearchQuestion } from '../port.ts';
import { allOf, anyTerm, type Condition } from './conditions.ts';
import { listAt, objectAt } from './json.ts';
import { FIELD } from './mapping.ts';
import { ownKey, stringTerm } from './names.ts';
import type { Ask } from './query-runner.ts';
import { conditionOf, ofTenant, searchAfter, sortOf } from './where.ts';

export async function search(
  question: SearchQuestion,
  ask: Ask,
  rebuild: RebuildOriginal,
): Promise<{ readonly events: readonly AnsweredEvent[]; readonly more: boolean }> {
  const { limit } = question;
  const events = await page(await conditionOf(question, ask), { ...question, limit: limit + 1 }, ask, rebuild);
  return { events: events.slice(0, limit), more: events.length > limit };
}

async function page(
  condition: Condition,
  { order, limit, after }: Pick<SearchQuestion, 'order' | 'limit' | 'after'>,
  ask: Ask,
  rebuild: RebuildOriginal,
): Promise<readonly AnsweredEvent[]> {
  const body = await ask({
    size: limit,
    query: allOf([condition]),
    sort: sortOf(order),
    track_total_hits: false,
    ...(after && { search_after: searchAfter(after) }),
  });
  return eventsOf(body, rebuild);
}

function eventsOf(body: unknown, rebuild: RebuildOriginal): readonly AnsweredEvent[] {
  const hits = body === undefined ? [] : listAt(body, 'hits', 'hits');
  return hits.map((hit) => answeredEvent(storedEvent(hit), rebuild));
}

/** What was stored is an event: the writer made it of one. */
function storedEvent(hit: unknown): StoredEvent {
  return objectAt(hit, '_source', FIELD.event) as unknown as StoredEvent;
}

export async function getEvent(
  question: { readonly tenant: string; readonly id: string },
  ask: Ask,
  rebuild: RebuildOriginal,
): Promise<AnsweredEvent | undefined> {
  const query = allOf([ofTenant(question.tenant), { ids: { values: [question.id] } }]);
  const [event] = eventsOf(await ask({ size: 1, query, track_total_hits: false }, 'everywhere'), rebuild);
  return event;
}

export async function contextOf(question: ContextQuestion, ask: Ask, rebuild: RebuildOriginal) {
  const event = await getEvent(question, ask, rebuild);
  if (event === undefined) return undefined;
  const source = anyTerm([stringTerm(ownKey('source'), event.source)]);
  const condition = allOf([await conditionOf(question, ask), source]);
  const after = { timestampMs: Date.parse(event.timestamp), id: event.id };
  const neighbours = (order: 'asc' | 'desc', limit: number) =>
    limit === 0 ? [] : page(condition, { order, limit, after }, ask, rebuild);
  const before = await neighbours('desc', question.before);
  return { before: before.toReversed(), event, after: await neighbours('asc', question.after) };
}
