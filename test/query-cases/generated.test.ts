/** Generated queries over generated events: the same ones, from one seed, in memory and in both engines. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compilePredicate } from '../../src/query/predicate.ts';
import { printQuery } from '../../src/query/print.ts';
import { events, queries, TEST_NOW_MS } from '../../src/query/testing/arbitraries.ts';
import { QueryTable } from '../../src/search/clickhouse/testing/query-table.ts';
import { QueryIndex } from '../../src/search/opensearch/testing/query-index.ts';
import { lacks } from '../support/needs.ts';

const node = process.env.SPILLWAY_TEST_OPENSEARCH ?? '';
const suite = 'generated queries on every engine';

describe.skipIf(lacks(suite, { server: 'SPILLWAY_TEST_OPENSEARCH' }))(suite, () => {
  let table: QueryTable;
  let index: QueryIndex;
  beforeAll(async () => {
    table = await QueryTable.open();
    index = await QueryIndex.open(node);
  });
  afterAll(async () => {
    await table?.close();
    await index?.close();
  });

  test('ClickHouse, OpenSearch and the predicate give the same answers', async () => {
    const runs = Number(process.env.SPILLWAY_FUZZ_RUNS ?? 10);
    const seed = Number(process.env.SPILLWAY_FUZZ_SEED ?? Date.now() % 2_147_483_647);
    console.info(`seed ${seed}`);
    const options = { nowMs: TEST_NOW_MS };
    await fc.assert(
      fc.asyncProperty(
        fc.array(events, { minLength: 1, maxLength: 60 }),
        fc.array(queries, { minLength: 1, maxLength: 80 }),
        async (stored, asked) => {
          await Promise.all([table.replace(stored), index.replace(stored)]);
          const [embedded, cluster] = await Promise.all([
            table.matching(asked, options),
            index.matching(asked, options),
          ]);
          for (const [i, query] of asked.entries()) {
            const matches = compilePredicate(query, options);
            const expected = stored.flatMap((event, position) => (matches(event) ? [position] : []));
            expect({ embedded: embedded[i], cluster: cluster[i] }, printQuery(query)).toEqual({
              embedded: expected,
              cluster: expected,
            });
          }
        },
      ),
      { numRuns: runs, seed, endOnFailure: false },
    );
  }, 300_000);
});
