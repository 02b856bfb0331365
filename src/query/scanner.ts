/**
 * Reads the pieces that a query is made of (words, quoted texts, regular expressions, bounds) from a position. What
 * Lucene reserves and Spillway does not do (`^` boost, `~` fuzzy and proximity) is refused where it stands.
 */
import type { Span, WildcardPart } from './ast.ts';
import { quoted, syntaxProblem, unsupported } from './problems.ts';

export interface Word {
  readonly parts: readonly WildcardPart[];
  /** Without a backslash: only such a word can be an operator. */
  readonly plain: boolean;
  readonly span: Span;
}

/** The text of a word without wildcards, else undefined. */
export function literalOf(word: Word): string | undefined {
  let text = '';
  for (const part of word.parts) {
    if (part.kind !== 'text') return undefined;
    text += part.text;
  }
  return text;
}

const SPACE = /[ \t\n\r\u3000]/;
/** Characters that end a word. `:` ends one only where a field name may stand. */
const WORD_END = new Set(['(', ')', '[', ']', '{', '}', '"']);
const HEX4 = /^[0-9a-fA-F]{4}$/;

export class Scanner {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }

  peek(ahead = 0): string {
    return this.text[this.at + ahead] ?? '';
  }

  skipSpace(): void {
    while (!this.done && SPACE.test(this.peek())) this.at++;
  }

  /** Whether a space or the end stands `ahead` of the position. */
  spaceOrEnd(ahead = 0): boolean {
    const char = this.peek(ahead);
    return char === '' || SPACE.test(char);
  }

  spanFrom(start: number): Span {
    return { start, end: this.at };
  }

  /** The character at the position, for errors. */
  here(): Span {
    return { start: this.at, end: Math.min(this.at + 1, this.text.length) };
  }

  /** `&&` and `||` end a word wherever they stand. */
  private atDoubled(): boolean {
    const char = this.peek();
    return (char === '&' || char === '|') && this.peek(1) === char;
  }

  word(options: { readonly colonEnds: boolean }): Word {
    const start = this.at;
    const parts: WildcardPart[] = [];
    let literal = '';
    let plain = true;
    const flush = (): void => {
      if (literal !== '') parts.push({ kind: 'text', text: literal });
      literal = '';
    };
    while (!this.done) {
      const char = this.peek();
      if (SPACE.test(char) || WORD_END.has(char) || this.atDoubled()) break;
      if (char === ':' && options.colonEnds) break;
      this.refuseSuffixes();
      if (char === '\\') {
        literal += this.escaped();
        plain = false;
        continue;
      }
      this.at++;
      if (char === '?') {
        flush();
        parts.push({ kind: 'one' });
      } else if (char === '*') {
        flush();
        if (parts.at(-1)?.kind !== 'any') parts.push({ kind: 'any' });
      } else literal += char;
    }
    flush();
    const span = this.spanFrom(start);
    for (const part of parts) if (part.kind === 'text') this.mustBeWellFormed(part.text, span);
    return { parts, plain, span };
  }

  /** Refuses a boost, fuzzy or proximity mark at the position. */
  refuseSuffixes(): void {
    const start = this.at;
    const mark = this.peek();
    if (mark !== '^' && mark !== '~') return;
    do this.at++;
    while (/[\d.]/.test(this.peek()));
    const span = this.spanFrom(start);
    if (mark === '^') {
      throw unsupported(
        span,
        'A boost (^) is not supported',
        'Answers are sorted by time; for the character write \\^.',
      );
    }
    const hint = 'Use wildcards or AND; for the character write \\~.';
    throw unsupported(span, 'Fuzzy and proximity search (~) are not supported', hint);
  }

  /** Reads a backslash and what it escapes: `\u0041` is a UTF-16 code unit, else the character itself. */
  private escaped(): string {
    const start = this.at;
    this.at++;
    if (this.done) {
      throw syntaxProblem({ start, end: this.at }, 'The query ends with a backslash', 'the character that it escapes');
    }
    if (this.peek() === 'u') {
      const hex = this.text.slice(this.at + 1, this.at + 5);
      this.at = Math.min(this.at + 1 + hex.length, this.text.length);
      if (!HEX4.test(hex))
        throw syntaxProblem(this.spanFrom(start), 'An incomplete \\u escape', 'four hexadecimal digits');
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const char = String.fromCodePoint(this.text.codePointAt(this.at) ?? 0);
    this.at += char.length;
    return char;
  }

  /** A text in double quotes, at its opening quote. */
  quotedText(): { readonly value: string; readonly span: Span } {
    const start = this.at;
    this.at++;
    let value = '';
    while (!this.done && this.peek() !== '"') {
      if (this.peek() === '\\') value += this.escaped();
      else {
        value += this.peek();
        this.at++;
      }
    }
    if (this.done) throw syntaxProblem(this.spanFrom(start), 'A quoted text does not end', 'a closing "');
    this.at++;
    const span = this.spanFrom(start);
    this.mustBeWellFormed(value, span);
    return { value, span };
  }

  /** What stands between slashes, at the opening one; a slash inside is written `\/` and stays so in the source. */
  regexp(): { readonly source: string; readonly span: Span } {
    const start = this.at;
    this.at++;
    while (!this.done && this.peek() !== '/') this.at += this.peek() === '\\' ? 2 : 1;
    if (this.at >= this.text.length) {
      this.at = this.text.length;
      throw syntaxProblem(
        this.spanFrom(start),
        'A regular expression does not end',
        'a closing / (to search for a slash itself, put the text in quotes)',
      );
    }
    const source = this.text.slice(start + 1, this.at);
    this.at++;
    if (!this.spaceOrEnd() && this.peek() !== ')' && this.peek() !== '^' && this.peek() !== '~') {
      throw syntaxProblem(
        this.here(),
        `The regular expression ${quoted(`/${source}/`)} is followed by more text`,
        'a space (to search for a path, put it in quotes)',
      );
    }
    this.mustBeWellFormed(source, this.spanFrom(start));
    return { source, span: this.spanFrom(start) };
  }

  /** A bound inside brackets: a quoted text, or everything to a space or a closing bracket. Undefined for `*`. */
  bound(): string | undefined {
    this.skipSpace();
    if (this.peek() === '"') return this.quotedText().value;
    const start = this.at;
    let value = '';
    while (!this.done && !SPACE.test(this.peek()) && this.peek() !== ']' && this.peek() !== '}') {
      if (this.peek() === '\\') value += this.escaped();
      else {
        value += this.peek();
        this.at++;
      }
    }
    if (this.at === start) throw syntaxProblem(this.here(), 'A range lacks a bound', 'a value or * on each side of TO');
    this.mustBeWellFormed(value, this.spanFrom(start));
    return this.text.slice(start, this.at) === '*' ? undefined : value;
  }

  private mustBeWellFormed(value: string, span: Span): void {
    if (!value.isWellFormed()) throw syntaxProblem(span, 'Half of a surrogate pair', 'well-formed Unicode text');
  }
}
