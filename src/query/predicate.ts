/**
 * Query tree to a function over one event in memory: live tail, alerts, staging. The same answers as the search engines
 * give; patterns run on re2js, so that no expression takes more than linear time.
 */
import { RE2JS } from 're2js';
import type { JsonObject, JsonValue, StoredEvent } from '../event/event.ts';
import { QUERY_LIMITS } from '../lib/limits.ts';
import { type Asked, analyseOr } from './alternatives.ts';
import { analyse, type TextPattern, type ValueAsk } from './analyse.ts';
import type { FieldRef, QueryNode } from './ast.ts';
import { MessageView, messageTest } from './message-test.ts';
import { compareText } from './value.ts';

export type Predicate = (event: StoredEvent) => boolean;

export interface PredicateOptions {
  /** What `now` means, epoch ms; the time of the call otherwise. */
  readonly nowMs?: number;
}

type Test = (event: StoredEvent, view: MessageView) => boolean;

export function compilePredicate(query: QueryNode, options: PredicateOptions = {}): Predicate {
  const test = compile(query, options.nowMs ?? Date.now());
  return (event) => test(event, new MessageView(event.message));
}

function compile(node: QueryNode, nowMs: number): Test {
  switch (node.kind) {
    case 'all':
      return () => true;
    case 'and': {
      const tests = node.children.map((child) => compile(child, nowMs));
      return (event, view) => tests.every((test) => test(event, view));
    }
    case 'or': {
      const { asked, others } = analyseOr(node.children, nowMs);
      const tests = [...asked.map(compileLeaf), ...others.map((child) => compile(child, nowMs))];
      return (event, view) => tests.some((test) => test(event, view));
    }
    case 'not': {
      const test = compile(node.child, nowMs);
      return (event, view) => !test(event, view);
    }
    default:
      return compileLeaf({ field: node.field, ask: analyse(node, nowMs) });
  }
}

function compileLeaf({ field, ask }: Asked): Test {
  switch (ask.of) {
    case 'exists':
      return (event) => exists(event, field);
    case 'time': {
      const { fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY } = ask;
      const name = field.root === 'own' && field.name === 'received' ? 'received' : 'timestamp';
      return (event) => event[name] >= fromMs && event[name] < toMs;
    }
    case 'levels':
      return (event) => event.level !== undefined && ask.levels.includes(event.level);
    case 'tokens':
    case 'anyToken':
    case 'phrase': {
      const test = messageTest(ask);
      return (_, view) => test(view);
    }
    case 'value': {
      const test = valueTest(ask.ask);
      return (event) => someValue(event, field, test);
    }
  }
}

/** Any string, number or boolean at the field; arrays are looked into, on the way and at its end. */
function someValue(event: StoredEvent, field: FieldRef, test: (value: JsonValue) => boolean): boolean {
  if (field.root === 'own') {
    const value = event[field.name];
    if (value === undefined) return false;
    return typeof value === 'object' ? value.some(test) : test(value);
  }
  return someAt(event[field.root], field.path, 0, 0, (value) =>
    Array.isArray(value) ? value.some(test) : test(value),
  );
}

/** Whether a value at the path passes. At most QUERY_LIMITS.arraysOnPath arrays of objects are entered on the way. */
function someAt(
  from: JsonValue,
  path: readonly string[],
  depth: number,
  arrays: number,
  test: (value: JsonValue) => boolean,
): boolean {
  let value = from;
  for (let at = depth; at < path.length; at++) {
    if (Array.isArray(value)) {
      if (arrays >= QUERY_LIMITS.arraysOnPath) return false;
      return value.some((element) => !Array.isArray(element) && someAt(element, path, at, arrays + 1, test));
    }
    const member = memberOf(value, path[at] ?? '');
    if (member === undefined) return false;
    value = member;
  }
  return test(value);
}

function memberOf(value: JsonValue, key: string): JsonValue | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
    return undefined;
  return value[key];
}

function exists(event: StoredEvent, field: FieldRef): boolean {
  if (field.root === 'own') {
    const value = event[field.name];
    return value !== undefined && (typeof value !== 'object' || value.length > 0);
  }
  return someAt(event[field.root], field.path, 0, 0, hasContent);
}

/** False for what a store does not keep: null, and arrays and objects of nothing. */
function hasContent(value: JsonValue): boolean {
  if (value === null) return false;
  if (Array.isArray(value)) return value.some(hasContent);
  if (typeof value === 'object') return Object.values<JsonValue>(value satisfies JsonObject).some(hasContent);
  return true;
}

function valueTest(ask: ValueAsk): (value: JsonValue) => boolean {
  switch (ask.kind) {
    case 'equal': {
      const wanted = new Set<JsonValue>([...ask.texts, ...ask.numbers, ...ask.booleans]);
      return (value) => wanted.has(value);
    }
    case 'numbers': {
      const { from, to } = ask;
      return (value) =>
        typeof value === 'number' &&
        (from === undefined || (from.inclusive ? value >= from.value : value > from.value)) &&
        (to === undefined || (to.inclusive ? value <= to.value : value < to.value));
    }
    case 'texts': {
      const { from, to } = ask;
      const above = from === undefined ? () => true : textBound(from.value, from.inclusive, 1);
      const below = to === undefined ? () => true : textBound(to.value, to.inclusive, -1);
      return (value) => typeof value === 'string' && above(value) && below(value);
    }
    case 'pattern': {
      const test = textPatternTest(ask.pattern);
      return (value) => typeof value === 'string' && test(value);
    }
  }
}

function textBound(bound: string, inclusive: boolean, side: 1 | -1): (value: string) => boolean {
  return (value) => {
    const order = compareText(value, bound) * side;
    return order > 0 || (inclusive && order === 0);
  };
}

function textPatternTest(pattern: TextPattern): (value: string) => boolean {
  switch (pattern.kind) {
    case 'prefix':
      return (value) => value.startsWith(pattern.text);
    case 'suffix':
      return (value) => value.endsWith(pattern.text);
    case 'contains':
      return (value) => value.includes(pattern.text);
    case 're2': {
      const compiled = RE2JS.compile(pattern.source);
      return (value) => compiled.testExact(value);
    }
  }
}
