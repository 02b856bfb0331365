import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SpillwayError } from '../lib/errors.ts';
import type { QueryNode } from './ast.ts';
import { parseQuery } from './parse.ts';
import { printQuery } from './print.ts';
import { queries } from './testing/arbitraries.ts';
import { withoutSpans } from './testing/spans.ts';

const PIECES = [
  ...[
    'AND',
    'OR',
    'NOT',
    '&&',
    '||',
    '!',
    '+',
    '-',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    'TO',
    ':',
    '>',
    '>=',
    '<',
    '<=',
    '=',
  ],
  ...[
    '^',
    '^2',
    '~',
    '~1',
    '*',
    '?',
    '"',
    '/',
    '\\',
    '\\u00e9',
    '\\u',
    '\\"',
    '_exists_',
    '_missing_',
    '@2',
    ' ',
    '\t',
    '\u3000',
  ],
  ...[
    'foo',
    'status',
    'level',
    'message',
    'timestamp',
    'now-15m',
    '2026',
    'a.b',
    '500',
    'é',
    '\ud800',
    '\u{1f600}',
    '#',
    '.',
    '..',
  ],
];
const texts = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join('')),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join(' ')),
  fc.string({ unit: 'binary', maxLength: 30 }),
);

test('a printed query reads as the same tree again', () => {
  fc.assert(
    fc.property(queries, (query) => {
      const text = printQuery(query);
      expect(withoutSpans(parseQuery(text)), text).toEqual(withoutSpans(query));
      expect(printQuery(parseQuery(text))).toBe(text);
    }),
    { numRuns: 2_000 },
  );
});

test('any text is a query that prints the same again, or an error of the registry with its place', () => {
  fc.assert(
    fc.property(texts, (text) => {
      let query: QueryNode;
      try {
        query = parseQuery(text);
      } catch (error) {
        if (!(error instanceof SpillwayError)) throw error;
        expect(['QUERY_SYNTAX', 'QUERY_UNSUPPORTED', 'QUERY_TOO_LARGE']).toContain(error.code);
        const { position, end } = error.details;
        expect(position).toBeGreaterThanOrEqual(0);
        expect(end).toBeGreaterThanOrEqual(Number(position));
        expect(end).toBeLessThanOrEqual(text.length);
        return;
      }
      const printed = printQuery(query);
      expect(withoutSpans(parseQuery(printed)), printed).toEqual(withoutSpans(query));
      expect(printQuery(parseQuery(printed))).toBe(printed);
    }),
    { numRuns: 20_000 },
  );
});

test('every span is the text of its clause: read alone it is the same clause', () => {
  fc.assert(
    fc.property(queries, (query) => {
      const text = `  ${printQuery(query)} `;
      const tree = parseQuery(text);
      const { start, end } = tree.span;
      expect(withoutSpans(parseQuery(text.slice(start, end)))).toEqual(withoutSpans(tree));
    }),
    { numRuns: 1_000 },
  );
});
