/**
 * What could be written at a place of a query: field names, values of a field, operators. Pure and forgiving: half a
 * query is the usual case, so the text is read by its pieces and not by the parser.
 */
import { type FieldRef, OWN_FIELDS } from './ast.ts';
import { BARE_METADATA, fieldName, resolveField } from './fields.ts';
import { printField, printQuery } from './print.ts';

export interface Known {
  /** Names of fields as `fieldName` gives them. */
  readonly fields: readonly string[];
  /** The usual values of a field, the most frequent first, by its name. */
  readonly values: Readonly<Record<string, readonly string[]>>;
}

export interface Suggestion {
  readonly kind: 'field' | 'value' | 'operator';
  /** What to show. */
  readonly label: string;
  /** What replaces [start, end) of the query. */
  readonly insert: string;
  readonly start: number;
  readonly end: number;
}

/** Where the position stands: what is replaced, what of it is typed, and the field whose value it is. */
interface Place {
  readonly start: number;
  readonly end: number;
  readonly typed: string;
  readonly field: FieldRef | undefined;
  /** Behind `_exists_:`, where a name is the value. */
  readonly afterExists: boolean;
  /** Behind a finished clause, where an operator may stand. */
  readonly afterClause: boolean;
}

const PIECE = /"(?:[^"\\]|\\.)*"?|(?:[^\s()[\]{}":\\]|\\.)+|\s+|[()[\]{}:]|\\/gsu;
const QUOTED = /^"(?:[^"\\]|\\.)*"$/s;
const REST_OF_QUOTED = /^(?:[^"\\]|\\.)*"?/s;
const REST_OF_WORD = /^(?:[^\s()[\]{}":\\]|\\.)*/s;
const OPERATORS = ['AND', 'OR', 'NOT'];
const MOST = 50;

export function completeQuery(text: string, position: number, known: Known): readonly Suggestion[] {
  const place = placeAt(text, position);
  if (place === undefined) return [];
  const { field, start, end } = place;
  const found = field === undefined ? namesAt(place, known) : valuesAt(place, field, known);
  return found.slice(0, MOST).map((suggestion) => ({ ...suggestion, start, end }));
}

type Found = Omit<Suggestion, 'start' | 'end'>;

const EXISTS: Found = { kind: 'field', label: '_exists_', insert: '_exists_' };

function namesAt({ typed, afterExists, afterClause }: Place, known: Known): readonly Found[] {
  const names = [...new Set<string>([...OWN_FIELDS, ...BARE_METADATA, ...known.fields])].map((name): Found => {
    return { kind: 'field', label: name, insert: printField(resolveField(name)) };
  });
  if (afterExists) return ranked(names, typed);
  const fields = [...names, EXISTS].map((found): Found => ({ ...found, insert: `${found.insert}:` }));
  const operators = OPERATORS.filter((name) => afterClause || name === 'NOT').map(
    (name): Found => ({ kind: 'operator', label: name, insert: `${name} ` }),
  );
  return [...ranked(fields, typed), ...operators.filter(({ label }) => typed !== '' && label.startsWith(typed))];
}

function valuesAt({ typed }: Place, field: FieldRef, known: Known): readonly Found[] {
  const name = fieldName(field);
  const values = Object.hasOwn(known.values, name) ? (known.values[name] ?? []) : [];
  const found = values.map((value): Found => ({ kind: 'value', label: value, insert: printValue(value) }));
  return ranked(found, typed.startsWith('"') ? typed.slice(1) : typed);
}

/** First what starts as typed, then what contains it; each in the order in which it came. */
function ranked(found: readonly Found[], typed: string): readonly Found[] {
  const wanted = typed.toLowerCase();
  const starting = found.filter(({ label }) => label.toLowerCase().startsWith(wanted));
  const containing = found.filter(({ label }) => label.toLowerCase().indexOf(wanted) > 0);
  return [...starting, ...containing];
}

/** A word where that reads well, else a quoted text. */
function printValue(value: string): string {
  const kind = /^[\w.@-]+$/.test(value) ? 'term' : 'phrase';
  const printed = printQuery({ kind, field: { root: 'payload', path: ['x'] }, value, span: { start: 0, end: 0 } });
  return printed.slice('x:'.length);
}

/** Undefined where nothing is completed: in a range, a regular expression, or a quoted text of no field. */
function placeAt(text: string, position: number): Place | undefined {
  const groups: string[] = [];
  /** Names as written; '' where none stands. */
  let group = '';
  let name = '';
  let word = '';
  let wordStart = position;
  let afterClause = false;
  for (const { 0: piece, index } of text.slice(0, position).matchAll(PIECE)) {
    if (/^[^\s():]/.test(piece)) {
      word = piece;
      wordStart = index;
      continue;
    }
    if (piece === ':' && name === group && word !== '') name = word.replace(/^[-+!]/, '');
    else if (piece === '(') {
      groups.push(group);
      group = name;
      afterClause = false;
    } else if (piece === ')') {
      group = groups.pop() ?? '';
      name = group;
      afterClause = true;
    } else if (piece !== ':' && word !== '') {
      afterClause = !OPERATORS.includes(word);
      name = group;
    }
    word = '';
    wordStart = position;
  }
  if (/^[[{/<>]/.test(word) || (word.startsWith('"') && (name === '' || QUOTED.test(word)))) return undefined;
  const rest = word.startsWith('"') ? REST_OF_QUOTED : REST_OF_WORD;
  const end = position + (rest.exec(text.slice(position))?.[0].length ?? 0);
  const sign = name === '' ? (/^[-+!]/.exec(word)?.[0].length ?? 0) : 0;
  const afterExists = name === '_exists_';
  const field = name === '' || afterExists ? undefined : resolveField(name.replace(/\\(.)/gsu, '$1'));
  return { start: wordStart + sign, end, typed: word.slice(sign), field, afterExists, afterClause };
}
