/** What docs/query-language.md shows holds. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { QUERY_LIMITS } from '../../src/lib/limits.ts';
import { parseQuery } from '../../src/query/parse.ts';
import { tokenize } from '../../src/query/text.ts';
import { SqlBinder } from '../../src/search/clickhouse/binder.ts';
import { QueryTable } from '../../src/search/clickhouse/testing/query-table.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/query-language.md'), 'utf8');
const analysed = [
  ...(page.split('<!-- text analysis')[1] ?? '').matchAll(/^\| `([^|]+)` \| ((?:`[^`|]+` ?)+)\|$/gm),
].map(([, text = '', words = '']) => ({ text, words: [...words.matchAll(/`([^`]+)`/g)].map(([, word]) => word) }));

let table: QueryTable;
beforeAll(async () => {
  table = await QueryTable.open();
});
afterAll(() => table.close());

test('every query of the first examples can be asked', () => {
  const lines = /```query\n([\s\S]*?)```/.exec(page)?.[1]?.trimEnd().split('\n') ?? [];
  expect(lines.length).toBeGreaterThan(10);
  for (const line of lines) expect(() => parseQuery(line.split(/ {3,}/)[0] ?? ''), line).not.toThrow();
});

test('the table of words is what the language and the embedded engine make of the texts', async () => {
  expect(analysed.length).toBeGreaterThan(10);
  for (const { text, words } of analysed) {
    expect(tokenize(text), text).toEqual(words);
    const binder = new SqlBinder();
    const [row] = await table.run(
      `SELECT tokens(lowerUTF8(${binder.bind('String', text)}), 'splitByNonAlpha')`,
      binder,
    );
    expect(row, text).toEqual([words]);
  }
});

test('the limits are those of the program', () => {
  const limits = page.split('## Limits')[1] ?? '';
  const { queryChars, depth, nodes, regexpChars, regexpStates, columns } = QUERY_LIMITS;
  for (const limit of [queryChars, depth, nodes, regexpChars, regexpStates, columns]) {
    expect(limits).toContain(limit.toLocaleString('en-US'));
  }
});
