import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { placeAt, suggestAt } from './complete.ts';
import { parseQuery } from './parse.ts';

const fields = ['status', 'status_text', 'metadata.procid', 'odd key', 'payload.level'];
const values: Readonly<Record<string, readonly string[]>> = {
  status: ['200', '404', '500'],
  app: ['web', 'web shop', 'db'],
  level: ['info', 'error'],
};

/** The query with `|` at the caret, completed: each suggestion as the whole query that it would make. */
function completed(text: string): string[] {
  const query = text.replace('|', '');
  const place = placeAt(query, text.indexOf('|'));
  if (place === undefined) return [];
  const { start, end, field = '' } = place;
  return suggestAt(place, { fields, values: values[field] ?? [] }).map(
    ({ insert }) => `${query.slice(0, start)}${insert}${query.slice(end)}`,
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
  expect(completed('app:"we|"')).toEqual(['app:"web"', 'app:"web shop"']);
  expect(completed('NOT metadata.app:"web s|hop"')).toEqual(['NOT metadata.app:"web shop"']);
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
  for (const text of ['status:>4|', '/sta|', '"sta|', 'nope:x|', 'app:"web"|', 'message:/re|g/', 'app:db|'])
    expect(completed(text), text).toEqual([]);
});

test('the place in any text is within the text, around the caret', () => {
  const texts = fc.string({ maxLength: 40, unit: fc.constantFrom(...'ab :"/\\()[]<>-!', ' OR ', '_exists_:') });
  fc.assert(
    fc.property(texts, fc.nat(40), (text, position) => {
      const caret = Math.min(position, text.length);
      const place = placeAt(text, caret);
      if (place === undefined) return;
      expect(place.start).toBeLessThanOrEqual(caret);
      expect(place.end).toBeGreaterThanOrEqual(caret);
      expect(place.end).toBeLessThanOrEqual(text.length);
    }),
  );
});

describe('a completed name and value', () => {
  const name = fc
    .string({ minLength: 1, maxLength: 12 })
    .filter((text) => !text.startsWith('.') && !text.endsWith('.'));
  test('make a query that can be run', () => {
    fc.assert(
      fc.property(name, fc.string({ maxLength: 12 }), fc.boolean(), (field, value, quoted) => {
        const at = { start: 0, end: 0, typed: '', quoted, afterExists: false, afterClause: false };
        const known = { fields: [`payload.${field}`], values: [value] };
        const [asked] = suggestAt({ ...at, field: undefined }, known);
        const [written] = suggestAt({ ...at, field: 'x' }, known);
        if (written === undefined) return;
        expect(() => parseQuery(`${asked?.insert}${written.insert}`)).not.toThrow();
      }),
    );
  });
});
