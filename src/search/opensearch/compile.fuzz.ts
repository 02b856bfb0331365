import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lacks } from '../../../test/support/needs.ts';
import { compilePredicate } from '../../query/predicate.ts';
import { printQuery } from '../../query/print.ts';
import { events, queries, TEST_NOW_MS } from '../../query/testing/arbitraries.ts';
import { QueryIndex } from './testing/query-index.ts';

const node = process.env.SPILLWAY_TEST_OPENSEARCH ?? '';
const suite = 'queries of OpenSearch';

describe.skipIf(lacks(suite, { server: 'SPILLWAY_TEST_OPENSEARCH' }))(suite, () => {
  let index: QueryIndex;
  beforeAll(async () => {
    index = await QueryIndex.open(node);
  });
  afterAll(() => index?.close());

  test('OpenSearch and the predicate give the same answers to generated queries over generated events', async () => {
    const runs = Number(process.env.SPILLWAY_FUZZ_RUNS ?? 10);
    await fc.assert(
      fc.asyncProperty(
        fc.array(events, { minLength: 1, maxLength: 60 }),
        fc.array(queries, { minLength: 1, maxLength: 80 }),
        async (stored, asked) => {
          await index.replace(stored);
          const answered = await index.matching(asked, { nowMs: TEST_NOW_MS });
          for (const [i, query] of asked.entries()) {
            const matches = compilePredicate(query, { nowMs: TEST_NOW_MS });
            const expected = stored.flatMap((event, position) => (matches(event) ? [position] : []));
            expect(answered[i], printQuery(query)).toEqual(expected);
          }
        },
      ),
      { numRuns: runs, endOnFailure: false },
    );
  }, 300_000);
});
