import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compilePredicate } from '../../query/predicate.ts';
import { printQuery } from '../../query/print.ts';
import { events, queries, TEST_NOW_MS } from '../../query/testing/arbitraries.ts';
import { QueryTable } from './testing/query-table.ts';

let table: QueryTable;
beforeAll(async () => {
  table = await QueryTable.open();
});
afterAll(() => table.close());

test('the engine and the predicate give the same answers to generated queries over generated events', async () => {
  const runs = Number(process.env.SPILLWAY_FUZZ_RUNS ?? 10);
  await fc.assert(
    fc.asyncProperty(
      fc.array(events, { minLength: 1, maxLength: 60 }),
      fc.array(queries, { minLength: 1, maxLength: 80 }),
      async (stored, asked) => {
        await table.replace(stored);
        const options = { nowMs: TEST_NOW_MS };
        const answered = await table.matching(asked, options);
        // Knowing which types there are leaves out columns, and never an answer.
        expect(await table.matching(asked, { ...options, typesAt: table.typesAt })).toEqual(answered);
        for (const [i, query] of asked.entries()) {
          const matches = compilePredicate(query, options);
          const expected = stored.flatMap((event, position) => (matches(event) ? [position] : []));
          expect(answered[i], printQuery(query)).toEqual(expected);
        }
      },
    ),
    { numRuns: runs, endOnFailure: false },
  );
}, 300_000);
