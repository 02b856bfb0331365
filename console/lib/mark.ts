/** Splits a text into marked and unmarked runs. Pure. */
import { tokenize } from '../../src/query/text.ts';

export interface Piece {
  /** Where it begins in the text. */
  readonly at: number;
  readonly text: string;
  readonly marked: boolean;
}

/** Finds any of the texts as whole tokens, as the search does; undefined when there is nothing to mark. */
export function markPattern(texts: readonly string[]): RegExp | undefined {
  const patterns = texts
    .map((text) => tokenize(text).map(literally).join('[^a-z0-9\\u0080-\\u{10ffff}]+'))
    .filter((pattern) => pattern !== '');
  if (patterns.length === 0) return undefined;
  const edge = 'a-z0-9\\u0080-\\u{10ffff}';
  return new RegExp(`(?<![${edge}])(?:${patterns.join('|')})(?![${edge}])`, 'giu');
}

export function markPieces(text: string, pattern: RegExp | undefined): readonly Piece[] {
  if (pattern === undefined) return [{ at: 0, text, marked: false }];
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > at) pieces.push({ at, text: text.slice(at, match.index), marked: false });
    pieces.push({ at: match.index, text: match[0], marked: true });
    at = match.index + match[0].length;
  }
  if (at < text.length) pieces.push({ at, text: text.slice(at), marked: false });
  return pieces;
}

function literally(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
