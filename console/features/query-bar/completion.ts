/** Where in a query the caret stands: within a name, or within the value of a field. Pure and forgiving. */

import { fieldName, resolveField } from '../../../src/query/fields.ts';
import { printField, printQuery } from '../../../src/query/print.ts';
import { valueClause } from '../../lib/clauses.ts';

export type Place = NamePlace | ValuePlace;

interface Part {
  /** [start, end) of the text is what a completion replaces; `prefix` is its part before the caret. */
  readonly start: number;
  readonly end: number;
  readonly prefix: string;
}

interface NamePlace extends Part {
  readonly kind: 'name';
}

interface ValuePlace extends Part {
  readonly kind: 'value';
  readonly field: string;
  readonly quoted: boolean;
}

const PIECE = /"(?:[^"\\]|\\.)*"?|\/(?:[^/\\]|\\.)+\/|(?:[^\s()[\]{}":\\]|\\.)+|[\s()[\]{}:]|\\/gsu;
const NAME = /^[^\s()[\]{}":/]+$/;

/** Undefined inside a quoted word or a regular expression, where there is nothing to complete. */
export function placeAt(text: string, caret: number): Place | undefined {
  let field: string | undefined;
  let last: { readonly text: string; readonly start: number } | undefined;
  let grouped: string | undefined;
  for (const match of text.slice(0, caret).matchAll(PIECE)) {
    const piece = match[0];
    if (piece === ':' && last !== undefined && NAME.test(last.text)) {
      field = last.text.replace(/^[-+!]/, '');
      last = undefined;
    } else if (piece === '(' && field !== undefined && last === undefined) {
      grouped = field;
    } else if (piece === ')') {
      grouped = undefined;
      last = undefined;
      field = undefined;
    } else if (/^\s/.test(piece) || piece === '(') {
      last = undefined;
      field = grouped;
    } else {
      last = { text: piece, start: match.index };
    }
  }
  return placeOf(text, caret, field, last);
}

function placeOf(
  text: string,
  caret: number,
  field: string | undefined,
  last: { readonly text: string; readonly start: number } | undefined,
): Place | undefined {
  const typed = last?.text ?? '';
  const quoted = typed.startsWith('"');
  const start = last?.start ?? caret;
  if (quoted && (field === undefined || /[^\\]"$/.test(typed.slice(1)))) return undefined;
  if (/^[[{/<>]/.test(typed)) return undefined;
  const rest = quoted ? /^(?:[^"\\]|\\.)*"?/s : /^(?:[^\s()[\]{}":\\]|\\.)*/s;
  const end = caret + (rest.exec(text.slice(caret))?.[0].length ?? 0);
  if (field !== undefined && field !== '_exists_') {
    const prefix = quoted ? typed.slice(1) : typed;
    return { kind: 'value', field: fieldName(resolveField(field)), quoted, start, end, prefix };
  }
  const sign = /^[-+!]/.exec(typed)?.[0].length ?? 0;
  return { kind: 'name', start: start + sign, end, prefix: typed.slice(sign) };
}

export function writeField(name: string): string {
  return printField(resolveField(name));
}

/** A value as the query language writes it; in quotes where they were opened already. */
export function writeValue(value: string, quoted: boolean): string {
  const clause = valueClause({ root: 'payload', path: ['x'] }, value);
  const printed = printQuery(quoted && clause.kind === 'term' ? { ...clause, kind: 'phrase' } : clause);
  return printed.slice('x:'.length);
}
