/**
 * Wildcards and regular expressions as RE2 sources, for the predicate (re2js) and the search engines alike: one source,
 * so that they cannot differ. On `message` a pattern is lower-cased and matches one token; on keywords the whole value.
 */
import { QUERY_LIMITS } from '../lib/limits.ts';
import type { WildcardPart } from './ast.ts';
import {
  ANY_CHAR,
  type CharSet,
  type CodeRange,
  charSet,
  complement,
  intersection,
  LAST_CODE_POINT,
  TOKEN_CHARS,
} from './charset.ts';
import { tooLarge } from './problems.ts';
import { parseRegexp, type RegexpNode, sizeOf } from './regexp.ts';
import { isTokenChar, lowerCase } from './text.ts';

const ANY_REPEATED: RegexpNode = { kind: 'repeat', child: { kind: 'set', set: ANY_CHAR }, min: 0, max: undefined };
const NOTHING: RegexpNode = { kind: 'set', set: [] };
const SEPARATOR = re2Class(complement(TOKEN_CHARS));

/** What the whole of a keyword must match (without anchors): for RE2, and as a tree for engines that speak otherwise. */
export interface KeywordPattern {
  readonly source: string;
  readonly node: RegexpNode;
}

export function keywordPattern(pattern: readonly WildcardPart[]): KeywordPattern {
  const node = wildcardNode(pattern);
  return { source: re2Source(node), node };
}

/** `offset` is where the source starts in the query's text. */
export function keywordRegexp(source: string, offset: number): KeywordPattern {
  const node = parseRegexp(source, offset);
  return { source: re2Source(node), node };
}

/** Some token of the message matches. */
export interface TokenPattern {
  /** Every such token contains this text ('' where none is known). */
  readonly contained: string;
  /** An RE2 source, found in the lower-cased message where a token matches; undefined where `contained` says it all. */
  readonly source: string | undefined;
  /** The same over one token alone, which has only characters of tokens. */
  readonly node: RegexpNode;
}

/**
 * The patterns of a wildcard over `message`, one a token, lower-cased: like the words of a term, all must match, and
 * separators part them (`10.0.*` is `10`, `0` and any token).
 */
export function tokenPatterns(pattern: readonly WildcardPart[]): readonly (readonly WildcardPart[])[] {
  const pieces: WildcardPart[][] = [];
  let piece: WildcardPart[] = [];
  const finish = (): void => {
    if (piece.length > 0) pieces.push(piece);
    piece = [];
  };
  for (const part of pattern) {
    if (part.kind !== 'text') {
      piece.push(part);
      continue;
    }
    let literal = '';
    for (const char of lowerCase(part.text)) {
      if (isTokenChar(char)) literal += char;
      else {
        if (literal !== '') piece.push({ kind: 'text', text: literal });
        literal = '';
        finish();
      }
    }
    if (literal !== '') piece.push({ kind: 'text', text: literal });
  }
  finish();
  const telling = pieces.filter((parts) => parts.some((part) => part.kind !== 'any'));
  return telling.length > 0 ? telling : pieces.slice(0, 1);
}

export function tokenWildcard(pattern: readonly WildcardPart[]): TokenPattern {
  const [first, text, last] = pattern;
  if (pattern.length === 3 && first?.kind === 'any' && text?.kind === 'text' && last?.kind === 'any') {
    return { contained: text.text, source: undefined, node: wildcardNode(pattern) };
  }
  return tokenPattern(wildcardNode(pattern));
}

export function tokenRegexp(source: string, offset: number): TokenPattern {
  const node = nonEmpty(parseRegexp(source, offset, lowerCased));
  if (sizeOf(node) > QUERY_LIMITS.regexpStates) {
    throw tooLarge(
      { start: offset, end: offset + source.length },
      'states in a regular expression that may match nothing',
      QUERY_LIMITS.regexpStates,
    );
  }
  return tokenPattern(node);
}

function tokenPattern(node: RegexpNode): TokenPattern {
  const token = restricted(nonEmpty(node));
  const search = `(?:^|${SEPARATOR})(?:${re2Source(token)})(?:$|${SEPARATOR})`;
  return { contained: longestLiteral(restricted(node)), source: search, node: token };
}

function wildcardNode(pattern: readonly WildcardPart[]): RegexpNode {
  const children = pattern.flatMap((part): RegexpNode[] => {
    if (part.kind !== 'text') return part.kind === 'any' ? [ANY_REPEATED] : [{ kind: 'set', set: ANY_CHAR }];
    return Array.from(part.text, (char): RegexpNode => ({ kind: 'set', set: singleton(char) }));
  });
  return { kind: 'concat', children };
}

function singleton(char: string): CharSet {
  const value = char.codePointAt(0) ?? 0;
  return [[value, value]];
}

function mapSets(node: RegexpNode, map: (set: CharSet) => CharSet): RegexpNode {
  switch (node.kind) {
    case 'set':
      return { kind: 'set', set: map(node.set) };
    case 'repeat':
      return { ...node, child: mapSets(node.child, map) };
    default:
      return { ...node, children: node.children.map((child) => mapSets(child, map)) };
  }
}

