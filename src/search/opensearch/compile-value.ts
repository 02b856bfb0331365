/** What is asked of one value, as spans of the terms of its field. */
import type { NumberBound, TextPattern, ValueAsk } from '../../query/analyse.ts';
import type { FieldRef } from '../../query/ast.ts';
import { anyOf, anyTerm, type CompileContext, type Condition, NOTHING, regexp } from './conditions.ts';
import { escapeLiteral, luceneRegexp } from './lucene-regexp.ts';
import { FIELD } from './mapping.ts';
import {
  booleanTerm,
  fieldKey,
  fieldTerm,
  MARK,
  numberTerm,
  sortedEnd,
  sortedStart,
  sortedTerm,
  stringPrefix,
  stringsEnd,
  stringTerm,
  valueField,
  valueName,
} from './names.ts';

export function valueCondition(field: FieldRef, ask: ValueAsk, context: CompileContext): Condition {
  const key = fieldKey(field);
  switch (ask.kind) {
    case 'equal':
      return anyTerm([
        ...ask.texts.map((text) => stringTerm(key, text)),
        ...ask.numbers.map((value) => numberTerm(key, value)),
        ...ask.booleans.map((value) => booleanTerm(key, value)),
      ]);
    case 'numbers':
      return field.root === 'own' ? NOTHING : numberRange(key, ask.from, ask.to);
    case 'texts': {
      const from =
        ask.from === undefined ? { gte: stringPrefix(key) } : above(stringTerm(key, ask.from.value), ask.from);
      const to = ask.to === undefined ? { lt: stringsEnd(key) } : below(stringTerm(key, ask.to.value), ask.to);
      return { range: { [FIELD.terms]: { ...from, ...to } } };
    }
    case 'pattern':
      return patternCondition(key, ask.pattern, context);
  }
}

const above = (value: string | number, { inclusive }: { readonly inclusive: boolean }) =>
  inclusive ? { gte: value } : { gt: value };
const below = (value: string | number, { inclusive }: { readonly inclusive: boolean }) =>
  inclusive ? { lte: value } : { lt: value };

/** A number has a typed field, or else a term that sorts like it. */
function numberRange(key: string, from: NumberBound | undefined, to: NumberBound | undefined): Condition {
  const name = valueName(key);
  const range = { ...(from && above(from.value, from)), ...(to && below(to.value, to)) };
  const typed = name === undefined ? [] : [valueField('number', name), valueField('numbers', name)];
  const lowest = from === undefined ? { gte: sortedStart(key) } : above(sortedTerm(key, from.value), from);
  const highest = to === undefined ? { lt: sortedEnd(key) } : below(sortedTerm(key, to.value), to);
  return anyOf([
    ...typed.map((column) => ({ range: { [column]: range } })),
    { range: { [FIELD.terms]: { ...lowest, ...highest } } },
  ]);
}

function patternCondition(key: string, pattern: TextPattern, { undecided }: CompileContext): Condition {
  if (pattern.kind === 'prefix') return { prefix: { [FIELD.terms]: { value: stringPrefix(key) + pattern.text } } };
  // The end of a text that is cut is not known.
  undecided.add(fieldTerm(key, MARK.cut));
  const prefix = stringPrefix(key);
  switch (pattern.kind) {
    case 'suffix':
      return wildcard(`${escapeWildcard(prefix)}*${escapeWildcard(pattern.text)}`);
    case 'contains':
      return wildcard(`${escapeWildcard(prefix)}*${escapeWildcard(pattern.text)}*`);
    case 're2': {
      const source = luceneRegexp(pattern.node);
      return source === undefined ? NOTHING : regexp(FIELD.terms, `${escapeLiteral(prefix)}(${source})`);
    }
  }
}

function wildcard(value: string): Condition {
  return { wildcard: { [FIELD.terms]: { value } } };
}

function escapeWildcard(text: string): string {
  return text.replace(/[\\*?]/g, '\\$&');
}
