/**
 * What a clause must hold beyond its syntax, checked when it is parsed, so that the error has its place; and again by
 * every target, since a tree may come from elsewhere than from text.
 */
import { QUERY_LIMITS } from '../lib/limits.ts';
import type { FieldRef, LeafNode, QueryNode } from './ast.ts';
import { tooLarge, unsupported } from './problems.ts';
import { tokenize } from './text.ts';

export function checkNode(node: QueryNode): void {
  if ('field' in node && isOwn(node.field, 'message')) checkMessage(node);
}

function isOwn(field: FieldRef, name: string): boolean {
  return field.root === 'own' && field.name === name;
}

function checkMessage(node: LeafNode): void {
  if (node.kind === 'range') {
    throw unsupported(node.span, 'A range over message is not supported', 'It is text: search for words in it.');
  }
  if ((node.kind === 'term' || node.kind === 'phrase') && tokenize(node.value).length === 0) {
    throw unsupported(
      node.span,
      'There is no word in this text',
      'In message only letters and digits are searched; spaces and punctuation separate words.',
    );
  }
  if (node.kind === 'regexp' && node.source.length > QUERY_LIMITS.regexpChars) {
    throw tooLarge(node.span, 'characters in a regular expression', QUERY_LIMITS.regexpChars);
  }
}
