/**
 * Regular expressions: what RE2, Lucene and JavaScript share and mean alike. Literals, `.` (any character), classes
 * `[a-z]` and `[^…]`, `\d \w \s` and their negations (ASCII), groups, `|`, and `? * + {n} {n,} {n,m}`. Anchored, so
 * `^` and `$` are refused, and so are lazy quantifiers, back-references, look-around, flags and Lucene's own operators
 * (`" # @ & < > ~`). The size after unrolling counted repeats is bounded, so every engine compiles it in time.
 */
import { QUERY_LIMITS } from '../lib/limits.ts';
import type { Span } from './ast.ts';
import { ANY_CHAR, type CharSet, type CodeRange, charSet, complement, DIGITS, SPACES, WORD_CHARS } from './charset.ts';
import { quoted, syntaxProblem, tooLarge, unsupported } from './problems.ts';

export type RegexpNode =
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'concat' | 'alternatives'; readonly children: readonly RegexpNode[] }
  /** `max` undefined: without end. */
  | { readonly kind: 'repeat'; readonly child: RegexpNode; readonly min: number; readonly max: number | undefined };

const CLASSES: Readonly<Record<string, CharSet>> = {
  d: DIGITS,
  w: WORD_CHARS,
  s: SPACES,
  D: complement(DIGITS),
  W: complement(WORD_CHARS),
  S: complement(SPACES),
};
const LUCENE_OPERATORS = '"#@&<>~';

/** Maps what is written (a character or the inside of a class, before it is negated) to what is meant. */
export type Fold = (written: CharSet) => CharSet;

/** `offset` is where the source starts in the query's text. */
export function parseRegexp(source: string, offset: number, fold: Fold = (set) => set): RegexpNode {
  if (source.length > QUERY_LIMITS.regexpChars) {
    const span = { start: offset, end: offset + source.length };
    throw tooLarge(span, 'characters in a regular expression', QUERY_LIMITS.regexpChars);
  }
  return new RegexpParser(source, offset, fold).parse();
}

class RegexpParser {
  readonly #source: string;
  readonly #offset: number;
  readonly #fold: Fold;
  #at = 0;
  #depth = 0;

  constructor(source: string, offset: number, fold: Fold) {
    this.#source = source;
    this.#offset = offset;
    this.#fold = fold;
  }

