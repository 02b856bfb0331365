/**
 * The clauses of an OR, with those that ask the same field for a value (`status:(500 OR 503)`) made into one: an engine
 * reads each column once, and a long list of ids stays cheap.
 */
import { analyse, type LeafAsk } from './analyse.ts';
import type { FieldRef, QueryNode } from './ast.ts';
import { fieldName } from './fields.ts';

export interface Asked {
  readonly field: FieldRef;
  readonly ask: LeafAsk;
}

export interface Alternatives {
  readonly asked: readonly Asked[];
  /** Children with children of their own. */
  readonly others: readonly QueryNode[];
}

export function analyseOr(children: readonly QueryNode[], nowMs: number): Alternatives {
  const asked = new Map<string, Asked>();
  const others: QueryNode[] = [];
  for (const [i, child] of children.entries()) {
    if (!('field' in child)) {
      others.push(child);
      continue;
    }
    const { field } = child;
    const ask = mergeable(analyse(child, nowMs));
    const key = ask.of === 'value' || ask.of === 'anyToken' ? `${ask.of} ${fieldName(field)}` : `${i}`;
    const before = asked.get(key);
    const merged = before === undefined ? undefined : merge(before.ask, ask);
    if (merged !== undefined) asked.set(key, { field, ask: merged });
    else asked.set(before === undefined ? key : `${i}`, { field, ask });
  }
  return { asked: [...asked.values()], others };
}

/** One token is one of one. */
function mergeable(ask: LeafAsk): LeafAsk {
  if (ask.of !== 'tokens' || ask.tokens.length !== 1 || ask.patterns.length > 0) return ask;
  return { of: 'anyToken', tokens: ask.tokens };
}

function merge(a: LeafAsk, b: LeafAsk): LeafAsk | undefined {
  if (a.of === 'anyToken' && b.of === 'anyToken') return { of: 'anyToken', tokens: union(a.tokens, b.tokens) };
  if (a.of !== 'value' || b.of !== 'value' || a.ask.kind !== 'equal' || b.ask.kind !== 'equal') return undefined;
  return {
    of: 'value',
    ask: {
      kind: 'equal',
      texts: union(a.ask.texts, b.ask.texts),
      numbers: union(a.ask.numbers, b.ask.numbers),
      booleans: union(a.ask.booleans, b.ask.booleans),
    },
  };
}

function union<T>(a: readonly T[], b: readonly T[]): readonly T[] {
  return [...new Set([...a, ...b])];
}
