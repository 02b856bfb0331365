/**
 * A search engine of a few lines: an array of events and the predicate of the query language. It is what the API's
 * tests ask where no engine is needed, and a model of what an engine must answer.
 */
import { answeredEvent } from '../../src/event/answered.ts';
import type { JsonObject, JsonValue, StoredEvent } from '../../src/event/event.ts';
import { compareOrigins, parseOrigin } from '../../src/event/origin.ts';
import { SpillwayError } from '../../src/lib/errors.ts';
import { type FieldRef, OWN_FIELDS } from '../../src/query/ast.ts';
import { fieldName, isOwn, resolveField } from '../../src/query/fields.ts';
import { compilePredicate } from '../../src/query/predicate.ts';
import { tokenize } from '../../src/query/text.ts';
import { idNumbers } from '../../src/search/ids.ts';
import { OWN_FIELD_TYPES, type Question, type SearchReader, type StatsFunction } from '../../src/search/port.ts';
import { compareRows, compareValues } from '../../src/search/value-order.ts';

type Scalar = string | number | boolean;

export class MemoryReader implements SearchReader {
  events: StoredEvent[] = [];
  completeTo = 0;
  /** Every question so far. */
  readonly asked: Question[] = [];
  /** Awaited before each answer, with the signal of the question. */
  before: (signal: AbortSignal) => Promise<void> = async () => {};

  completeToMs(): number {
    return this.completeTo;
  }

  async search(question: Parameters<SearchReader['search']>[0]) {
    const { limit, order, after } = question;
    if (after !== undefined && idNumbers(after.id) === undefined) {
      throw new SpillwayError('CURSOR_INVALID', 'The cursor names no event.');
    }
    const found = await this.#found(question);
    const sorted = order === 'asc' ? found : found.toReversed();
    const from = after === undefined ? 0 : sorted.findIndex((event) => event.id === after.id) + 1;
    const events = sorted.slice(from, from + limit).map(answered);
    return { events, more: sorted.length > from + limit };
  }