/** Only characters of tokens, so that no match reaches over a separator. */
function restricted(node: RegexpNode): RegexpNode {
  return mapSets(node, (set) => intersection(set, TOKEN_CHARS));
}

const UPPER: CharSet = [[0x41, 0x5a]];
const TO_LOWER = 0x20;

/** ASCII capitals anywhere, and single letters past ASCII, become lower case. */
function lowerCased(set: CharSet): CharSet {
  const capitals = intersection(set, UPPER).map(([first, last]): CodeRange => [first + TO_LOWER, last + TO_LOWER]);
  const others = intersection(set, complement(UPPER)).map(([first, last]): CodeRange => {
    if (first !== last || first < 0x80) return [first, last];
    const lower = lowerCase(String.fromCodePoint(first)).codePointAt(0) ?? first;
    return [lower, lower];
  });
  return charSet([...capitals, ...others]);
}

/** Whether some text could match: false for one that asks for a separator inside a token. */
export function canMatchToken(source: string, offset: number): boolean {
  return possible(restricted(parseRegexp(source, offset, lowerCased)));
}

function possible(node: RegexpNode): boolean {
  switch (node.kind) {
    case 'set':
      return node.set.length > 0;
    case 'repeat':
      return node.min === 0 || possible(node.child);
    case 'concat':
      return node.children.every(possible);
    case 'alternatives':
      return node.children.some(possible);
  }
}

function mayBeEmpty(node: RegexpNode): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'repeat':
      return node.min === 0 || mayBeEmpty(node.child);
    case 'concat':
      return node.children.every(mayBeEmpty);
    case 'alternatives':
      return node.children.some(mayBeEmpty);
  }
}

/** The same texts but the empty one: a token has a character at least. */
function nonEmpty(node: RegexpNode): RegexpNode {
  if (!mayBeEmpty(node)) return node;
  switch (node.kind) {
    case 'set':
      return node;
    case 'repeat':
      if (node.max === 0) return NOTHING;
      return { kind: 'repeat', child: nonEmpty(node.child), min: 1, max: node.max };
    case 'alternatives':
      return { kind: 'alternatives', children: node.children.map(nonEmpty) };
    case 'concat':
      // One of the children is the first that is not empty.
      return {
        kind: 'alternatives',
        children: node.children.map((child, i) => ({
          kind: 'concat',
          children: [nonEmpty(child), ...node.children.slice(i + 1)],
        })),
      };
  }
}

/** The longest text that everything that matches contains, as far as it is plain to see. */
function longestLiteral(node: RegexpNode): string {
  let best = '';
  let run = '';
  const visit = (part: RegexpNode): void => {
    const [only] = part.kind === 'set' ? part.set : [];
    if (part.kind === 'set' && part.set.length === 1 && only !== undefined && only[0] === only[1]) {
      run += String.fromCodePoint(only[0]);
      if (run.length > best.length) best = run;
    } else if (part.kind === 'concat') {
      for (const child of part.children) visit(child);
    } else {
      run = '';
      if (part.kind === 'repeat' && part.min > 0) visit(part.child);
      run = '';
    }
  };
  visit(node);
  return best;
}

function re2Source(node: RegexpNode): string {
  switch (node.kind) {
    case 'set':
      return re2Class(node.set);
    case 'concat':
      return node.children.map(re2Atom).join('');
    case 'alternatives':
      return node.children.map(re2Source).join('|');
    case 'repeat':
      // A repeat of a repeat needs a group: `a**` is none.
      return (
        (node.child.kind === 'repeat' ? `(?:${re2Source(node.child)})` : re2Atom(node.child)) +
        quantifier(node.min, node.max)
      );
  }
}

function re2Atom(node: RegexpNode): string {
  return node.kind === 'set' || node.kind === 'repeat' ? re2Source(node) : `(?:${re2Source(node)})`;
}

function quantifier(min: number, max: number | undefined): string {
  if (max === undefined) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  return min === 0 && max === 1 ? '?' : `{${min},${max}}`;
}

function re2Class(set: CharSet): string {
  const [only] = set;
  if (only !== undefined && set.length === 1 && only[0] === 0 && only[1] === LAST_CODE_POINT) return '(?s:.)';
  if (only !== undefined && set.length === 1 && only[0] === only[1]) return re2Char(only[0]);
  if (only === undefined) return `[^${re2Char(0)}-${re2Char(LAST_CODE_POINT)}]`;
  return `[${set.map(([first, last]) => (first === last ? re2Char(first) : `${re2Char(first)}-${re2Char(last)}`)).join('')}]`;
}

/** Letters and digits as they are, everything else by its number. */
function re2Char(codePoint: number): string {
  const char = String.fromCodePoint(codePoint);
  return /[A-Za-z0-9]/.test(char) ? char : `\\x{${codePoint.toString(16)}}`;
}
