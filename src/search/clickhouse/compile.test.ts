import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StoredEvent } from '../../event/event.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { QUERY_LIMITS } from '../../lib/limits.ts';
import { parseQuery } from '../../query/parse.ts';
import { SqlBinder } from './binder.ts';
import { compileToSql } from './compile.ts';
import { MESSAGE_TOKENS } from './schema.ts';
import { QueryTable } from './testing/query-table.ts';

let table: QueryTable;
beforeAll(async () => {
  table = await QueryTable.open();
  await table.replace(Array.from({ length: 200 }, (_, n) => eventWith(n)));
});
afterAll(() => table.close());

function eventWith(n: number): StoredEvent {
  const message = n % 2 === 0 ? 'connection refused' : `user ${n} logged in`;
  const members = { type: 'log', source: 's', metadata: { app: 'web' }, payload: { status: n, id: `id${n}` } };
  return { id: `local.raw.0.${n}.0`, tenant: 'default', timestamp: n, received: n, message, ...members };
}

function sqlOf(query: string): string {
  return compileToSql(parseQuery(query), new SqlBinder());
}

async function explain(query: string): Promise<string> {
  const binder = new SqlBinder();
  const condition = compileToSql(parseQuery(query), binder);
  const lines = await table.run(
    `EXPLAIN actions = 1, indexes = 1 SELECT count() FROM events WHERE ${condition}`,
    binder,
  );
  return lines.flat().join('\n');
}

describe('what is read', () => {
  test('words are answered from the text index alone', async () => {
    for (const query of ['refused', 'connection refused', 'refused OR logged', '*efuse*']) {
      const plan = await explain(query);
      expect(plan, query).toContain('__text_index_message_tokens');
      expect(plan, query).not.toMatch(/Output: .*\bmessage\b/);
    }
  });

  test('phrases and patterns use the text index to find where to look', async () => {
    for (const query of ['"connection refused"', 'connec*', 'con*tion', '/connect.*/']) {
      expect(await explain(query), query).toContain('Name: message_tokens');
    }
  });

  test('a value is read from the column of its type, never from the whole JSON', () => {
    expect(sqlOf('id:x status:500')).not.toContain('payload.{p0:Identifier} ');
    const sql = sqlOf('status:>=500');
    expect(sql).toContain('.:`Float64`');
    expect(sql).not.toContain('.:`String`');
  });

  test('columns of types that are known not to occur are left out', () => {
    const sql = compileToSql(parseQuery('a.b:500'), new SqlBinder(), { typesAt: () => new Set(['number']) });
    expect(sql).toBe('payload.{p2:Identifier}.:`Float64` = {p1:Float64}');
  });

  test('values of one field that are joined by OR are one condition', () => {
    const sql = sqlOf('request:(a OR b OR c)');
    expect(sql.match(/`String`/g)).toHaveLength(1);
  });
});

describe('hostile queries', () => {
  test('nothing that a user wrote stands in the statement', () => {
    const odd = "x'; DROP TABLE events; --";
    for (const query of [
      `"${odd}"`,
      `f:"${odd}"`,
      `"f":x OR _exists_:"${odd}"`,
      `_exists_:"a.${odd}"`,
      `f:/DROP.*/`,
      `f:DROP*`,
      `f:>"${odd}"`,
      `DROP\\ TABLE:"x"`,
      `tags:"${odd}"`,
      `id:"${odd}"`,
      `source:DROP*`,
      'DROP',
      '"DROP TABLE"',
      'DROP*',
    ].map((text) => text.replace('"f":x OR ', ''))) {
      expect(sqlOf(query), query).not.toMatch(/DROP|TABLE|--|;/);
    }
  });

  test('keys of any characters are found, and only they', async () => {
    const keys = [
      "it's",
      '`',
      '``',
      '"',
      'back\\slash',
      'tab\t',
      'line\n',
      '\u0001',
      '{p0:String}',
      '?',
      'x[]',
      '^up',
      ':x',
      '😀',
      'a`b',
      ' ',
    ];
    await table.replace(
      keys.map((key, n) => ({ ...eventWith(n), payload: { [key]: 'v', deep: { [key]: { z: 'w' } } } })),
    );
    const name = (key: string) => `_exists_:"${key.replace(/["\\]/g, '\\$&')}"`;
    const answers = await table.matching(keys.map((key) => parseQuery(name(key))));
    expect(answers).toEqual(keys.map((_, n) => [n]));
    const below = await table.matching(keys.map((key) => parseQuery(name(`deep.${key}`))));
    expect(below).toEqual(keys.map((_, n) => [n]));
  });

  test('a query that reads too many columns is refused', () => {
    const fields = (count: number) => Array.from({ length: count }, (_, i) => `f${i}:x`).join(' ');
    const most = QUERY_LIMITS.columns / 2;
    expect(sqlOf(fields(most - 1))).not.toBe('');
    expect(() => sqlOf(fields(most + 1))).toThrow(SpillwayError);
    expect(() => sqlOf(`${Array.from({ length: 40 }, () => 'a').join('.')}:1`)).toThrow(/columns/);
  });

  test('the largest regular expressions compile in the engine', async () => {
    const { regexpStates } = QUERY_LIMITS;
    const queries = [
      `/.{${regexpStates - 1}}/`,
      `id:/[^a]{${regexpStates - 1}}/`,
      `id:/(.|é){${Math.floor(regexpStates / 4)}}/`,
    ];
    const answers = await table.matching(queries.map(parseQuery));
    expect(answers).toEqual(queries.map(() => []));
  });
});

test('the engine lower-cases every character as the language does, also in its context', async () => {
  const texts: string[] = ['ΟΔΟΣ', 'ΑΣ.Α', 'ΑΣ Α', 'Σ', 'ΑΣ\u0301', 'I\u0307', 'ὈΔΥΣΣΕΎΣ', 'ẞ', 'ǅ'];
  for (let first = 0; first < 0x11_0000; first += 0x800) {
    if (first === 0xd800) continue;
    texts.push(Array.from({ length: 0x800 }, (_, i) => String.fromCodePoint(first + i)).join(' '));
  }
  await table.replace(texts.map((message, n) => ({ ...eventWith(n), message })));
  const rows = await table.run(`SELECT ${MESSAGE_TOKENS} FROM events ORDER BY queue_offset`);
  expect(rows.flat()).toEqual(texts.map((text) => text.toLowerCase()));
});