  async count(question: Question) {
    return (await this.#found(question)).length;
  }

  async histogram(question: Parameters<SearchReader['histogram']>[0]) {
    const { intervalMs, by } = question;
    const found = await this.#found(question);
    const groups = Map.groupBy(found, ({ timestamp }) => Math.floor(timestamp / intervalMs) * intervalMs);
    return Array.from(groups, ([timeMs, events]) => ({
      timeMs,
      count: events.length,
      ...(by === undefined
        ? {}
        : { by: counted(events.flatMap((event) => groupsAt(event, by).map((value) => String(value ?? '')))) }),
    }));
  }

  async fields(question: Question) {
    const found = await this.#found(question);
    const names = new Set(found.flatMap((event) => [...pathsOf(event)]));
    return Array.from(names, (name) => {
      const field = resolveField(name);
      const having = found.filter((event) => valuesAt(event, field).length > 0);
      const types = new Set(
        having.map((event) => (field.root === 'own' ? OWN_FIELD_TYPES[field.name] : typeOf(valueAt(event, field)))),
      );
      return { name, types: [...types], count: having.length };
    }).filter(({ count }) => count > 0);
  }

  async values(question: Parameters<SearchReader['values']>[0]) {
    const found = await this.#found(question);
    const { field } = question;
    const byEvent = found.map((event) =>
      isOwn(field, 'message') ? [...new Set(tokenize(event.message ?? ''))] : [...new Set(valuesAt(event, field))],
    );
    const values: Scalar[] = byEvent.flat();
    const groups = [...Map.groupBy(values, (value) => value)].map(([value, all]) => ({ value, count: all.length }));
    groups.sort((a, b) => b.count - a.count || compareValues(a.value, b.value));
    const total = byEvent.filter(({ length }) => length > 0).length;
    return { values: groups.slice(0, question.limit), total, distinct: groups.length };
  }

  async stats(question: Parameters<SearchReader['stats']>[0]) {
    const { fn, of, by, intervalMs, limit } = question;
    const found = await this.#found(question);
    const keyed = found.flatMap((event) => {
      const timeMs = intervalMs === undefined ? null : Math.floor(event.timestamp / intervalMs) * intervalMs;
      return combinations(by.map((field) => groupsAt(event, field))).map((values) => ({
        key: JSON.stringify([values, timeMs]),
        event,
      }));
    });
    const groups = Map.groupBy(keyed, ({ key }) => key);
    const rows = Array.from(groups, ([key, members]) => {
      const events = members.map(({ event }) => event);
      const [values, timeMs]: [(Scalar | null)[], number | null] = JSON.parse(key);
      const value =
        of === undefined
          ? events.length
          : statistic(
              fn,
              events.flatMap((event) => valueAt(event, of) ?? []),
            );
      return { by: values, ...(timeMs === null ? {} : { timeMs }), value };
    });
    rows.sort(
      (a, b) => (a.timeMs ?? 0) - (b.timeMs ?? 0) || (b.value ?? 0) - (a.value ?? 0) || compareRows(a.by, b.by),
    );
    return rows.slice(0, limit);
  }

  async get({ tenant, id, signal }: Parameters<SearchReader['get']>[0]) {
    await this.before(signal);
    const event = this.events.find((candidate) => candidate.tenant === tenant && candidate.id === id);
    return event === undefined ? undefined : answered(event);
  }

  async context(question: Parameters<SearchReader['context']>[0]) {
    const event = this.events.find(({ tenant, id }) => tenant === question.tenant && id === question.id);
    if (event === undefined) return undefined;
    const found = (await this.#found(question)).filter(({ source }) => source === event.source);
    const before = found.filter((other) => byTime(other, event) < 0);
    const after = found.filter((other) => byTime(other, event) > 0);
    return {
      before: before.slice(Math.max(0, before.length - question.before)).map(answered),
      event: answered(event),
      after: after.slice(0, question.after).map(answered),
    };
  }

  async #found(question: Question): Promise<StoredEvent[]> {
    this.asked.push(question);
    await this.before(question.signal);
    if (question.signal.aborted) throw new SpillwayError('QUERY_CANCELLED', 'The query was cancelled.');
    const matches = compilePredicate(question.query);
    return this.events
      .filter(({ tenant, timestamp }) => {
        return tenant === question.tenant && timestamp >= question.fromMs && timestamp < question.toMs;
      })
      .filter((event) => matches(event))
      .sort(byTime);
  }
}

const answered = (event: StoredEvent) => answeredEvent(event, () => undefined);

function byTime(a: StoredEvent, b: StoredEvent): number {
  const [from, to] = [parseOrigin(a.id), parseOrigin(b.id)];
  const byOrigin = from === undefined || to === undefined ? 0 : compareOrigins(from, to);
  return a.timestamp - b.timestamp || byOrigin;
}

function valueAt(event: StoredEvent, field: FieldRef): Scalar | undefined {
  return valuesAt(event, field)[0];
}

/** What an event counts for: each of its values once, and null where it has none. */
function groupsAt(event: StoredEvent, field: FieldRef): readonly (Scalar | null)[] {
  const values = new Set(valuesAt(event, field));
  return values.size === 0 ? [null] : [...values];
}

function combinations<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((rows, list) => rows.flatMap((row) => list.map((one) => [...row, one])), [[]]);
}

/** The value, or those of an array. */
function valuesAt(event: StoredEvent, field: FieldRef): readonly Scalar[] {
  let value: JsonValue | readonly string[] | undefined = field.root === 'own' ? event[field.name] : event[field.root];
  for (const key of field.root === 'own' ? [] : field.path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
    value = (value as JsonObject)[key];
  }
  const all: readonly (JsonValue | undefined)[] = Array.isArray(value) ? value : [value as JsonValue | undefined];
  return all.filter((one): one is Scalar => one !== undefined && typeof one !== 'object');
}

function typeOf(value: Scalar | undefined): 'string' | 'number' | 'boolean' {
  return typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'boolean' : 'string';
}

function* pathsOf(event: StoredEvent): Generator<string> {
  yield* OWN_FIELDS;
  for (const root of ['metadata', 'payload'] as const) {
    for (const key of Object.keys(event[root])) yield fieldName({ root, path: [key] });
  }
}

function counted(values: readonly string[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(values, (value) => value)].map(([value, all]) => [value, all.length]));
}

function statistic(fn: StatsFunction, values: readonly Scalar[]): number | null {
  if (fn === 'unique') return new Set(values).size;
  const numbers = values.filter((value) => typeof value === 'number').sort((a, b) => a - b);
  if (numbers.length === 0) return null;
  const sum = numbers.reduce((total, value) => total + value, 0);
  if (fn === 'sum') return sum;
  if (fn === 'avg') return sum / numbers.length;
  if (fn === 'min') return numbers[0] ?? null;
  if (fn === 'max') return numbers.at(-1) ?? null;
  const quantile = Number(fn.slice(1)) / 100;
  return numbers[Math.ceil(quantile * numbers.length) - 1] ?? null;
}
