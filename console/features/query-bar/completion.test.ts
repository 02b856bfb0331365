import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkQuery } from '../../lib/clauses.ts';
import { placeAt, writeField, writeValue } from './completion.ts';

/** The place at the bar `|` of the text. */
const at = (marked: string) => placeAt(marked.replace('|', ''), marked.indexOf('|'));

describe('the place of the caret', () => {
  test.each([
    ['|', { kind: 'name', prefix: '', start: 0, end: 0 }],
    ['lev|', { kind: 'name', prefix: 'lev', start: 0, end: 3 }],
    ['a -le|vel', { kind: 'name', prefix: 'le', start: 3, end: 8 }],
    ['a AND (ho|', { kind: 'name', prefix: 'ho', start: 7, end: 9 }],
    ['level:er|', { kind: 'value', field: 'level', prefix: 'er', start: 6, end: 8, quoted: false }],
    ['level:|', { kind: 'value', field: 'level', prefix: '', start: 6, end: 6, quoted: false }],
    ['level:(error OR wa|)', { kind: 'value', field: 'level', prefix: 'wa', start: 16, end: 18, quoted: false }],
    ['NOT metadata.app:"my a|pp"', { kind: 'value', field: 'app', prefix: 'my a', start: 17, end: 25, quoted: true }],
    ['level:(a OR b) ho|', { kind: 'name', prefix: 'ho', start: 15, end: 17 }],
    ['status:[5|', { kind: 'value', field: 'status', prefix: '5', start: 8, end: 9, quoted: false }],
    ['_exists_:tr|', { kind: 'name', prefix: 'tr', start: 9, end: 11 }],
  ])('in %s is found', (marked, place) => {
    expect(at(marked)).toEqual(place);
  });

  test.each(['"a phr|', 'app:"done"|', 'message:/re|g/', 'status:>5|'])('in %s completes nothing', (marked) => {
    expect(at(marked)).toBeUndefined();
  });

  test('in any text is within the text', () => {
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
});

test('a completed name and value make a query that can be run', () => {
  const name = fc
    .string({ minLength: 1, maxLength: 12 })
    .filter((text) => !text.startsWith('.') && !text.endsWith('.'));
  fc.assert(
    fc.property(name, fc.string({ maxLength: 12 }), fc.boolean(), (field, value, quoted) => {
      expect(checkQuery(`${writeField(`payload.${field}`)}:${writeValue(value, quoted)}`)).toBeUndefined();
    }),
  );
});
