/**
 * Query text to tree. NOT binds before AND, AND before OR; clauses without an operator between them must all match.
 * `+x` is `x`, and `-x` and `!x` are `NOT x`. Whatever cannot be done is refused with its place: nothing is ignored.
 * Recursion is bounded by QUERY_LIMITS.depth, so hostile text cannot exhaust the stack.
 */
import { QUERY_LIMITS } from '../lib/limits.ts';
import { analyse } from './analyse.ts';
import type { FieldRef, QueryNode, Span } from './ast.ts';
import { MESSAGE, PSEUDO_FIELDS, resolveField } from './fields.ts';
import { readComparison, readRange } from './parse-range.ts';
import { quoted, syntaxProblem, tooLarge, unsupported } from './problems.ts';
import { literalOf, Scanner, type Word } from './scanner.ts';

const A_CLAUSE = 'a word, a "phrase", field:value or (';
const OPERATORS = new Set(['AND', 'OR', 'NOT']);
const AFTER_OPERATOR = '()[]{}":';
const INTERVAL_FUNCTION = /^(un)?ordered$|^(phrase|maxgaps|maxwidth|atLeast|or|wildcard|before|after|containing)$/;

/** Throws QUERY_SYNTAX, QUERY_UNSUPPORTED or QUERY_TOO_LARGE with details {position, end}. */
export function parseQuery(text: string): QueryNode {
  if (text.length > QUERY_LIMITS.queryChars) {
    throw tooLarge({ start: QUERY_LIMITS.queryChars, end: text.length }, 'characters', QUERY_LIMITS.queryChars);
  }
  return new Parser(text).query();
}

class Parser {
  readonly #scan: Scanner;
  #nodes = 0;
  #depth = 0;

  constructor(text: string) {
    this.#scan = new Scanner(text);
  }

  query(): QueryNode {
    const scan = this.#scan;
    scan.skipSpace();
    if (scan.done) return { kind: 'all', span: { start: 0, end: scan.text.length } };
    const node = this.#or(undefined);
    if (!scan.done) throw this.#unexpected();
    return node;
  }

  #or(field: FieldRef | undefined): QueryNode {
    const first = this.#and(field);
    const others: QueryNode[] = [];
    while (this.#takeOperator('OR', '||')) others.push(this.#and(field));
    return this.#join('or', first, others);
  }

  #and(field: FieldRef | undefined): QueryNode {
    const first = this.#unary(field);
    const others: QueryNode[] = [];
    while (this.#takeOperator('AND', '&&') || !this.#atEndOfAnd()) others.push(this.#unary(field));
    return this.#join('and', first, others);
  }

