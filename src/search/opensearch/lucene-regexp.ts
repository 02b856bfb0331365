/** Regular expressions as Lucene writes them, from their tree: no escapes but of single characters, classes written out. */
import { type CharSet, LAST_CODE_POINT } from '../../query/charset.ts';
import type { RegexpNode } from '../../query/regexp.ts';

const LAST_BEFORE_SURROGATES = 0xd7ff;
const FIRST_BEHIND_SURROGATES = 0xe000;

/** Undefined where nothing matches. The options of `flags` (`~`, `#` and so on) must be off. */
export function luceneRegexp(node: RegexpNode): string | undefined {
  switch (node.kind) {
    case 'set':
      return luceneClass(node.set);
    case 'concat': {
      const parts = node.children.map(atom);
      return parts.includes(undefined) ? undefined : parts.join('');
    }
    case 'alternatives': {
      const parts = node.children.flatMap((child) => luceneRegexp(child) ?? []);
      return parts.length === 0 ? undefined : parts.join('|');
    }
    case 'repeat': {
      const child = luceneRegexp(node.child);
      if (child === undefined) return node.min === 0 ? '()' : undefined;
      const repeated = node.child.kind === 'set' ? child : `(${child})`;
      return repeated + quantifier(node.min, node.max);
    }
  }
}

function atom(node: RegexpNode): string | undefined {
  const source = luceneRegexp(node);
  return source === undefined || node.kind === 'set' || node.kind === 'repeat' ? source : `(${source})`;
}

function quantifier(min: number, max: number | undefined): string {
  if (max === undefined) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  return min === 0 && max === 1 ? '?' : `{${min},${max}}`;
}

function luceneClass(set: CharSet): string | undefined {
  const ranges = set.flatMap(withoutSurrogates);
  const [only] = ranges;
  if (only === undefined) return undefined;
  if (ranges.length === 1 && only[0] === only[1]) return literal(only[0]);
  if (set.length === 1 && set[0]?.[0] === 0 && set[0][1] === LAST_CODE_POINT) return '.';
  return `[${ranges.map(([from, to]) => classRange(from, to)).join('')}]`;
}

/** Ends a class, negates it, makes a range, or escapes. */
const SPECIAL_IN_CLASS = new Set(Array.from('[]^-\\', (char) => char.codePointAt(0) ?? 0));

/** A range cannot begin with an escape (it would be that character alone, and a `-`). */
function classRange(from: number, to: number): string {
  if (from === to) return literal(from);
  if (SPECIAL_IN_CLASS.has(from)) return literal(from) + classRange(from + 1, to);
  return `${String.fromCodePoint(from)}-${literal(to)}`;
}

/** Stored texts have no halves of pairs, and an engine's expression can have none. */
function withoutSurrogates([from, to]: readonly [number, number]): readonly (readonly [number, number])[] {
  if (to <= LAST_BEFORE_SURROGATES || from >= FIRST_BEHIND_SURROGATES) return [[from, to]];
  const parts: [number, number][] = [];
  if (from <= LAST_BEFORE_SURROGATES) parts.push([from, LAST_BEFORE_SURROGATES]);
  if (to >= FIRST_BEHIND_SURROGATES) parts.push([FIRST_BEHIND_SURROGATES, to]);
  return parts;
}

function literal(codePoint: number): string {
  return escapeLiteral(String.fromCodePoint(codePoint));
}

/** A letter behind a backslash may be a class; everything else of ASCII is taken for itself there. */
export function escapeLiteral(text: string): string {
  return text.replace(/[\0-\x7f]/g, (char) => (/[A-Za-z0-9]/.test(char) ? char : `\\${char}`));
}
