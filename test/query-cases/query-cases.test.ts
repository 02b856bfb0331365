/** The cases of this folder on every target: the same queries, events and answers for each engine. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StoredEvent } from '../../src/event/event.ts';
import { SpillwayError } from '../../src/lib/errors.ts';
import { parseQuery } from '../../src/query/parse.ts';
import { compilePredicate } from '../../src/query/predicate.ts';
import { printQuery } from '../../src/query/print.ts';
import { QueryTable } from '../../src/search/clickhouse/testing/query-table.ts';
import { QueryIndex } from '../../src/search/opensearch/testing/query-index.ts';
import { lacks } from '../support/needs.ts';

interface CaseEvent extends Partial<Omit<StoredEvent, 'timestamp' | 'received'>> {
  readonly n: number;
  readonly timestamp?: string;
  readonly received?: string;
}

interface CaseFile {
  readonly about: string;
  readonly now?: string;
  readonly events?: readonly CaseEvent[];
  readonly cases?: Readonly<Record<string, readonly number[]>>;
  readonly refused?: Readonly<Record<string, readonly [code: string, position: number, end: number]>>;
}

const folder = import.meta.dirname;
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name, ...(JSON.parse(readFileSync(join(folder, name), 'utf8')) as CaseFile) }));

function eventOf({ n, id = `local.raw.0.${n}.0`, timestamp, received, ...rest }: CaseEvent): StoredEvent {
  const time = (text: string | undefined) => (text === undefined ? 0 : Date.parse(text));
  return {
    tenant: 'default',
    type: 'log',
    source: 'test',
    metadata: {},
    payload: {},
    ...rest,
    id,
    timestamp: time(timestamp),
    received: time(received),
  };
}

const noOpenSearch = lacks('the cases of the query language in OpenSearch', { server: 'SPILLWAY_TEST_OPENSEARCH' });

let table: QueryTable;
let index: QueryIndex | undefined;
beforeAll(async () => {
  table = await QueryTable.open();
  if (!noOpenSearch) index = await QueryIndex.open(process.env.SPILLWAY_TEST_OPENSEARCH ?? '');
});
afterAll(async () => {
  await table.close();
  await index?.close();
});

describe.each(files.filter(({ cases }) => cases !== undefined))('$name: $about', ({ now, events = [], cases = {} }) => {
  const stored = events.map(eventOf);
  const numbers = events.map(({ n }) => n);
  const texts = Object.keys(cases);
  const queries = texts.map(parseQuery);
  const options = { nowMs: now === undefined ? 0 : Date.parse(now) };
  const answered = (found: readonly (readonly number[])[]) =>
    Object.fromEntries(texts.map((text, i) => [text, found[i]?.map((at) => numbers[at])]));

  test('in memory', () => {
    const found = queries.map((query) => {
      const matches = compilePredicate(query, options);
      return stored.flatMap((event, at) => (matches(event) ? [at] : []));
    });
    expect(answered(found)).toEqual(cases);
  });

  test('in the embedded engine', async () => {
    await table.replace(stored);
    expect(answered(await table.matching(queries, options))).toEqual(cases);
  });

  test.skipIf(noOpenSearch)('in OpenSearch', async () => {
    await index?.replace(stored);
    expect(answered((await index?.matching(queries, options)) ?? [])).toEqual(cases);
  });

  test('printed and read again, they ask the same', () => {
    for (const query of queries) expect(printQuery(parseQuery(printQuery(query)))).toBe(printQuery(query));
  });
});

test.each(files.filter(({ refused }) => refused !== undefined))('$name: $about', ({ refused = {} }) => {
  expect(Object.fromEntries(Object.keys(refused).map((text) => [text, refusalOf(text)]))).toEqual(refused);
});

function refusalOf(text: string): unknown {
  try {
    return printQuery(parseQuery(text));
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error;
    return [error.code, error.details.position, error.details.end];
  }
}
