/**
 * Tree to query text: `parseQuery(printQuery(tree))` is the same tree but for its spans. Operators are written out and
 * mixed ones get parentheses, so that the text means the same to Kibana, whose default operator is another.
 */
import type { Bound, FieldRef, LeafNode, QueryNode, WildcardPart } from './ast.ts';
import { fieldName } from './fields.ts';

export function printQuery(node: QueryNode): string {
  switch (node.kind) {
    case 'all':
      return '*';
    case 'and':
    case 'or':
      return node.children.map(printOperand).join(node.kind === 'and' ? ' AND ' : ' OR ');
    case 'not':
      return `NOT ${printOperand(node.child)}`;
    default:
      return printLeaf(node);
  }
}

function printOperand(node: QueryNode): string {
  return node.kind === 'and' || node.kind === 'or' ? `(${printQuery(node)})` : printQuery(node);
}

function printLeaf(node: LeafNode): string {
  const prefix = printPrefix(node.field);
  switch (node.kind) {
    case 'term':
      return prefix + (node.value === '' ? quote('') : escapeWord(node.value));
    case 'phrase':
      return prefix + quote(node.value);
    case 'wildcard':
      return prefix + printPattern(node.pattern);
    case 'regexp':
      return `${prefix}/${node.source}/`;
    case 'range':
      return `${printField(node.field)}:${printRange(node.from, node.to)}`;
    case 'exists':
      return `_exists_:${printField(node.field)}`;
  }
}

function printPrefix(field: FieldRef): string {
  return field.root === 'own' && field.name === 'message' ? '' : `${printField(field)}:`;
}

/** The field's name as it is written before a colon. */
export function printField(field: FieldRef): string {
  return escapeWord(fieldName(field));
}

function printPattern(pattern: readonly WildcardPart[]): string {
  const texts = { any: '*', one: '?' };
  return pattern
    .map((part, i) => {
      if (part.kind !== 'text') return texts[part.kind];
      return i === 0 ? escapeWord(part.text) : escapeInner(part.text);
    })
    .join('');
}

function printRange(from: Bound, to: Bound): string {
  if (to.value === undefined && from.value !== undefined) return `>${from.inclusive ? '=' : ''}${printBound(from)}`;
  if (from.value === undefined && to.value !== undefined) return `<${to.inclusive ? '=' : ''}${printBound(to)}`;
  return `${from.inclusive ? '[' : '{'}${printBound(from)} TO ${printBound(to)}${to.inclusive ? ']' : '}'}`;
}

function printBound(bound: Bound): string {
  if (bound.value === undefined) return '*';
  return /^[A-Za-z0-9_.:+-]+$/.test(bound.value) ? bound.value : quote(bound.value);
}

function quote(text: string): string {
  return `"${escapeControls(text.replace(/["\\]/g, '\\$&'))}"`;
}

/** A text as one word, wherever a clause, a value or a field name may stand. */
function escapeWord(text: string): string {
  const escaped = escapeInner(text);
  if (/^(?:[-+!/<>]|(?:AND|OR|NOT)$)/.test(text)) return `\\${escaped}`;
  return escaped;
}

function escapeInner(text: string): string {
  return escapeControls(text.replace(/[\\()[\]{}":^~*? \u3000]|&(?=&)|\|(?=\|)/g, '\\$&'));
}

/** Line ends and other control characters as \u escapes, so that a query stays on one line. */
function escapeControls(text: string): string {
  return text.replace(/[\0-\x1f\x7f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
