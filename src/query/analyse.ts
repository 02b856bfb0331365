/**
 * What a clause asks, worked out once for all targets (predicate, SQL, OpenSearch), so that they cannot understand a
 * query differently. Throws QUERY_UNSUPPORTED or QUERY_SYNTAX with the clause's place for what cannot be asked.
 */
import { LEVELS, type Level } from '../event/event.ts';
import type { Bound, FieldRef, LeafNode, Span, WildcardPart } from './ast.ts';
import { isOwn } from './fields.ts';
import {
  canMatchToken,
  type KeywordPattern,
  keywordPattern,
  keywordRegexp,
  type TokenPattern,
  tokenPatterns,
  tokenRegexp,
  tokenWildcard,
} from './pattern.ts';
import { syntaxProblem, unsupported } from './problems.ts';
import { tokenize } from './text.ts';
import { parseTime } from './time.ts';
import { booleanOf, numberOf } from './value.ts';

export interface NumberBound {
  readonly value: number;
  readonly inclusive: boolean;
}
export interface TextBound {
  readonly value: string;
  readonly inclusive: boolean;
}

/** A keyword as a whole: `re2` sources are to be anchored at both ends. */
export type TextPattern =
  | { readonly kind: 'prefix' | 'suffix' | 'contains'; readonly text: string }
  | ({ readonly kind: 're2' } & KeywordPattern);

/** What is asked of one string, number or boolean. */
export type ValueAsk =
  /** Any of these; a written value stands for its text, and for the number or boolean that it is written like. */
  | {
      readonly kind: 'equal';
      readonly texts: readonly string[];
      readonly numbers: readonly number[];
      readonly booleans: readonly boolean[];
    }
  | { readonly kind: 'numbers'; readonly from: NumberBound | undefined; readonly to: NumberBound | undefined }
  /** By code points. */
  | { readonly kind: 'texts'; readonly from: TextBound | undefined; readonly to: TextBound | undefined }
  | { readonly kind: 'pattern'; readonly pattern: TextPattern };

export type LeafAsk =
  | { readonly of: 'exists' }
  | { readonly of: 'value'; readonly ask: ValueAsk }
  /** Epoch milliseconds, [fromMs, toMs). */
  | { readonly of: 'time'; readonly fromMs: number | undefined; readonly toMs: number | undefined }
  | { readonly of: 'levels'; readonly levels: readonly Level[] }
  /** All of these tokens and patterns, anywhere in the message. */
  | { readonly of: 'tokens'; readonly tokens: readonly string[]; readonly patterns: readonly TokenPattern[] }
  | { readonly of: 'anyToken'; readonly tokens: readonly string[] }
  /** These tokens (two or more), one after the other. */
  | { readonly of: 'phrase'; readonly tokens: readonly string[] };

export function analyse(node: LeafNode, nowMs: number): LeafAsk {
  refuseUnsearchable(node.field, node.span);
  if (node.kind === 'exists') return { of: 'exists' };
  if (isOwn(node.field, 'message')) return analyseMessage(node);
  if (isOwn(node.field, 'timestamp') || isOwn(node.field, 'received')) return analyseTime(node, nowMs);
  if (isOwn(node.field, 'level') && node.kind === 'range') return analyseLevels(node);
  return { of: 'value', ask: analyseValue(node) };
}

type Valued = Exclude<LeafNode, { kind: 'exists' }>;
type Range = Extract<LeafNode, { kind: 'range' }>;

/** Keys that the embedded engine would take for its own notation of types and sub-objects. */
function refuseUnsearchable(field: FieldRef, span: Span): void {
  if (field.root === 'own' || !field.path.some((key) => key.startsWith(':`') || key.startsWith('^`'))) return;
  throw unsupported(span, 'A field name with a part that starts with :` or ^` cannot be searched', 'Rename the field.');
}

function analyseValue(node: Valued): ValueAsk {
  switch (node.kind) {
    case 'term':
    case 'phrase':
      return {
        kind: 'equal',
        texts: [node.value],
        numbers: listOf(numberOf(node.value)),
        booleans: listOf(booleanOf(node.value)),
      };
    case 'wildcard':
      return { kind: 'pattern', pattern: textPattern(node.pattern) };
    case 'regexp':
      return { kind: 'pattern', pattern: { kind: 're2', ...keywordRegexp(node.source, sourceOffset(node)) } };
    case 'range':
      return analyseRange(node.from, node.to);
  }
}

function listOf<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}

