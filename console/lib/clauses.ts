/**
 * Edits a query by clicks: adds `app:web`, excludes it, or asks that a field exists. A clause that is there already is
 * left alone, and its opposite is replaced, so that clicking to and fro does not pile up text. What the person typed
 * is kept as typed; only clauses at the top level are looked at.
 */

import { messageOf, SpillwayError } from '../../src/lib/errors.ts';
import type { FieldRef, QueryNode, Span } from '../../src/query/ast.ts';
import { parseQuery } from '../../src/query/parse.ts';
import { printQuery } from '../../src/query/print.ts';

const NOWHERE: Span = { start: 0, end: 0 };

export function existsClause(field: FieldRef): QueryNode {
  return { kind: 'exists', field, span: NOWHERE };
}

/** `query` with the clause demanded, or with `NOT` before it where `exclude`. */
export function addClause(query: string, clause: QueryNode, exclude: boolean): string {
  const wanted: QueryNode = exclude ? { kind: 'not', child: clause, span: NOWHERE } : clause;
  const text = printQuery(wanted);
  const tree = readQuery(query);
  if (query.trim() === '' || tree?.kind === 'all') return text;
  if (tree === undefined) return `${query.trim()} ${text}`;
  const parts = tree.kind === 'and' ? tree.children : [tree];
  const opposite = printQuery(exclude ? clause : { kind: 'not', child: clause, span: NOWHERE });
  for (const part of parts) {
    const printed = printQuery(part);
    if (printed === text) return query;
    if (printed === opposite) return `${query.slice(0, part.span.start)}${text}${query.slice(part.span.end)}`.trim();
  }
  return tree.kind === 'or' ? `(${query.trim()}) ${text}` : `${query.trim()} ${text}`;
}

function readQuery(text: string): QueryNode | undefined {
  try {
    return parseQuery(text);
  } catch {
    return undefined;
  }
}

export interface QueryProblem {
  readonly message: string;
  readonly position: number;
  readonly end: number;
}

/** What is wrong with the text, and where; undefined when nothing is. */
export function checkQuery(text: string): QueryProblem | undefined {
  try {
    parseQuery(text);
    return undefined;
  } catch (error) {
    const details = error instanceof SpillwayError ? error.details : {};
    const { position, end } = details;
    return {
      message: messageOf(error),
      position: typeof position === 'number' ? position : 0,
      end: typeof end === 'number' ? end : text.length,
    };
  }
}

/** The texts that a query looks for in messages, to mark them: words and phrases that are not excluded. */
export function soughtTexts(query: string): readonly string[] {
  const tree = readQuery(query);
  return tree === undefined ? [] : [...new Set(collect(tree))];
}

function collect(node: QueryNode): readonly string[] {
  switch (node.kind) {
    case 'and':
    case 'or':
      return node.children.flatMap(collect);
    case 'term':
    case 'phrase':
      return node.field.root === 'own' && node.field.name === 'message' ? [node.value] : [];
    default:
      return [];
  }
}
