import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ApiServers, startApiServers } from '../../test/support/api-servers.ts';
import { MemoryReader } from '../../test/support/memory-reader.ts';
import { sampleEvent } from '../../test/support/sample-events.ts';
import { HTTP_LIMITS, QUERY_LIMITS } from '../lib/limits.ts';
import {
  FieldsAnswerSchema,
  type HistogramAnswer,
  HistogramAnswerSchema,
  StatsAnswerSchema,
  ValuesAnswerSchema,
} from './schemas/aggregate.ts';
import { ContextAnswerSchema } from './schemas/context.ts';
import { type Problem, ProblemSchema } from './schemas/problem.ts';
import { CountAnswerSchema, type SearchAnswer, SearchAnswerSchema } from './schemas/search.ts';

const START = Date.parse('2025-11-23T10:00:00Z');
const RANGE = 'from=2025-11-23T10:00:00Z&to=2025-11-23T11:00:00Z';
const reader = new MemoryReader();
let api: ApiServers;

beforeAll(async () => {
  api = await startApiServers({ reader });
});
afterAll(() => api.close());
beforeEach(() => {
  reader.completeTo = START + 5;
  reader.events = Array.from({ length: 60 }, (_, i) =>
    sampleEvent(i, {
      timestamp: START + i * 60_000,
      level: i % 10 === 0 ? 'error' : 'info',
      app: i % 2 === 0 ? 'web' : 'shop',
      payload: { status: i % 3 === 0 ? 500 : 200, took: i },
    }),
  );
});

/** Asks through the front door, checks that the answer is as documented. */
async function ask<T>(path: string, schema: TSchema): Promise<T> {
  const response = await fetch(`${api.frontUrl}/api/${path}`);
  const body = await response.json();
  expect(body, path).toMatchObject({ completeTo: '2025-11-23T10:00:00.005Z' });
  expect([...Value.Errors(schema, body)]).toEqual([]);
  expect(response.status).toBe(200);
  return body;
}

async function refused(path: string, init?: RequestInit): Promise<Problem & Record<string, unknown>> {
  const response = await fetch(`${api.frontUrl}/api/${path}`, init);
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const body = await response.json();
  expect([...Value.Errors(ProblemSchema, body)]).toEqual([]);
  expect(body.status).toBe(response.status);
  return body;
}

const post = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

