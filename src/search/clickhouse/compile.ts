/**
 * Query tree to a condition of the embedded engine, over the columns of schema.ts. Values are bound, never pasted. The
 * condition may be NULL where a field is absent: in WHERE, countIf and the like that means no.
 */
import { SpillwayError } from '../../lib/errors.ts';
import { QUERY_LIMITS } from '../../lib/limits.ts';
import { type Asked, analyseOr } from '../../query/alternatives.ts';
import { analyse, type LeafAsk, type ValueAsk } from '../../query/analyse.ts';
import type { OwnField, QueryNode } from '../../query/ast.ts';
import { tooLarge } from '../../query/problems.ts';
import { messageCondition } from './compile-message.ts';
import { type PathContext, pathCondition, pathExists, type TypesAt } from './compile-path.ts';
import { valueTests } from './compile-value.ts';
import { PRINTED_ID } from './fields.ts';
import { type Binder, OWN_COLUMNS } from './schema.ts';
import { isId } from './where.ts';

export interface CompileOptions {
  /** What `now` means, epoch ms; the time of the call otherwise. */
  readonly nowMs?: number;
  /** What is known of the paths of `metadata` and `payload`: columns of types that do not occur are not read. */
  readonly typesAt?: TypesAt;
}

interface Context extends PathContext {
  readonly nowMs: number;
}

export function compileToSql(query: QueryNode, binder: Binder, options: CompileOptions = {}): string {
  const { nowMs = Date.now(), typesAt = () => undefined } = options;
  let columns = 0;
  const onColumn = (): void => {
    if (++columns > QUERY_LIMITS.columns) throw tooLarge(query.span, 'columns to read', QUERY_LIMITS.columns);
  };
  return compile(query, { binder, nowMs, typesAt, onColumn });
}

function compile(node: QueryNode, context: Context): string {
  switch (node.kind) {
    case 'all':
      return 'true';
    case 'and':
      return node.children.map((child) => `(${compile(child, context)})`).join(' AND ');
    case 'or': {
      const { asked, others } = analyseOr(node.children, context.nowMs);
      const sides = [
        ...asked.map((one) => compileLeaf(one, context)),
        ...others.map((child) => compile(child, context)),
      ];
      return sides.map((side) => `(${side})`).join(' OR ');
    }
    case 'not': {
      const child = compile(node.child, context);
      return mayBeNull(node.child) ? `NOT ifNull(${child}, 0)` : `NOT (${child})`;
    }
    default:
      return compileLeaf({ field: node.field, ask: analyse(node, context.nowMs) }, context);
  }
}

/** Only what is read of a path can be absent. */
function mayBeNull(node: QueryNode): boolean {
  if (node.kind === 'and' || node.kind === 'or') return node.children.some(mayBeNull);
  return 'field' in node && node.field.root !== 'own';
}

function compileLeaf({ field, ask }: Asked, context: Context): string {
  const { binder } = context;
  switch (ask.of) {
    case 'tokens':
    case 'anyToken':
    case 'phrase':
      return messageCondition(ask, binder);
    case 'levels':
      return ask.levels.length === 0 ? 'false' : `level IN ${binder.bind('Array(String)', ask.levels)}`;
    case 'time':
      return timeCondition(field.root === 'own' && field.name === 'received' ? 'received' : 'timestamp', ask, binder);
    case 'exists':
      return field.root === 'own' ? ownExists(field.name) : pathExists(field, context);
    case 'value':
      if (field.root === 'own') return ownCondition(field.name, ask.ask, binder);
      return pathCondition(field, valueTests(ask.ask, binder), context);
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

function ownCondition(name: OwnField, ask: ValueAsk, binder: Binder): string {
  if (name === 'id' && ask.kind === 'equal') return idCondition(ask.texts, binder);
  const test = valueTests(ask, binder).string;
  if (test === undefined) return 'false';
  switch (name) {
    case 'id':
      return test.one(PRINTED_ID, 0);
    case 'tags':
      return test.some('tags', 0);
    case 'level':
      return `level != '' AND ${test.one('level', 0)}`;
    case 'type':
    case 'source':
    case 'tenant':
      return test.one(OWN_COLUMNS[name], 0);
    case 'message':
    case 'timestamp':
    case 'received':
      throw new SpillwayError('INTERNAL', `The field ${name} was taken for a keyword.`);
  }
}

function idCondition(ids: readonly string[], binder: Binder): string {
  const conditions = ids.flatMap((id) => isId(id, binder) ?? []);
  return conditions.length === 0 ? 'false' : conditions.map((condition) => `(${condition})`).join(' OR ');
}
