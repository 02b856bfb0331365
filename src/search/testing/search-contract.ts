/**
 * What every search engine answers: one suite, run on each of them over the same events. An engine's own test file opens
 * it and puts CONTRACT_EVENTS in, in several inserts.
 */
import { describe, expect, test } from 'vitest';
import type { AnsweredEvent, StoredEvent } from '../../event/event.ts';
import { compareOrigins, parseOrigin } from '../../event/origin.ts';
import { parseQuery } from '../../query/parse.ts';
import type { Cursor, SearchReader } from '../port.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
const MINUTE_MS = 60_000;

/** Times tie on purpose: ten events each, with origins whose numbers do not sort as text. */
export const CONTRACT_EVENTS: readonly StoredEvent[] = Array.from({ length: 240 }, (_, i) => ({
  id: `local.raw.${i % 12}.${i}.0`,
  tenant: i % 4 === 0 ? 'small' : 'large',
  timestamp: NOW_MS + Math.floor(i / 10) * MINUTE_MS,
  received: NOW_MS + i,
  type: 'log',
  source: `app${i % 3}:host`,
  ...(i % 7 === 0 ? {} : { level: i % 10 === 0 ? 'error' : 'info' }),
  message: `Message number ${i}`,
  ...(i % 5 === 0 ? { tags: ['five', `t${i % 2}`] } : {}),
  metadata: { app: `app${i % 3}`, host: 'host' },
  payload: {
    number: i,
    mixed: i % 2 === 0 ? i % 6 : `text ${i % 6}`,
    list: [`a${i % 2}`, 'b', 'b'],
    flag: i % 3 === 0,
    // Names that mean something to JavaScript's objects.
    word: i % 2 === 0 ? 'constructor' : '__proto__',
    // The same values alone and in an array.
    some: i % 2 === 0 ? i % 3 : [i % 3, 7],
  },
}));

const EVENTS = CONTRACT_EVENTS;