describe('a search', () => {
  it('finds events of the range, the newest first', async () => {
    const { events, next } = await ask<SearchAnswer>(`search?q=level:error&${RANGE}`, SearchAnswerSchema);
    expect(events.map(({ payload }) => payload)).toMatchObject([50, 40, 30, 20, 10, 0].map((number) => ({ number })));
    expect(next).toBeUndefined();
  });

  it('answers the same to a POST', async () => {
    const parameters = { q: 'level:error', from: START, to: START + 3_600_000, limit: 3, order: 'asc' };
    const response = await fetch(`${api.frontUrl}/api/search`, post(parameters));
    const { events }: SearchAnswer = await response.json();
    expect(events.map(({ id }) => id)).toEqual(['local.raw.0.0.0', 'local.raw.0.10.0', 'local.raw.0.20.0']);
  });

  it.each(['asc', 'desc'])('gives every event once over its pages while more arrive (%s)', async (order) => {
    const seen: string[] = [];
    let after = '';
    do {
      const page = await ask<SearchAnswer>(`search?${RANGE}&limit=7&order=${order}${after}`, SearchAnswerSchema);
      seen.push(...page.events.map(({ id }) => id));
      after = page.next === undefined ? '' : `&after=${page.next}`;
      reader.events.push(sampleEvent(1_000 + seen.length, { timestamp: START + 4_000_000 }));
    } while (after !== '');
    const ids = Array.from({ length: 60 }, (_, i) => `local.raw.0.${i}.0`);
    expect(seen).toEqual(order === 'asc' ? ids : ids.toReversed());
  });

  it('keeps `now` where the first page saw it', async () => {
    const now = Date.now();
    reader.events = [1, 2, 3].map((i) => sampleEvent(i, { timestamp: now - i * 1_000 }));
    const first = await ask<SearchAnswer>('search?limit=2', SearchAnswerSchema);
    const [range] = reader.asked.slice(-1);
    await ask<SearchAnswer>(`search?limit=2&after=${first.next}`, SearchAnswerSchema);
    expect(reader.asked.at(-1)).toMatchObject({ fromMs: range?.fromMs, toMs: range?.toMs });
  });

  it('refuses the cursor of another search', async () => {
    const { next } = await ask<SearchAnswer>(`search?${RANGE}&limit=1`, SearchAnswerSchema);
    for (const other of [`q=x&${RANGE}`, `${RANGE}&order=asc`, 'from=now-1d', '']) {
      expect(await refused(`search?${other}&after=${next}`)).toMatchObject({ code: 'CURSOR_INVALID', status: 400 });
    }
    expect(await refused(`search?${RANGE}&after=garbage`)).toMatchObject({ code: 'CURSOR_INVALID' });
  });

  it('gives only the fields asked for', async () => {
    reader.events = [sampleEvent(1, { timestamp: START, payload: { a: { b: 1, c: 2 }, constructor: 'x' } })];
    const path = `search?${RANGE}&fields=level,app,payload.a.b,constructor,original,nothing`;
    const { events } = await ask<SearchAnswer>(path, SearchAnswerSchema);
    expect(events).toEqual([
      {
        id: 'local.raw.0.1.0',
        timestamp: '2025-11-23T10:00:00.000Z',
        level: 'info',
        metadata: { app: 'web' },
        payload: { a: { b: 1 }, constructor: 'x' },
      },
    ]);
  });

  it('ends a page early rather than send a huge one, and goes on with the next', async () => {
    const message = 'x'.repeat(1_000_000);
    reader.events = Array.from({ length: 50 }, (_, i) => sampleEvent(i, { timestamp: START + i, message }));
    const response = await fetch(`${api.frontUrl}/api/search?${RANGE}&order=asc`);
    const text = await response.text();
    expect(text.length).toBeLessThan(HTTP_LIMITS.answerBytes + 1_000);
    const first: SearchAnswer = JSON.parse(text);
    expect(first.events.length).toBeGreaterThan(25);
    const rest = await ask<SearchAnswer>(`search?${RANGE}&order=asc&after=${first.next}`, SearchAnswerSchema);
    expect(first.events.length + rest.events.length).toBe(50);
  });

  it('tells where a query is wrong', async () => {
    expect(await refused('search?q=app%3A(web')).toMatchObject({ code: 'QUERY_SYNTAX', status: 400, position: 4 });
    expect(await refused('search?q=web~2')).toMatchObject({ code: 'QUERY_UNSUPPORTED', status: 400 });
  });

  it('of a field that no event has is empty, with a hint', async () => {
    const { events, hints } = await ask<SearchAnswer>(`search?q=statuss:500&${RANGE}`, SearchAnswerSchema);
    expect(events).toEqual([]);
    expect(hints).toEqual(['No event of this range has the field statuss. Did you mean status?']);
    const found = await ask<SearchAnswer>(`search?q=status:999&${RANGE}`, SearchAnswerSchema);
    expect(found.hints).toBeUndefined();
  });

  it('over GET takes a query as long as the limit, percent-encoded', async () => {
    const q = `a${' b'.repeat(400)}${' '.repeat(QUERY_LIMITS.queryChars - 801)}`;
    expect(q).toHaveLength(QUERY_LIMITS.queryChars);
    await ask(`search?${RANGE}&q=${encodeURIComponent(q)}`, SearchAnswerSchema);
    expect(await refused(`search?q=${encodeURIComponent(`${q} `)}`)).toMatchObject({ code: 'QUERY_TOO_LARGE' });
  });
});

