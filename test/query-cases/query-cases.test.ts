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

interface CaseEvent extends Partial<Omit<StoredEvent, 'id' | 'timestamp' | 'received'>> {
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

function eventOf({ n, timestamp, received, ...rest }: CaseEvent): StoredEvent {
  const time = (text: string | undefined) => (text === undefined ? 0 : Date.parse(text));
  return {
    tenant: 'default',
    type: 'log',
    source: 'test',
    metadata: {},
    payload: {},
    ...rest,
    id: `local.raw.0.${n}.0`,
    timestamp: time(timestamp),
    received: time(received),
  };
}

let table: QueryTable;
beforeAll(async () => {
  table = await QueryTable.open();
});
afterAll(() => table.close());

describe.each(files)('$name: $about', ({ now, events = [], cases = {}, refused = {} }) => {
  const stored = events.map(eventOf);
  const numbers = events.map(({ n }) => n);
  const queries = Object.keys(cases).map(parseQuery);
  const options = { nowMs: now === undefined ? 0 : Date.parse(now) };

  test.runIf(queries.length > 0)('in memory', () => {
    const answers = queries.map((query) => {
      const matches = compilePredicate(query, options);
      return numbers.filter((_, i) => stored.slice(i, i + 1).some(matches));
    });
    expect(Object.fromEntries(Object.keys(cases).map((q, i) => [q, answers[i]]))).toEqual(cases);
  });

  test.runIf(queries.length > 0)('in the embedded engine', async () => {
    await table.replace(stored);
    const answers = (await table.matching(queries, options)).map((found) => found.map((at) => numbers[at]));
    expect(Object.fromEntries(Object.keys(cases).map((q, i) => [q, answers[i]]))).toEqual(cases);
  });

  test.runIf(queries.length > 0)('printed and read again, they ask the same', () => {
    for (const query of queries) expect(printQuery(parseQuery(printQuery(query)))).toBe(printQuery(query));
  });

  test.runIf(Object.keys(refused).length > 0)('refused at their place', () => {
    expect(Object.fromEntries(Object.keys(refused).map((q) => [q, refusalOf(q)]))).toEqual(refused);
  });
});

function refusalOf(text: string): unknown {
  try {
    return printQuery(parseQuery(text));
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error;
    return [error.code, error.details.position, error.details.end];
  }
}