  #atEndOfAnd(): boolean {
    return this.#scan.done || this.#scan.peek() === ')' || this.#atOperator('OR', '||');
  }

  #unary(field: FieldRef | undefined): QueryNode {
    const scan = this.#scan;
    scan.skipSpace();
    const start = scan.at;
    const sign = scan.peek();
    if (sign === '+' || sign === '-') {
      if (scan.spaceOrEnd(1)) {
        throw syntaxProblem(scan.here(), `A ${sign} stands alone`, `what it is about, directly after it, or \\${sign}`);
      }
    }
    const signed = sign === '+' || sign === '-' || sign === '!';
    if (signed) scan.at++;
    if (!signed && !this.#takeOperator('NOT')) return this.#clause(field);
    const child = this.#nested(scan.spanFrom(start), () => this.#unary(field));
    return sign === '+' ? child : this.#node({ kind: 'not', child, span: { start, end: child.span.end } });
  }

  #clause(field: FieldRef | undefined): QueryNode {
    const scan = this.#scan;
    if (!scan.done && '("/[{<>'.includes(scan.peek())) return this.#value(field);
    const word = scan.word({ colonEnds: true });
    if (word.parts.length === 0) throw this.#unexpected();
    scan.skipSpace();
    if (scan.peek() === ':') return this.#fieldClause(word);
    scan.at = word.span.end;
    return this.#wordValue(word, field);
  }

  /** `field:…`, at the colon. */
  #fieldClause(word: Word): QueryNode {
    const scan = this.#scan;
    this.#refuseOperatorAsValue(word);
    scan.at++;
    scan.skipSpace();
    const { start } = word.span;
    if (isStar(word) && isStar(scan.word({ colonEnds: false }))) {
      return this.#node({ kind: 'all', span: scan.spanFrom(start) });
    }
    const name = literalOf(word);
    if (name === undefined) throw wildcardName(word.span);
    return PSEUDO_FIELDS.has(name) ? this.#exists(name, start) : this.#value(resolveField(name), start);
  }

  #exists(what: string, start: number): QueryNode {
    const scan = this.#scan;
    const nameStart = scan.at;
    const name = scan.peek() === '"' ? scan.quotedText().value : literalOf(scan.word({ colonEnds: true }));
    if (name === undefined) throw wildcardName(scan.spanFrom(nameStart));
    if (scan.at === nameStart) throw syntaxProblem(scan.here(), `${what}: names no field`, 'a field name');
    const span = scan.spanFrom(start);
    if (what === '_missing_') throw unsupported(span, '_missing_ is not supported', `Write NOT _exists_:${name}.`);
    return this.#node({ kind: 'exists', field: resolveField(name), span });
  }

  /** What follows `field:`, or stands alone; `start` is where the clause began. */
  #value(field: FieldRef | undefined, start = this.#scan.at): QueryNode {
    const scan = this.#scan;
    const char = scan.peek();
    if (char === '(') return this.#group(field, start);
    if (char === '"') {
      const { value } = scan.quotedText();
      scan.refuseSuffixes();
      return this.#node({ kind: 'phrase', field: field ?? MESSAGE, value, span: scan.spanFrom(start) });
    }
    if (char === '/') {
      const { source } = scan.regexp();
      scan.refuseSuffixes();
      return this.#node({ kind: 'regexp', field: field ?? MESSAGE, source, span: scan.spanFrom(start) });
    }
    if (char === '[' || char === '{') return this.#node(readRange(scan, field, start));
    if (char === '<' || char === '>') return this.#node(readComparison(scan, field, start));
    if (char === '!' || ((char === '-' || char === '+') && !/[\d.]/.test(scan.peek(1)))) {
      throw syntaxProblem(
        scan.here(),
        `A value starts with ${char}`,
        `the value (to exclude it, write NOT before the field; for the character itself \\${char})`,
      );
    }
    const word = scan.word({ colonEnds: false });
    if (word.parts.length === 0) throw this.#unexpected('a value after the colon');
    return this.#wordValue(word, field, start);
  }

  #wordValue(word: Word, field: FieldRef | undefined, start = word.span.start): QueryNode {
    this.#refuseOperatorAsValue(word);
    const span = { start, end: word.span.end };
    const value = literalOf(word);
    if (value !== undefined) return this.#node({ kind: 'term', field: field ?? MESSAGE, value, span });
    if (isStar(word)) return this.#node(field === undefined ? { kind: 'all', span } : { kind: 'exists', field, span });
    return this.#node({ kind: 'wildcard', field: field ?? MESSAGE, pattern: word.parts, span });
  }

  #group(field: FieldRef | undefined, start: number): QueryNode {
    const scan = this.#scan;
    const opening = scan.here();
    scan.at++;
    const node = this.#nested(opening, () => this.#or(field));
    scan.skipSpace();
    if (scan.done) throw syntaxProblem(opening, 'A parenthesis is not closed', 'a closing )');
    if (scan.peek() !== ')') throw this.#unexpected();
    scan.at++;
    scan.refuseSuffixes();
    if (scan.peek() === '@') {
      throw unsupported(scan.here(), 'A minimum of matches (@) is not supported', 'Combine clauses with AND and OR.');
    }
    return { ...node, span: scan.spanFrom(start) };
  }

  #refuseOperatorAsValue(word: Word): void {
    const value = word.plain ? literalOf(word) : undefined;
    if (value === undefined) return;
    if (OPERATORS.has(value)) {
      throw syntaxProblem(word.span, `${value} has nothing to join`, `${A_CLAUSE}; for the word itself "${value}"`);
    }
    const { start } = word.span;
    if (INTERVAL_FUNCTION.test(value) && this.#scan.peek() === '(' && this.#scan.text.startsWith('fn:', start - 3)) {
      throw unsupported(word.span, 'Interval functions (fn:) are not supported', 'Use a "phrase", or AND.');
    }
  }

  #atOperator(name: string, doubled?: string): boolean {
    const scan = this.#scan;
    scan.skipSpace();
    if (doubled !== undefined && scan.text.startsWith(doubled, scan.at)) return true;
    if (!scan.text.startsWith(name, scan.at)) return false;
    return scan.spaceOrEnd(name.length) || AFTER_OPERATOR.includes(scan.peek(name.length));
  }

  #takeOperator(name: string, doubled?: string): boolean {
    if (!this.#atOperator(name, doubled)) return false;
    this.#scan.at += this.#scan.peek() === doubled?.[0] ? doubled.length : name.length;
    return true;
  }

  #nested<T>(opening: Span, read: () => T): T {
    if (++this.#depth > QUERY_LIMITS.depth) throw tooLarge(opening, 'levels of nesting', QUERY_LIMITS.depth);
    const result = read();
    this.#depth--;
    return result;
  }

  /** Clauses of the same kind inside are taken in, so that the tree does not depend on needless parentheses. */
  #join(kind: 'and' | 'or', first: QueryNode, others: readonly QueryNode[]): QueryNode {
    const last = others.at(-1);
    if (last === undefined) return first;
    const children = [first, ...others].flatMap((child) => (child.kind === kind ? child.children : [child]));
    return this.#node({ kind, children, span: { start: first.span.start, end: last.span.end } });
  }

  #node(node: QueryNode): QueryNode {
    if (++this.#nodes > QUERY_LIMITS.nodes) throw tooLarge(node.span, 'clauses', QUERY_LIMITS.nodes);
    // What cannot be asked is refused here, where its place is known; any time does for that.
    if ('field' in node) analyse(node, 0);
    return node;
  }

  #unexpected(expected = A_CLAUSE): Error {
    const scan = this.#scan;
    scan.skipSpace();
    if (scan.done) return syntaxProblem(scan.here(), 'The query ends too early', expected);
    const doubled = ['&&', '||'].find((operator) => scan.text.startsWith(operator, scan.at));
    const what = doubled ?? scan.peek();
    const hint = '[]{}:'.includes(what)
      ? `${expected} (to search for ${what} itself, put the text in quotes)`
      : expected;
    return syntaxProblem({ start: scan.at, end: scan.at + what.length }, `Unexpected ${quoted(what)}`, hint);
  }
}

function isStar(word: Word): boolean {
  return word.parts.length === 1 && word.parts[0]?.kind === 'any';
}

function wildcardName(span: Span): Error {
  return unsupported(span, 'A field name with wildcards is not supported', 'Write the name out.');
}