describe('an aggregate', () => {
  it('counts', async () => {
    expect(await ask(`count?q=level:error&${RANGE}`, CountAnswerSchema)).toMatchObject({ count: 6 });
  });

  it('makes a histogram without gaps, by value where asked', async () => {
    reader.events = reader.events.filter(
      ({ timestamp }) => timestamp < START + 600_000 || timestamp > START + 3_000_000,
    );
    const answer = await ask<HistogramAnswer>(`histogram?${RANGE}&interval=5m&by=level`, HistogramAnswerSchema);
    expect(answer).toMatchObject({ interval: '5m', from: '2025-11-23T10:00:00.000Z', to: '2025-11-23T11:00:00.000Z' });
    expect(answer.buckets).toHaveLength(12);
    expect(answer.buckets.slice(0, 3)).toEqual([
      { time: '2025-11-23T10:00:00.000Z', count: 5, by: { error: 1, info: 4 } },
      { time: '2025-11-23T10:05:00.000Z', count: 5, by: { info: 5 } },
      { time: '2025-11-23T10:10:00.000Z', count: 0, by: {} },
    ]);
  });

  it('chooses the interval of a histogram', async () => {
    const answer = await ask<HistogramAnswer>(`histogram?${RANGE}`, HistogramAnswerSchema);
    expect(answer).toMatchObject({ interval: '30s', intervalMs: 30_000 });
    expect(answer.buckets).toHaveLength(120);
  });

  it('lists fields and values', async () => {
    const { fields } = await ask<{ fields: { name: string }[] }>(`fields?${RANGE}`, FieldsAnswerSchema);
    expect(fields).toContainEqual({ name: 'status', types: ['number'], count: 60 });
    expect(await ask(`values?field=app&limit=1&${RANGE}`, ValuesAnswerSchema)).toMatchObject({
      field: 'app',
      values: [{ value: 'shop', count: 30 }],
      total: 60,
      distinct: 2,
    });
  });

  it('computes statistics, by field and time', async () => {
    expect(await ask(`stats?fn=max&of=took&by=app&${RANGE}`, StatsAnswerSchema)).toMatchObject({
      rows: [
        { by: ['shop'], value: 59 },
        { by: ['web'], value: 58 },
      ],
    });
    expect(await ask(`stats?interval=30m&${RANGE}`, StatsAnswerSchema)).toMatchObject({
      interval: '30m',
      rows: [
        { by: [], time: '2025-11-23T10:00:00.000Z', value: 30 },
        { by: [], time: '2025-11-23T10:30:00.000Z', value: 30 },
      ],
    });
    expect(await ask(`stats?fn=avg&of=nothing&${RANGE}`, StatsAnswerSchema)).toMatchObject({
      hints: ['No event of this range has the field nothing.'],
    });
  });

  it.each(['histogram?', 'stats?'])('says of a %s that no event has the field to divide by', async (route) => {
    const schema = route === 'stats?' ? StatsAnswerSchema : HistogramAnswerSchema;
    const hintsBy = async (by: string) => (await ask<{ hints?: string[] }>(`${route}by=${by}&${RANGE}`, schema)).hints;
    expect(await hintsBy('ap')).toEqual(['No event of this range has the field ap. Did you mean app?']);
    expect(await hintsBy('app')).toBeUndefined();
  });

  it('finds the neighbours of an event of the same source', async () => {
    const answer = await ask('context?id=local.raw.0.10.0&before=2&after=1', ContextAnswerSchema);
    expect(answer).toMatchObject({
      before: [{ id: 'local.raw.0.6.0' }, { id: 'local.raw.0.8.0' }],
      event: { id: 'local.raw.0.10.0' },
      after: [{ id: 'local.raw.0.12.0' }],
    });
    expect(await refused('context?id=local.raw.0.99.0')).toMatchObject({ code: 'NOT_FOUND', status: 404 });
  });
});

