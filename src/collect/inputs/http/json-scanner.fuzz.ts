import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { COLLECT_LIMITS } from '../../../lib/limits.ts';
import { BROKEN, JsonScanner, skipSpace } from './json-scanner.ts';

const scanner = new JsonScanner();

/** Whether these bytes are one JSON value, as the scanner says. */
function accepts(bytes: Buffer): boolean {
  const end = scanner.scan(bytes, 0, bytes.length);
  return end !== BROKEN && skipSpace(bytes, end, bytes.length) === bytes.length;
}

function parses(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}

const VALUE = fc.json({ maxDepth: 4 });
const PIECE = fc.constantFrom(
  ...'{}[]",:\\-+.eE0123456789tfn \n\t\u0000é',
  'true',
  'false',
  'null',
  '\\u12aF',
  '\\x',
  '1e5',
  '-0',
  '01',
);

it('accepts what JSON.parse accepts, and nothing else', () => {
  const texts = fc.oneof(
    VALUE,
    fc.array(PIECE, { maxLength: 12 }).map((parts) => parts.join('')),
    // A valid text with one change in it.
    fc.tuple(VALUE, fc.nat(), PIECE, fc.nat(3)).map(([text, at, piece, cut]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + piece + text.slice(place + cut);
    }),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const bytes = Buffer.from(text);
      expect(accepts(bytes)).toBe(parses(bytes));
    }),
    { numRuns: 5_000 },
  );
});

it('agrees with JSON.parse on any bytes that are UTF-8', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (array) => {
      const bytes = Buffer.from(array);
      fc.pre(isUtf8(bytes) && array[0] !== 0xef);
      expect(accepts(bytes)).toBe(parses(bytes));
    }),
    { numRuns: 5_000 },
  );
});

it('finds where each of several values ends', () => {
  fc.assert(
    fc.property(fc.array(VALUE, { minLength: 1 }), (values) => {
      const bytes = Buffer.from(values.join(' \n'));
      let at = 0;
      const found: string[] = [];
      for (; at < bytes.length; ) {
        const start = skipSpace(bytes, at, bytes.length);
        at = scanner.scan(bytes, start, bytes.length);
        expect(at).not.toBe(BROKEN);
        found.push(bytes.toString('utf8', start, at));
      }
      // White space around a value is not part of it, and fast-check's texts have none there.
      expect(found).toEqual(values.map((value) => value.trim()));
    }),
  );
});

it('takes nesting up to the limit, and says that one level more is too deep', () => {
  const nested = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth));
  expect(accepts(nested(COLLECT_LIMITS.jsonDepth))).toBe(true);
  expect(accepts(nested(COLLECT_LIMITS.jsonDepth + 1))).toBe(false);
  expect(scanner.problem).toBe(`nested deeper than ${COLLECT_LIMITS.jsonDepth}`);
  expect(
    accepts(Buffer.from(`${'{"a":'.repeat(COLLECT_LIMITS.jsonDepth)}1${'}'.repeat(COLLECT_LIMITS.jsonDepth)}`)),
  ).toBe(true);
});
