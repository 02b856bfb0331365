import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { paintQuery } from './paint.ts';

const kinds = (text: string) =>
  paintQuery(text, undefined)
    .filter((piece) => piece.text.trim() !== '')
    .map((piece) => `${piece.kind} ${piece.text}`);

const queries = fc.string({
  maxLength: 60,
  unit: fc.constantFrom(...'ab5 :"/\\()[]<>=-!&|\n', 'AND ', ' OR', 'é', '😀'),
});

describe('the colours of a query', () => {
  test('tell fields, values, operators and texts apart', () => {
    expect(kinds('level:error AND NOT app:"my app" status:>=500 path:/a.b/')).toEqual([
      'field level:',
      'plain error',
      'operator AND',
      'operator NOT',
      'field app:',
      'string "my app"',
      'field status:',
      'operator >=',
      'number 500',
      'field path:',
      'regexp /a.b/',
    ]);
    expect(kinds('ANDROID')).toEqual(['plain ANDROID']);
    expect(kinds(String.raw`a\:b:c`)).toEqual([String.raw`field a\:b:`, 'plain c']);
  });

  test('lose no character of any text, so that it lies exactly below what is typed', () => {
    fc.assert(
      fc.property(queries, fc.nat(20), fc.nat(20), (text, position, length) => {
        const problem = { message: '', position, end: position + length };
        const pieces = paintQuery(text, problem);
        expect(pieces.map((piece) => piece.text).join('')).toBe(text);
        const wrong = pieces.filter((piece) => piece.wrong).map((piece) => piece.text);
        expect(wrong.join('')).toBe(text.slice(position, position + length));
      }),
    );
  });
});
