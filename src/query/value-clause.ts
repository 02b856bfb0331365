/** The clause that asks for one value of a field, as a person would write it: a word where that reads well, else quoted. */
import type { FieldRef, LeafNode, Span } from './ast.ts';

export type Scalar = string | number | boolean;
export type ValueClause = Extract<LeafNode, { readonly kind: 'term' | 'phrase' }>;

const NOWHERE: Span = { start: 0, end: 0 };
const WORD = /^\w[\w.@/-]*$/;

export function valueClause(field: FieldRef, value: Scalar): ValueClause {
  const text = String(value);
  const asWord = field.root !== 'own' || field.name !== 'message' ? WORD.test(text) : /^\w+$/.test(text);
  return { kind: asWord ? 'term' : 'phrase', field, value: text, span: NOWHERE };
}