export function searchContract(engine: () => SearchReader): void {
  const ask = (tenant: string, query = '*') => ({
    tenant,
    query: parseQuery(query),
    fromMs: Number.NEGATIVE_INFINITY,
    toMs: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
  });
  const own = (tenant: string) => EVENTS.filter((event) => event.tenant === tenant);

  function byTimeAndOrigin(a: StoredEvent, b: StoredEvent): number {
    const [left, right] = [parseOrigin(a.id), parseOrigin(b.id)];
    if (left === undefined || right === undefined) throw new Error('no origin');
    return a.timestamp - b.timestamp || compareOrigins(left, right);
  }

  async function allPages(tenant: string, order: 'asc' | 'desc', limit: number): Promise<AnsweredEvent[]> {
    const found: AnsweredEvent[] = [];
    let after: Cursor | undefined;
    for (;;) {
      const page = await engine().search({ ...ask(tenant), order, limit, ...(after && { after }) });
      found.push(...page.events);
      const last = page.events.at(-1);
      if (!page.more || last === undefined) return found;
      after = { timestampMs: Date.parse(last.timestamp), id: last.id };
    }
  }

  describe('a search', () => {
    test.each(['asc', 'desc'] as const)(
      'gives every event once over its pages, in order of time and origin: %s',
      async (order) => {
        const sorted = own('large')
          .toSorted(byTimeAndOrigin)
          .map(({ id }) => id);
        const expected = order === 'asc' ? sorted : sorted.toReversed();
        expect((await allPages('large', order, 7)).map(({ id }) => id)).toEqual(expected);
      },
    );

    test('takes its range as from, inclusive, to, exclusive', async () => {
      const range = { fromMs: NOW_MS + MINUTE_MS, toMs: NOW_MS + 2 * MINUTE_MS };
      expect(await engine().count({ ...ask('large'), ...range })).toBe(
        own('large').filter(({ timestamp }) => timestamp >= range.fromMs && timestamp < range.toMs).length,
      );
    });

    test('refuses a cursor that names no event', async () => {
      const question = { ...ask('large'), order: 'asc', limit: 5 } as const;
      await expect(engine().search({ ...question, after: { timestampMs: 1, id: 'no id' } })).rejects.toHaveProperty(
        'code',
        'CURSOR_INVALID',
      );
    });

    test('finds nothing by a field that nobody knows, and that is no error', async () => {
      expect(await engine().search({ ...ask('large', 'nobody.knows:this'), order: 'asc', limit: 5 })).toEqual({
        events: [],
        more: false,
      });
      const unknown = { root: 'payload', path: ['nobody', 'knows'] } as const;
      expect(await engine().values({ ...ask('large'), field: unknown, limit: 5 })).toEqual({
        values: [],
        total: 0,
        distinct: 0,
      });
      expect(await engine().histogram({ ...ask('nobody'), intervalMs: 1000 })).toEqual([]);
    });
  });

  describe('two tenants', () => {
    test('never meet in any answer', async () => {
      const query = ask('small');
      const field = { root: 'payload', path: ['number'] } as const;
      const mine = new Set(own('small').map(({ payload }) => payload.number));
      expect(await engine().count(query)).toBe(mine.size);
      expect((await allPages('small', 'asc', 1_000)).every(({ tenant }) => tenant === 'small')).toBe(true);
      expect(sum((await engine().histogram({ ...query, intervalMs: MINUTE_MS })).map(({ count }) => count))).toBe(
        mine.size,
      );
      const { values, total } = await engine().values({ ...query, field, limit: 1_000 });
      expect(new Set(values.map(({ value }) => value))).toEqual(mine);
      expect(total).toBe(mine.size);
      expect(await engine().stats({ ...query, fn: 'count', by: [], limit: 10 })).toEqual([
        { by: [], value: mine.size },
      ]);
      expect((await engine().fields(query)).find(({ name }) => name === 'number')?.count).toBe(mine.size);
      const theirs = own('large')[0]?.id ?? '';
      const { signal } = query;
      expect(await engine().get({ tenant: 'small', id: theirs, signal })).toBeUndefined();
      expect(await engine().get({ tenant: 'large', id: theirs, signal })).toBeDefined();
      expect(await engine().context({ ...query, id: theirs, before: 5, after: 5 })).toBeUndefined();
      expect(await engine().count(ask('small', 'tenant:large OR NOT tenant:small'))).toBe(0);
    });
  });

  const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

  function tally<T>(values: readonly T[]): Map<T, number> {
    const counts = new Map<T, number>();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    return counts;
  }

  describe('values', () => {
    const valuesOf = async (field: Parameters<SearchReader['values']>[0]['field'], limit = 100) => {
      const { values, total, distinct } = await engine().values({ ...ask('large'), field, limit });
      return { counts: new Map(values.map(({ value, count }) => [value, count])), total, distinct };
    };

    test('of a field that is a number here and text there lose neither', async () => {
      const expected = tally(own('large').map(({ payload }) => payload.mixed));
      const { counts, total, distinct } = await valuesOf({ root: 'payload', path: ['mixed'] });
      expect(counts).toEqual(expected);
      expect(total).toBe(own('large').length);
      expect(distinct).toBe(expected.size);
    });

    test('of an array count each event once for each of its elements, and once in the total', async () => {
      const { counts, total } = await valuesOf({ root: 'payload', path: ['list'] });
      expect(counts).toEqual(tally(own('large').flatMap(({ payload }) => [`a${Number(payload.number) % 2}`, 'b'])));
      expect(total).toBe(own('large').length);
    });

    test('of a field that has one value here and several there are each counted once', async () => {
      const expected = tally(own('large').flatMap(({ payload }) => payload.some));
      expect(await valuesOf({ root: 'payload', path: ['some'] })).toEqual({
        counts: expected,
        total: own('large').length,
        distinct: expected.size,
      });
    });

    test('that are equally frequent come in one order, numbers as numbers', async () => {
      const field = { root: 'payload', path: ['number'] } as const;
      const { values } = await engine().values({ ...ask('large'), field, limit: 9 });
      expect(values.map(({ value }) => value)).toEqual([1, 2, 3, 5, 6, 7, 9, 10, 11]);
    });

    test('of the event itself: tags, level, words of the message', async () => {
      const tagged = own('large').filter(({ tags }) => tags !== undefined);
      expect(await valuesOf({ root: 'own', name: 'tags' })).toEqual({
        counts: tally(tagged.flatMap(({ tags = [] }) => tags)),
        total: tagged.length,
        distinct: 3,
      });
      expect((await valuesOf({ root: 'own', name: 'level' })).counts).toEqual(
        tally(own('large').flatMap(({ level }) => level ?? [])),
      );
      const words = await valuesOf({ root: 'own', name: 'message' }, 2);
      expect(words.counts).toEqual(
        new Map([
          ['message', own('large').length],
          ['number', own('large').length],
        ]),
      );
      expect(words.total).toBe(own('large').length);
    });

    test('come largest first, up to the limit, with how many there are in all', async () => {
      const { values, distinct } = await engine().values({
        ...ask('large'),
        field: { root: 'payload', path: ['number'] },
        limit: 3,
      });
      expect(values).toHaveLength(3);
      expect(distinct).toBe(own('large').length);
    });
  });

  describe('a histogram', () => {
    test('adds up to the count, stacked by a field', async () => {
      const by = { root: 'payload', path: ['mixed'] } as const;
      const buckets = await engine().histogram({ ...ask('large'), intervalMs: 5 * MINUTE_MS, by });
      expect(sum(buckets.map(({ count }) => count))).toBe(own('large').length);
      for (const { count, by: stacked = {} } of buckets) expect(sum(Object.values(stacked))).toBe(count);
      const times = buckets.map(({ timeMs }) => timeMs);
      expect(times).toEqual([
        ...new Set(own('large').map(({ timestamp }) => timestamp - (timestamp % (5 * MINUTE_MS)))),
      ]);
    });

    test('stacked by level counts events without one under an empty name', async () => {
      const by = { root: 'own', name: 'level' } as const;
      const [bucket, ...others] = await engine().histogram({ ...ask('large'), intervalMs: 1e12, by });
      const levels = tally(own('large').map(({ level = '' }) => level));
      expect(new Map(Object.entries(bucket?.by ?? {}))).toEqual(levels);
      expect([levels.size, others]).toEqual([3, []]);
    });

    test.each(['word', 'some'])('stacked by %s tells all its values apart', async (name) => {
      const by = { root: 'payload', path: [name] } as const;
      const [bucket] = await engine().histogram({ ...ask('large'), intervalMs: 1e12, by });
      const expected = tally(
        own('large')
          .flatMap(({ payload }) => payload[name])
          .map(String),
      );
      expect(new Map(Object.entries(bucket?.by ?? {}))).toEqual(expected);
    });

    test('counts events without the field under an empty name', async () => {
      const [bucket] = await engine().histogram({
        ...ask('large'),
        intervalMs: 1e12,
        by: { root: 'payload', path: ['none'] },
      });
      expect(bucket?.by).toEqual({ '': own('large').length });
    });
  });

  describe('statistics', () => {
    const numbers = own('large').map(({ payload }) => Number(payload.number));
    const of = { root: 'payload', path: ['number'] } as const;
    test.each([
      ['sum', sum(numbers)],
      ['avg', sum(numbers) / numbers.length],
      ['min', Math.min(...numbers)],
      ['max', Math.max(...numbers)],
      ['unique', numbers.length],
    ] as const)('%s is exact', async (fn, value) => {
      const [row] = await engine().stats({ ...ask('large'), fn, of, by: [], limit: 1 });
      expect(row?.value).toBeCloseTo(value, 6);
    });

    test('unique counts what every event has too', async () => {
      const unique = async (name: 'timestamp' | 'received' | 'id') => {
        const rows = await engine().stats({
          ...ask('large'),
          fn: 'unique',
          of: { root: 'own', name },
          by: [],
          limit: 1,
        });
        return rows[0]?.value;
      };
      expect(await unique('timestamp')).toBe(new Set(own('large').map(({ timestamp }) => timestamp)).size);
      expect(await unique('received')).toBe(own('large').length);
      expect(await unique('id')).toBe(own('large').length);
    });

    test('group by several fields and time', async () => {
      const by = [
        { root: 'metadata', path: ['app'] },
        { root: 'payload', path: ['flag'] },
      ] as const;
      const rows = await engine().stats({ ...ask('large'), fn: 'count', by, intervalMs: 1e12, limit: 100 });
      const expected = tally(own('large').map(({ metadata, payload }) => `${metadata.app} ${payload.flag}`));
      expect(new Map(rows.map(({ by: [app, flag], value }) => [`${app} ${flag}`, value]))).toEqual(expected);
      expect(new Set(rows.map(({ timeMs }) => timeMs)).size).toBe(1);
    });

    test.each([
      ['of several types', { root: 'payload', path: ['mixed'] }, ({ payload }: StoredEvent) => payload.mixed],
      ['that some events lack', { root: 'own', name: 'level' }, ({ level }: StoredEvent) => level],
    ] as const)('group by a field %s', async (_, by, pick) => {
      const rows = await engine().stats({ ...ask('large'), fn: 'max', of, by: [by], limit: 100 });
      const largest = new Map<unknown, number>();
      for (const event of own('large')) {
        const value = pick(event) ?? null;
        largest.set(value, Math.max(largest.get(value) ?? 0, Number(event.payload.number)));
      }
      expect(new Map(rows.map((row) => [row.by[0], row.value]))).toEqual(largest);
    });

    test.each(['count', 'sum', 'avg', 'max'] as const)(
      'group %s by a field that has one value here and several there',
      async (fn) => {
        const by = [{ root: 'payload', path: ['some'] } as const];
        const rows = await engine().stats({ ...ask('large'), fn, by, limit: 100, ...(fn !== 'count' && { of }) });
        const groups = Map.groupBy(
          own('large').flatMap(({ payload }) =>
            [payload.some].flat().map((some) => ({ some, number: Number(payload.number) })),
          ),
          ({ some }) => some,
        );
        const measures = {
          count: (found: number[]) => found.length,
          sum,
          avg: (found: number[]) => sum(found) / found.length,
          max: (found: number[]) => Math.max(...found),
        };
        const expected = Array.from(groups, ([some, found]) => [some, measures[fn](found.map(({ number }) => number))]);
        expect(new Map(rows.map((row) => [row.by[0], row.value]))).toEqual(new Map(expected as [number, number][]));
      },
    );

    test('of groups that are equal come in one order, and the same of them within a limit', async () => {
      const rows = await engine().stats({ ...ask('large'), fn: 'count', by: [of], limit: 9 });
      expect(rows.map(({ by: [value] }) => value)).toEqual([1, 2, 3, 5, 6, 7, 9, 10, 11]);
    });

    test('of a field that is no number are null', async () => {
      const text = { root: 'metadata', path: ['app'] } as const;
      expect(await engine().stats({ ...ask('large'), fn: 'max', of: text, by: [], limit: 1 })).toEqual([
        { by: [], value: null },
      ]);
    });
  });

  test('fields are named as queries write them, with their types and counts', async () => {
    const found = new Map((await engine().fields(ask('large'))).map((field) => [field.name, field]));
    const all = own('large').length;
    expect(found.get('message')).toEqual({ name: 'message', types: ['text'], count: all });
    expect(found.get('app')).toEqual({ name: 'app', types: ['string'], count: all });
    expect(found.get('flag')).toEqual({ name: 'flag', types: ['boolean'], count: all });
    expect(new Set(found.get('mixed')?.types)).toEqual(new Set(['number', 'string']));
    expect(found.get('mixed')?.count).toBe(all);
    expect(found.get('tags')?.count).toBe(own('large').filter(({ tags }) => tags !== undefined).length);
  });

  test('the context of an event is its neighbours of the same source, in order', async () => {
    const source = own('large')
      .filter((event) => event.source === 'app1:host')
      .toSorted(byTimeAndOrigin)
      .map(({ id }) => id);
    const id = source[20] ?? '';
    const found = await engine().context({ ...ask('large'), id, before: 3, after: 2 });
    expect(found?.before.map((event) => event.id)).toEqual(source.slice(17, 20));
    expect(found?.event.id).toBe(id);
    expect(found?.after.map((event) => event.id)).toEqual(source.slice(21, 23));
  });
}
