/** The errors of the language: each names its place as UTF-16 offsets [position, end) of the query's text. */
import { SpillwayError } from '../lib/errors.ts';
import type { Span } from './ast.ts';

const SHOWN_CHARS = 40;

/** What stands there cannot be read; `expected` says what would be. */
export function syntaxProblem(span: Span, message: string, expected: string): SpillwayError {
  return new SpillwayError('QUERY_SYNTAX', `${message} at position ${span.start}; expected ${expected}.`, {
    details: { position: span.start, end: span.end, expected },
  });
}

/** It could be read, but Spillway does not do it; `hint` says what to write instead. */
export function unsupported(span: Span, message: string, hint: string): SpillwayError {
  return new SpillwayError('QUERY_UNSUPPORTED', `${message} (position ${span.start}). ${hint}`, {
    details: { position: span.start, end: span.end },
  });
}

export function tooLarge(span: Span, what: string, limit: number): SpillwayError {
  return new SpillwayError('QUERY_TOO_LARGE', `The query has more than ${limit} ${what}; make it shorter.`, {
    details: { position: span.start, end: span.end, limit },
  });
}

/** A short quotation of the query for a message. */
export function quoted(text: string): string {
  return text.length > SHOWN_CHARS ? `"${text.slice(0, SHOWN_CHARS)}…"` : `"${text}"`;
}