/** Over numbers where every written bound is one, else over strings. */
function analyseRange(from: Bound, to: Bound): ValueAsk {
  const [fromNumber, toNumber] = [from, to].map(({ value }) => (value === undefined ? undefined : numberOf(value)));
  const numeric =
    (from.value === undefined || fromNumber !== undefined) && (to.value === undefined || toNumber !== undefined);
  if (numeric) {
    return {
      kind: 'numbers',
      from: fromNumber === undefined ? undefined : { value: fromNumber, inclusive: from.inclusive },
      to: toNumber === undefined ? undefined : { value: toNumber, inclusive: to.inclusive },
    };
  }
  return {
    kind: 'texts',
    from: from.value === undefined ? undefined : { value: from.value, inclusive: from.inclusive },
    to: to.value === undefined ? undefined : { value: to.value, inclusive: to.inclusive },
  };
}

function textPattern(pattern: readonly WildcardPart[]): TextPattern {
  const [a, b, c] = pattern;
  if (pattern.length === 2 && a?.kind === 'text' && b?.kind === 'any') return { kind: 'prefix', text: a.text };
  if (pattern.length === 2 && a?.kind === 'any' && b?.kind === 'text') return { kind: 'suffix', text: b.text };
  if (pattern.length === 3 && a?.kind === 'any' && b?.kind === 'text' && c?.kind === 'any') {
    return { kind: 'contains', text: b.text };
  }
  return { kind: 're2', ...keywordPattern(pattern) };
}

function analyseMessage(node: Valued): LeafAsk {
  switch (node.kind) {
    case 'term':
    case 'phrase': {
      const tokens = tokenize(node.value);
      if (tokens.length === 0) throw noWord(node.span);
      if (node.kind === 'phrase' && tokens.length > 1) return { of: 'phrase', tokens };
      return { of: 'tokens', tokens: [...new Set(tokens)], patterns: [] };
    }
    case 'wildcard':
      return analyseTokenPatterns(node.pattern);
    case 'regexp':
      if (!canMatchToken(node.source, sourceOffset(node))) {
        throw unsupported(
          node.span,
          'This regular expression can never match: in message it is compared with one word at a time',
          'Leave out spaces and punctuation, or use a "phrase".',
        );
      }
      return { of: 'tokens', tokens: [], patterns: [tokenRegexp(node.source, sourceOffset(node))] };
    case 'range':
      throw unsupported(node.span, 'A range over message is not supported', 'It is text: search for words in it.');
  }
}

function analyseTokenPatterns(pattern: readonly WildcardPart[]): LeafAsk {
  const tokens = new Set<string>();
  const patterns: TokenPattern[] = [];
  for (const piece of tokenPatterns(pattern)) {
    const [first] = piece;
    if (first?.kind === 'text' && piece.length === 1) tokens.add(first.text);
    else patterns.push(tokenWildcard(piece));
  }
  return { of: 'tokens', tokens: [...tokens], patterns };
}

function analyseTime(node: Valued, nowMs: number): LeafAsk {
  if (node.kind === 'term' || node.kind === 'phrase') {
    const { startMs, endMs } = timeOf(node.value, node.span, nowMs);
    return { of: 'time', fromMs: startMs, toMs: endMs };
  }
  if (node.kind !== 'range') {
    throw unsupported(
      node.span,
      'Patterns over times are not supported',
      'Write a range, such as timestamp:[now-1h TO now].',
    );
  }
  const from = node.from.value === undefined ? undefined : timeOf(node.from.value, node.span, nowMs);
  const to = node.to.value === undefined ? undefined : timeOf(node.to.value, node.span, nowMs);
  return {
    of: 'time',
    fromMs: node.from.inclusive ? from?.startMs : from?.endMs,
    toMs: node.to.inclusive ? to?.endMs : to?.startMs,
  };
}

function timeOf(text: string, span: Span, nowMs: number): { readonly startMs: number; readonly endMs: number } {
  const time = parseTime(text, nowMs);
  if (time !== undefined) return time;
  throw syntaxProblem(span, 'This is no time', 'ISO 8601 (2026-11-23T12:00:00Z), epoch milliseconds or now-15m');
}

/** Levels have an order of their own: `level:>=warn` is warn, error and fatal. */
function analyseLevels(node: Range): LeafAsk {
  const rank = (value: string): number => {
    const found = (LEVELS as readonly string[]).indexOf(value);
    if (found < 0) throw syntaxProblem(node.span, 'A range of levels', `one of ${LEVELS.join(', ')}`);
    return found;
  };
  const from = node.from.value === undefined ? 0 : rank(node.from.value) + (node.from.inclusive ? 0 : 1);
  const to = node.to.value === undefined ? LEVELS.length : rank(node.to.value) + (node.to.inclusive ? 1 : 0);
  return { of: 'levels', levels: LEVELS.slice(from, Math.max(from, to)) };
}

function noWord(span: Span): Error {
  return unsupported(
    span,
    'There is no word in this text',
    'In message letters and digits are searched; spaces and punctuation only separate words.',
  );
}

/** Where the source of a regular expression starts in the query: before it stands a slash, and one after it. */
function sourceOffset(node: Extract<LeafNode, { kind: 'regexp' }>): number {
  return Math.max(0, node.span.end - 1 - node.source.length);
}
