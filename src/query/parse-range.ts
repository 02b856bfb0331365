/** Ranges: `[a TO b}` and `>=a`. `*` is an open end; both ends open is the same as `_exists_`. */
import type { Bound, FieldRef, QueryNode, Span } from './ast.ts';
import { syntaxProblem, unsupported } from './problems.ts';
import { literalOf, type Scanner } from './scanner.ts';

/** An open end counts as inclusive, so that equal ranges are equal trees. */
export const OPEN_BOUND: Bound = { value: undefined, inclusive: true };

/** At the opening bracket; `start` is where the clause began. */
export function readRange(scan: Scanner, field: FieldRef | undefined, start: number): QueryNode {
  const opening = scan.at;
  const fromInclusive = scan.peek() === '[';
  scan.at++;
  const from = bound(scan.bound(), fromInclusive);
  scan.skipSpace();
  if (!scan.text.startsWith('TO', scan.at) || !scan.spaceOrEnd(2)) {
    throw syntaxProblem(
      scan.here(),
      'A range lacks its TO',
      'TO, as in [10 TO 20] (to search for a bracket itself, put the text in quotes)',
    );
  }
  scan.at += 2;
  const toValue = scan.bound();
  scan.skipSpace();
  const closing = scan.peek();
  if (closing !== ']' && closing !== '}') throw syntaxProblem(scan.here(), 'A range does not end', '] or }');
  scan.at++;
  scan.refuseSuffixes();
  return rangeNode(
    field,
    from,
    bound(toValue, closing === ']'),
    { start: opening, end: scan.at },
    scan.spanFrom(start),
  );
}

/** At the `<` or `>`. */
export function readComparison(scan: Scanner, field: FieldRef | undefined, start: number): QueryNode {
  const opening = scan.at;
  const below = scan.peek() === '<';
  scan.at++;
  const inclusive = scan.peek() === '=';
  if (inclusive) scan.at++;
  scan.skipSpace();
  const written = { value: comparedValue(scan), inclusive };
  scan.refuseSuffixes();
  const [from, to] = below ? [OPEN_BOUND, written] : [written, OPEN_BOUND];
  return rangeNode(field, from, to, { start: opening, end: scan.at }, scan.spanFrom(start));
}

function comparedValue(scan: Scanner): string {
  if (scan.peek() === '"') return scan.quotedText().value;
  const word = scan.word({ colonEnds: false });
  const value = literalOf(word);
  if (value === '') throw syntaxProblem(scan.here(), 'A comparison lacks its value', 'a value');
  if (value === undefined) {
    throw unsupported(word.span, 'A wildcard cannot be compared with', 'Write a value, or put it in quotes.');
  }
  return value;
}

function bound(value: string | undefined, inclusive: boolean): Bound {
  return value === undefined ? OPEN_BOUND : { value, inclusive };
}

function rangeNode(field: FieldRef | undefined, from: Bound, to: Bound, written: Span, span: Span): QueryNode {
  if (field === undefined) throw unsupported(written, 'A range needs a field', 'Write field:[a TO b] or field:>=a.');
  if (from.value === undefined && to.value === undefined) return { kind: 'exists', field, span };
  return { kind: 'range', field, from, to, span };
}
