import { describe, expect, test } from 'vitest';
import { resolveField } from '../../src/query/fields.ts';
import { valueClause } from '../../src/query/value-clause.ts';
import { addClause, checkQuery, existsClause, soughtTexts } from './clauses.ts';

const app = valueClause(resolveField('app'), 'web');

describe('a click on include or exclude', () => {
  test.each([
    ['', false, 'app:web'],
    ['*', false, 'app:web'],
    ['', true, 'NOT app:web'],
    ['timeout', false, 'timeout app:web'],
    ['timeout', true, 'timeout NOT app:web'],
    ['a OR b', false, '(a OR b) app:web'],
  ])('on %j (exclude: %s) makes %j', (query, exclude, result) => {
    expect(addClause(query, app, exclude)).toBe(result);
  });

  test('that is there already changes nothing', () => {
    expect(addClause('timeout  app:web', app, false)).toBe('timeout  app:web');
    expect(addClause('NOT app:web', app, true)).toBe('NOT app:web');
  });

  test('replaces its opposite instead of contradicting it', () => {
    expect(addClause('timeout NOT app:web level:error', app, false)).toBe('timeout app:web level:error');
    expect(addClause('app:web', app, true)).toBe('NOT app:web');
    expect(addClause('-app:web x', app, false)).toBe('app:web x');
  });

  test('keeps a query that cannot be parsed as it was typed', () => {
    expect(addClause('level:', app, false)).toBe('level: app:web');
  });

  test.each([
    ['a b', '"a b"'],
    ['say "hi"', String.raw`"say \"hi\""`],
    ['a:b', '"a:b"'],
    ['AND', String.raw`\AND`],
    ['/api/cart', '"/api/cart"'],
    ['-5', '"-5"'],
    ['web-1.example', 'web-1.example'],
    ['', '""'],
    ['naïve', '"naïve"'],
  ])('on the value %j writes x:%s, which the parser reads back', (value, written) => {
    const query = addClause('', valueClause(resolveField('x'), value), false);
    expect(query).toBe(`x:${written}`);
    expect(checkQuery(query)).toBeUndefined();
  });

  test.each([-5, 0.25, true])('on %s writes a query that parses', (value) => {
    expect(checkQuery(addClause('', valueClause(resolveField('x'), value), false))).toBeUndefined();
  });

  test('on a message asks for its words next to each other', () => {
    const clause = valueClause(resolveField('message'), 'connection refused: db-1');
    expect(addClause('', clause, false)).toBe('"connection refused: db-1"');
  });

  test('on a field asks that it exists', () => {
    expect(addClause('a', existsClause(resolveField('trace_id')), false)).toBe('a _exists_:trace_id');
  });
});

describe('the texts to mark in messages', () => {
  test('are the words and phrases of the message that are wanted', () => {
    expect(soughtTexts('timeout "not found" level:error NOT retry (a OR b*)')).toEqual(['timeout', 'not found', 'a']);
    expect(soughtTexts('broken:(')).toEqual([]);
  });
});

describe('a wrong query', () => {
  test('is told with its place', () => {
    expect(checkQuery('level:error AND')).toMatchObject({ position: 15, end: 15 });
    expect(checkQuery('fine')).toBeUndefined();
  });
});