  parse(): RegexpNode {
    const node = this.#alternatives();
    if (this.#at < this.#source.length) throw this.#problem('A ) closes nothing', '\\) for the character itself');
    if (sizeOf(node) > QUERY_LIMITS.regexpStates) {
      const span = { start: this.#offset, end: this.#offset + this.#source.length };
      throw tooLarge(span, 'states in a regular expression', QUERY_LIMITS.regexpStates);
    }
    return node;
  }

  #alternatives(): RegexpNode {
    const children = [this.#concat()];
    while (this.#peek() === '|') {
      this.#at++;
      children.push(this.#concat());
    }
    return children.length === 1 && children[0] !== undefined ? children[0] : { kind: 'alternatives', children };
  }

  #concat(): RegexpNode {
    const children: RegexpNode[] = [];
    while (this.#at < this.#source.length && this.#peek() !== '|' && this.#peek() !== ')') {
      children.push(this.#repeat(this.#atom()));
    }
    if (children.length === 0)
      throw this.#problem('An empty alternative', 'an expression (for one that may be absent (x)?)');
    return children.length === 1 && children[0] !== undefined ? children[0] : { kind: 'concat', children };
  }

  #repeat(child: RegexpNode): RegexpNode {
    const repeats = this.#quantifier();
    if (repeats === undefined) return child;
    if ('?*+{'.includes(this.#peek() || ' ')) {
      throw this.#refuse('A lazy, possessive or doubled quantifier is not supported', 'Use one quantifier.');
    }
    return { kind: 'repeat', child, ...repeats };
  }

  #quantifier(): { readonly min: number; readonly max: number | undefined } | undefined {
    const char = this.#peek();
    if (char === '{') return this.#counted();
    if (char === '' || !'?*+'.includes(char)) return undefined;
    this.#at++;
    return { min: char === '+' ? 1 : 0, max: char === '?' ? 1 : undefined };
  }

  #counted(): { readonly min: number; readonly max: number | undefined } {
    const match = /^\{(\d{1,9})(?:(,)(\d{1,9})?)?\}/.exec(this.#source.slice(this.#at, this.#at + 24));
    if (match === null) throw this.#problem('A { that counts nothing', '{n}, {n,}, {n,m} or \\{');
    const min = Number(match[1]);
    const max = match[3] === undefined ? (match[2] === undefined ? min : undefined) : Number(match[3]);
    if (max !== undefined && max < min)
      throw this.#problem('A repeat whose end is before its start', '{n,m} with n <= m');
    if (Math.max(min, max ?? 0) > QUERY_LIMITS.regexpStates) {
      throw tooLarge(this.#span(match[0].length), 'repeats of one expression', QUERY_LIMITS.regexpStates);
    }
    this.#at += match[0].length;
    return { min, max };
  }

  #atom(): RegexpNode {
    const char = this.#peek();
    if (char === '(') return this.#group();
    if (char === '[') return { kind: 'set', set: this.#class() };
    if (char === '\\') return { kind: 'set', set: this.#fold(this.#escape()) };
    if (char === '.') {
      this.#at++;
      return { kind: 'set', set: ANY_CHAR };
    }
    if ('?*+{'.includes(char))
      throw this.#problem(`A ${char} that repeats nothing`, `an expression before it, or \\${char}`);
    if (char === ']' || char === '}')
      throw this.#problem(`A ${char} that closes nothing`, `\\${char} for the character itself`);
    if (char === '^' || char === '$') {
      throw this.#refuse(
        `The anchor ${char} is not supported`,
        `An expression always matches the whole value; for the character itself write \\${char}.`,
      );
    }
    if (LUCENE_OPERATORS.includes(char)) {
      throw this.#refuse(`The operator ${char} is not supported`, `For the character itself write \\${char}.`);
    }
    return { kind: 'set', set: this.#fold(single(this.#codePoint())) };
  }

  #group(): RegexpNode {
    const start = this.#at++;
    if (this.#peek() === '?') {
      throw this.#refuse('Groups that start with (? are not supported', 'Use plain parentheses.');
    }
    if (++this.#depth > QUERY_LIMITS.depth) throw tooLarge(this.#span(1), 'levels of nesting', QUERY_LIMITS.depth);
    const node = this.#alternatives();
    this.#depth--;
    if (this.#peek() !== ')') {
      const at = this.#offset + start;
      throw syntaxProblem(
        { start: at, end: at + 1 },
        'A ( in a regular expression is not closed',
        'a closing ) or \\(',
      );
    }
    this.#at++;
    return node;
  }

  #escape(): CharSet {
    const char = this.#source[this.#at + 1] ?? '';
    const set = CLASSES[char];
    if (set !== undefined) {
      this.#at += 2;
      return set;
    }
    if (char === '' || /[A-Za-z0-9]/.test(char)) {
      throw this.#refuse(
        `The escape ${quoted(`\\${char}`)} is not supported`,
        'Backslash escapes punctuation, and \\d \\w \\s \\D \\W \\S are classes.',
        2,
      );
    }
    this.#at++;
    return single(this.#codePoint());
  }

  #class(): CharSet {
    const start = this.#at++;
    const negated = this.#peek() === '^';
    if (negated) this.#at++;
    const ranges: CodeRange[] = [];
    while (this.#peek() !== ']') {
      if (this.#at >= this.#source.length) {
        const at = this.#offset + start;
        throw syntaxProblem(
          { start: at, end: at + 1 },
          'A [ in a regular expression is not closed',
          'a closing ] or \\[',
        );
      }
      ranges.push(...this.#classPart());
    }
    this.#at++;
    if (ranges.length === 0) throw this.#problem('An empty class', 'characters between [ and ]');
    const set = this.#fold(charSet(ranges));
    return negated ? complement(set) : set;
  }

  #classPart(): CharSet {
    const first = this.#classChar();
    const [only] = first;
    const dash = this.#peek() === '-' && this.#source[this.#at + 1] !== ']' && this.#at + 1 < this.#source.length;
    if (!dash || only === undefined) return first;
    const end = this.#at++;
    const second = this.#classChar();
    const last = second[0]?.[0] ?? 0;
    if (!isSingle(first) || !isSingle(second) || last < only[0]) {
      const at = this.#offset + end;
      throw syntaxProblem(
        { start: at, end: at + 1 },
        'A range in a class that goes from nothing to nothing',
        'a-z, or \\-',
      );
    }
    return [[only[0], last]];
  }

  #classChar(): CharSet {
    const char = this.#peek();
    if (char === '\\') return this.#escape();
    if (char === '[') throw this.#refuse('A [ inside a class is not supported', 'For the character itself write \\[.');
    return single(this.#codePoint());
  }

  #codePoint(): number {
    const value = this.#source.codePointAt(this.#at) ?? 0;
    this.#at += value > 0xffff ? 2 : 1;
    return value;
  }

  #peek(): string {
    return this.#source[this.#at] ?? '';
  }

  #span(length: number): Span {
    const start = this.#offset + this.#at;
    return { start, end: Math.min(start + length, this.#offset + this.#source.length) };
  }

  #problem(message: string, expected: string): Error {
    return syntaxProblem(this.#span(1), `${message} in a regular expression`, expected);
  }

  #refuse(message: string, hint: string, length = 1): Error {
    return unsupported(this.#span(length), `${message} in a regular expression`, hint);
  }
}

function single(codePoint: number): CharSet {
  return [[codePoint, codePoint]];
}

function isSingle(set: CharSet): boolean {
  return set.length === 1 && set[0]?.[0] === set[0]?.[1];
}

/** States of the automaton, with counted repeats unrolled. */
export function sizeOf(node: RegexpNode): number {
  switch (node.kind) {
    case 'set':
      return 1;
    case 'concat':
    case 'alternatives':
      return node.children.reduce((sum, child) => sum + sizeOf(child), 1);
    case 'repeat':
      return 1 + sizeOf(node.child) * Math.max(node.max ?? node.min, 1);
  }
}
