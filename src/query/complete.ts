/**
 * What could be written at a place of a query: field names, values of a field, operators. Pure and forgiving: half a
 * query is the usual case, so the text is read by its pieces and not by the parser. In two steps, since the values of
 * a field have to be asked for: `placeAt` says what stands at the caret, `suggestAt` what could stand there.
 */
import { OWN_FIELDS } from './ast.ts';
import { BARE_METADATA, fieldName, resolveField } from './fields.ts';
import { printField, printQuery } from './print.ts';
import { valueClause } from './value-clause.ts';

export interface Known {
  /** Names of fields as `fieldName` gives them, the most frequent first. */
  readonly fields: readonly string[];
  /** The usual values of the place's field, the most frequent first. */
  readonly values: readonly string[];
}

export interface Suggestion {
  readonly kind: 'field' | 'value' | 'operator';
  /** What to show. */
  readonly label: string;
  /** What replaces [start, end) of the query. */
  readonly insert: string;
}

/** What is replaced, what of it is typed, and what belongs there. */
export interface Place {
  /** [start, end) of the text is what a suggestion replaces; `typed` is its part before the caret. */
  readonly start: number;
  readonly end: number;
  readonly typed: string;
  /** The field whose value it is, as `fieldName` gives it; undefined where a name belongs. */
  readonly field: string | undefined;
  /** A quote was opened before the value. */
  readonly quoted: boolean;
  /** Behind `_exists_:`, where a name is the value. */
  readonly afterExists: boolean;
  /** Behind a finished clause, where an operator may stand. */
  readonly afterClause: boolean;
}

const PIECE = /"(?:[^"\\]|\\.)*"?|(?<![^\s(:])\/(?:[^/\\]|\\.)*\/|(?:[^\s()[\]{}":\\]|\\.)+|\s+|[()[\]{}:]|\\/gsu;
const QUOTED = /^"(?:[^"\\]|\\.)*"$/s;
const REST_OF_QUOTED = /^(?:[^"\\]|\\.)*"?/s;
const REST_OF_WORD = /^(?:[^\s()[\]{}":\\]|\\.)*/s;
const OPERATORS = ['AND', 'OR', 'NOT'];
const EXISTS: Suggestion = { kind: 'field', label: '_exists_', insert: '_exists_' };

/** First what starts as typed, then what contains it; each in the order in which it is known. */
export function suggestAt(place: Place, known: Known): readonly Suggestion[] {
  return place.field === undefined ? namesAt(place, known.fields) : valuesAt(place, known.values);
}

function namesAt({ typed, afterExists, afterClause }: Place, fields: readonly string[]): readonly Suggestion[] {
  const names = [...new Set<string>([...fields, ...OWN_FIELDS, ...BARE_METADATA])].map((name): Suggestion => {
    return { kind: 'field', label: name, insert: printField(resolveField(name)) };
  });
  if (afterExists) return ranked(names, typed);
  const asked = [...names, EXISTS].map((found): Suggestion => ({ ...found, insert: `${found.insert}:` }));
  const operators = OPERATORS.filter((name) => afterClause || name === 'NOT').map(
    (name): Suggestion => ({ kind: 'operator', label: name, insert: `${name} ` }),
  );
  return [...operators.filter(({ label }) => typed !== '' && label.startsWith(typed)), ...ranked(asked, typed)];
}

/** A value that is typed out already is no help. */
function valuesAt({ typed, quoted }: Place, values: readonly string[]): readonly Suggestion[] {
  const found = values.map((value): Suggestion => ({ kind: 'value', label: value, insert: writeValue(value, quoted) }));
  const matching = ranked(found, typed);
  return matching.length === 1 && matching[0]?.label === typed ? [] : matching;
}

function ranked(found: readonly Suggestion[], typed: string): readonly Suggestion[] {
  const wanted = typed.toLowerCase();
  const starting = found.filter(({ label }) => label.toLowerCase().startsWith(wanted));
  const containing = found.filter(({ label }) => label.toLowerCase().indexOf(wanted) > 0);
  return [...starting, ...containing];
}

/** In quotes where they were opened already. */
function writeValue(value: string, quoted: boolean): string {
  const clause = valueClause({ root: 'payload', path: ['x'] }, value);
  return printQuery(quoted ? { ...clause, kind: 'phrase' } : clause).slice('x:'.length);
}

/** Undefined where nothing is completed: in a range, a regular expression, or a quoted text of no field. */
export function placeAt(text: string, position: number): Place | undefined {
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
  const quoted = word.startsWith('"');
  if (/^[[{/<>]/.test(word) || (quoted && (name === '' || QUOTED.test(word)))) return undefined;
  const rest = quoted ? REST_OF_QUOTED : REST_OF_WORD;
  const end = position + (rest.exec(text.slice(position))?.[0].length ?? 0);
  const skipped = quoted ? 1 : name === '' ? (/^[-+!]/.exec(word)?.[0].length ?? 0) : 0;
  const afterExists = name === '_exists_';
  const field = name === '' || afterExists ? undefined : fieldName(resolveField(name.replace(/\\(.)/gsu, '$1')));
  const start = quoted ? wordStart : wordStart + skipped;
  return { start, end, typed: word.slice(skipped), field, quoted, afterExists, afterClause };
}
