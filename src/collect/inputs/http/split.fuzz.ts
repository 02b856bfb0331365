import fc from 'fast-check';
import { expect, it } from 'vitest';
import { split } from './split.ts';

const SPACE = fc.constantFrom('', ' ', '\n', '\t\r\n ');
const VALUE = fc.json({ maxDepth: 3 }).map((text) => text.trim());

function recordsOf(body: Buffer) {
  const work = split(body, 'json');
  for (;;) {
    const step = work.next();
    if (step.done !== true) continue;
    const { records, refused, errors } = step.value;
    const of = (ranges: typeof records): [number, number][] =>
      Array.from({ length: ranges.length }, (_, i) => [ranges.start(i), ranges.end(i)]);
    return { records: of(records), refused: of(refused), errors };
  }
}

it('finds the elements of any array byte for byte', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(SPACE, VALUE, SPACE)), SPACE, (elements, space) => {
      const body = Buffer.from(`${space}[${elements.map((parts) => parts.join('')).join(',')}${space}]${space}`);
      const { records, refused } = recordsOf(body);
      expect(records.map(([start, end]) => body.toString('utf8', start, end))).toEqual(
        elements.map(([, value]) => value),
      );
      expect(refused).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
});

it('takes a valid record of any broken body, keeps ranges in order and apart, and ends', () => {
  const piece = fc.constantFrom(...'{}[]",:\\1 \n', '{"a":1}', '"b"', 'null', '\u{fffd}');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const body = Buffer.from(pieces.join(''));
      const { records, refused } = recordsOf(body);
      for (const [start, end] of records) JSON.parse(body.toString('utf8', start, end));
      let before = 0;
      for (const [start, end] of [...records, ...refused].sort(([a], [b]) => a - b)) {
        expect(start).toBeGreaterThanOrEqual(before);
        expect(end).toBeGreaterThan(start);
        before = end;
      }
    }),
    { numRuns: 5_000 },
  );
});
