import { expect, test } from 'vitest';
import { completeQuery, type Known } from './complete.ts';

const known: Known = {
  fields: ['status', 'status_text', 'metadata.procid', 'odd key', 'payload.level'],
  values: { status: ['200', '404', '500'], app: ['web', 'web shop', 'db'], level: ['info', 'error'] },
};

/** The query with `|` at the caret, completed: each suggestion as the whole query that it would make. */
function completed(text: string): string[] {
  const position = text.indexOf('|');
  const query = text.replace('|', '');
  return completeQuery(query, position, known).map(
    ({ start, end, insert }) => `${query.slice(0, start)}${insert}${query.slice(end)}`,
  );
}

test('a name is completed from what is known, by its start first', () => {
  expect(completed('sta|')).toEqual(['status:', 'status_text:', 'timestamp:']);
  expect(completed('error AND stat|')).toEqual(['error AND status:', 'error AND status_text:']);
  expect(completed('-stat|')).toEqual(['-status:', '-status_text:']);
  expect(completed('(a OR lev|')).toEqual(['(a OR level:', '(a OR payload.level:']);
  expect(completed('odd|')).toEqual(['odd\\ key:']);
});

test('a value is completed from those of its field, quoted where it must be', () => {
  expect(completed('status:|')).toEqual(['status:200', 'status:404', 'status:500']);
  expect(completed('status:4|')).toEqual(['status:404']);
  expect(completed('app:we|')).toEqual(['app:web', 'app:"web shop"']);
  expect(completed('metadata.app:d|')).toEqual(['metadata.app:db']);
  expect(completed('app:"we|"')).toEqual(['app:web', 'app:"web shop"']);
  expect(completed('status:(200 OR 4|)')).toEqual(['status:(200 OR 404)']);
});

test('the rest of the word behind the caret is replaced too', () => {
  expect(completed('app:w|xyz b')).toEqual(['app:web b', 'app:"web shop" b']);
});

test('operators stand behind a clause, NOT before one too', () => {
  expect(completed('error A|')).toContain('error AND ');
  expect(completed('A|')).not.toContain('AND ');
  expect(completed('NO|')).toContain('NOT ');
  expect(completed('error AND O|')).not.toContain('error AND OR ');
});

test('_exists_ is followed by a name', () => {
  expect(completed('_exists_:stat|')).toEqual(['_exists_:status', '_exists_:status_text']);
  expect(completed('_ex|')).toEqual(['_exists_:']);
});

test('nothing is suggested in ranges, regular expressions and quoted words, nor for values nobody knows', () => {
  for (const text of ['status:>4|', '/sta|', '"sta|', 'nope:x|', 'app:"web"|'])
    expect(completed(text), text).toEqual([]);
});
