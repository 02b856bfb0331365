/**
 * Query tree to OpenSearch's query language, over the fields of mapping.ts. It makes an object: values are members of
 * it and never pasted into a text, but in patterns, where each character is escaped.
 */
import { type Asked, analyseOr } from '../../query/alternatives.ts';
import { analyse, type LeafAsk } from '../../query/analyse.ts';
import type { FieldRef, QueryNode } from '../../query/ast.ts';
import { messageCondition } from './compile-message.ts';
import { valueCondition } from './compile-value.ts';
import { ALL, allOf, anyOf, anyTerm, type CompileContext, type Condition, not } from './conditions.ts';
import { FIELD } from './mapping.ts';
import { fieldKey, ownKey, presentTerms, stringTerm } from './names.ts';

export interface CompileOptions {
  /** What `now` means, epoch ms; the time of the call otherwise. */
  readonly nowMs?: number;
}

export interface Compiled {
  readonly condition: Condition;
  /** Terms of `f`: where an event has one, the condition cannot tell whether it matches. */
  readonly undecided: readonly string[];
}

export function compileToOpenSearch(query: QueryNode, options: CompileOptions = {}): Compiled {
  const { nowMs = Date.now() } = options;
  const undecided = new Set<string>();
  const condition = compile(query, { nowMs, undecided });
  return { condition, undecided: [...undecided] };
}

function compile(node: QueryNode, context: CompileContext): Condition {
  switch (node.kind) {
    case 'all':
      return ALL;
    case 'and':
      return allOf(node.children.map((child) => compile(child, context)));
    case 'or': {
      const { asked, others } = analyseOr(node.children, context.nowMs);
      const sides = [
        ...asked.map((one) => compileLeaf(one, context)),
        ...others.map((child) => compile(child, context)),
      ];
      return anyOf(sides);
    }
    case 'not':
      return not(compile(node.child, context));
    default:
      return compileLeaf({ field: node.field, ask: analyse(node, context.nowMs) }, context);
  }
}

function compileLeaf({ field, ask }: Asked, context: CompileContext): Condition {
  switch (ask.of) {
    case 'tokens':
    case 'anyToken':
    case 'phrase':
      return messageCondition(ask, context);
    case 'levels':
      return anyTerm(ask.levels.map((level) => stringTerm(ownKey('level'), level)));
    case 'time':
      return timeCondition(field.root === 'own' && field.name === 'received' ? FIELD.received : FIELD.timestamp, ask);
    case 'exists':
      return exists(field);
    case 'value':
      return valueCondition(field, ask.ask, context);
  }
}

function timeCondition(field: string, ask: Extract<LeafAsk, { of: 'time' }>): Condition {
  const range = {
    ...(ask.fromMs === undefined ? {} : { gte: ask.fromMs }),
    ...(ask.toMs === undefined ? {} : { lt: ask.toMs }),
  };
  return Object.keys(range).length === 0 ? ALL : { range: { [field]: range } };
}

const SOMETIMES = new Set<string>(['level', 'message', 'tags']);

function exists(field: FieldRef): Condition {
  if (field.root === 'own' && !SOMETIMES.has(field.name)) return ALL;
  return { terms: { [FIELD.fields]: presentTerms(fieldKey(field)) } };
}
