/**
 * Query tree to a condition of the embedded engine, over the columns of schema.ts. Values are bound, never pasted. The
 * condition may be NULL where a field is absent: in WHERE, countIf and the like that means no.
 */
import { SpillwayError } from '../../lib/errors.ts';
import { analyse, type LeafAsk } from '../../query/analyse.ts';
import type { LeafNode, OwnField, QueryNode } from '../../query/ast.ts';
import { messageCondition } from './compile-message.ts';
import { pathCondition, pathExists, type TypesAt } from './compile-path.ts';
import { valueSql } from './compile-value.ts';
import { PRINTED_ID } from './fields.ts';
import { type Binder, OWN_COLUMNS } from './schema.ts';
import { isId } from './where.ts';

export interface CompileOptions {
  /** What `now` means, epoch ms; the time of the call otherwise. */
  readonly nowMs?: number;
  /** What is known of the paths of `metadata` and `payload`: columns of types that do not occur are not read. */
  readonly typesAt?: TypesAt;
}

interface Context {
  readonly binder: Binder;
  readonly nowMs: number;
  readonly typesAt: TypesAt;
}

export function compileToSql(query: QueryNode, binder: Binder, options: CompileOptions = {}): string {
  const { nowMs = Date.now(), typesAt = () => undefined } = options;
  return compile(query, { binder, nowMs, typesAt });
}

function compile(node: QueryNode, context: Context): string {
  switch (node.kind) {
    case 'all':
      return 'true';
    case 'and':
      return node.children.map((child) => `(${compile(child, context)})`).join(' AND ');
    case 'or':
      return node.children.map((child) => `(${compile(child, context)})`).join(' OR ');
    case 'not':
      return `NOT ifNull(${compile(node.child, context)}, 0)`;
    default:
      return compileLeaf(node, analyse(node, context.nowMs), context);
  }
}

function compileLeaf({ field }: LeafNode, ask: LeafAsk, { binder, typesAt }: Context): string {
  switch (ask.of) {
    case 'tokens':
    case 'phrase':
      return messageCondition(ask, binder);
    case 'levels':
      return ask.levels.length === 0 ? 'false' : `level IN ${binder.bind('Array(String)', ask.levels)}`;
    case 'time':
      return timeCondition(field.root === 'own' && field.name === 'received' ? 'received' : 'timestamp', ask, binder);
    case 'exists':
      return field.root === 'own' ? ownExists(field.name) : pathExists(field, binder, typesAt);
    case 'value':
      if (field.root === 'own') return ownCondition(field.name, ask, binder);
      return pathCondition(field, valueSql(ask.ask, binder), binder, typesAt);
  }
}

function timeCondition(column: string, ask: Extract<LeafAsk, { of: 'time' }>, binder: Binder): string {
  const sides: string[] = [];
  if (ask.fromMs !== undefined) sides.push(`${column} >= ${binder.bind('Int64', ask.fromMs)}`);
  if (ask.toMs !== undefined) sides.push(`${column} < ${binder.bind('Int64', ask.toMs)}`);
  return sides.length === 0 ? 'true' : sides.join(' AND ');
}

function ownExists(name: OwnField): string {
  if (name === 'message') return 'messageless = 0';
  if (name === 'level') return "level != ''";
  return name === 'tags' ? 'notEmpty(tags)' : 'true';
}

function ownCondition(name: OwnField, { ask }: Extract<LeafAsk, { of: 'value' }>, binder: Binder): string {
  const condition = valueSql(ask, binder).string;
  if (condition === undefined) return 'false';
  switch (name) {
    case 'id':
      return ask.kind === 'equal' ? (isId(ask.text, binder) ?? 'false') : condition(PRINTED_ID);
    case 'tags':
      return `arrayExists(t -> ${condition('t')}, tags)`;
    case 'level':
      return `level != '' AND ${condition('level')}`;
    case 'type':
    case 'source':
    case 'tenant':
      return condition(OWN_COLUMNS[name]);
    case 'message':
    case 'timestamp':
    case 'received':
      throw new SpillwayError('INTERNAL', `The field ${name} was taken for a keyword.`);
  }
}