describe('a parameter', () => {
  const long = (length: number) => 'a'.repeat(length);
  it.each([
    ['search?limit=', 1, 0],
    ['search?limit=', QUERY_LIMITS.page, QUERY_LIMITS.page + 1],
    ['search?order=', 'asc', 'up'],
    ['search?fields=', long(8_192), long(8_193)],
    [
      'search?fields=',
      Array(QUERY_LIMITS.projectedFields).fill('a'),
      Array(QUERY_LIMITS.projectedFields + 1).fill('a'),
    ],
    ['search?from=', 'now-1h', 'now-1x'],
    ['search?to=2025-01-01&from=', '2025-01-01', '2025-01-02'],
    ['histogram?interval=', '1m', '1.5m'],
    ['histogram?from=0&to=2000000&interval=', '1s', '999ms'],
    ['histogram?by=', long(1_024), long(1_025)],
    ['values?field=', 'app', ''],
    ['values?field=a&limit=', QUERY_LIMITS.values, QUERY_LIMITS.values + 1],
    ['stats?fn=', 'count', 'median'],
    ['stats?limit=', QUERY_LIMITS.values, QUERY_LIMITS.values + 1],
    ['stats?by=', Array(QUERY_LIMITS.statsBy).fill('a'), Array(QUERY_LIMITS.statsBy + 1).fill('a')],
    ['stats?by=', 'a', 'a,,b'],
    ['stats?of=took&fn=', 'p99', 'count'],
    ['context?id=local.raw.0.1.0&before=', 0, -1],
    ['context?id=local.raw.0.1.0&before=', QUERY_LIMITS.contextEvents, QUERY_LIMITS.contextEvents + 1],
    ['context?id=local.raw.0.1.0&after=', QUERY_LIMITS.contextEvents, QUERY_LIMITS.contextEvents + 1],
  ])('may be at its limit and not past it: %s', async (path, good, bad) => {
    const response = await fetch(`${api.frontUrl}/api/${path}${good}`);
    expect(await response.json()).not.toHaveProperty('code');
    expect(await refused(`${path}${bad}`)).toMatchObject({ code: 'BAD_REQUEST', status: 400 });
  });

  it.each(['search', 'count', 'histogram', 'fields', 'values?field=a&', 'stats', 'context?id=a&', 'tail'])(
    'that %s does not know is refused, with what was meant',
    async (route) => {
      const path = `${route}${route.includes('?') ? '' : '?'}qq=1`;
      expect(await refused(path)).toMatchObject({ code: 'UNKNOWN_PARAMETER', parameter: 'qq', suggestion: 'q' });
    },
  );

  it.each(['search?__proto__=1', 'search?constructor=1', 'search?q[]=1', 'search?q=a&q=b', 'search?limit=1&limit=2'])(
    'cannot be played with: %s',
    async (path) => {
      expect((await refused(path)).status).toBe(400);
    },
  );

  it('that is needed is asked for', async () => {
    expect(await refused('values')).toMatchObject({ code: 'BAD_REQUEST', parameter: 'field' });
    expect(await refused('context')).toMatchObject({ code: 'BAD_REQUEST', parameter: 'id' });
    expect(await refused('stats?fn=avg')).toMatchObject({ code: 'BAD_REQUEST', parameter: 'of' });
  });
});

describe('a body', () => {
  it.each([
    ['nothing', '', 'BAD_REQUEST'],
    ['no JSON', '{"q":', 'BAD_REQUEST'],
    ['no object', '[1]', 'BAD_REQUEST'],
    ['a text', '"x"', 'BAD_REQUEST'],
    ['an unknown member', '{"querry":"x"}', 'UNKNOWN_PARAMETER'],
    ['a limit past the limit', '{"limit":1001}', 'BAD_REQUEST'],
    ['a poisoned prototype', '{"__proto__":{"q":"x"}}', 'BAD_REQUEST'],
  ])('of %s is refused', async (_, body, code) => {
    expect(await refused('search', post(body))).toMatchObject({ code, status: 400 });
  });

  it('of another type or larger than the limit is refused', async () => {
    const xml = { method: 'POST', headers: { 'content-type': 'text/xml' }, body: '<q/>' };
    expect(await refused('search', xml)).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE', status: 415 });
    const large = post({ q: 'x'.repeat(HTTP_LIMITS.questionBytes) });
    expect(await refused('search', large)).toMatchObject({ code: 'BODY_TOO_LARGE', status: 413 });
  });
});
