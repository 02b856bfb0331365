/** Colours for the query's text, by what each piece is; the offending piece is marked. Pure and forgiving. */
import type { QueryProblem } from '../../lib/clauses.ts';

export type PaintKind = 'plain' | 'operator' | 'field' | 'string' | 'regexp' | 'bracket' | 'number';

export interface PaintedPiece {
  readonly text: string;
  readonly kind: PaintKind;
  readonly wrong: boolean;
}

const PIECE =
  /(?<string>"(?:[^"\\]|\\.)*"?)|(?<regexp>(?<=^|[\s(:])\/(?:[^/\\]|\\.)*\/)|(?<operator>(?<![^\s(])(?:AND|OR|NOT|TO)(?![^\s()])|&&|\|\||(?<![^\s(])[-+!](?=\S)|(?<=:)[<>]=?)|(?<bracket>[()[\]{}])|(?<field>(?:[^\s()[\]{}":\\]|\\.)+:)|(?<number>(?<=:|:[<>]=?)-?\d+(?:\.\d+)?(?![^\s)]))|(?<plain>\s+|(?:[^\s()[\]{}":\\]|\\.)+|.)/gsu;

export function paintQuery(text: string, problem: QueryProblem | undefined): readonly PaintedPiece[] {
  const pieces: PaintedPiece[] = [];
  for (const match of text.matchAll(PIECE)) {
    const kind = kindOf(match.groups ?? {});
    pieces.push(...cut(match[0], match.index, kind, problem));
  }
  return pieces;
}

function kindOf(groups: Readonly<Record<string, string | undefined>>): PaintKind {
  const kinds = ['string', 'regexp', 'operator', 'bracket', 'field', 'number'] as const;
  return kinds.find((kind) => groups[kind] !== undefined) ?? 'plain';
}

function cut(text: string, at: number, kind: PaintKind, problem: QueryProblem | undefined): readonly PaintedPiece[] {
  if (problem === undefined) return [{ text, kind, wrong: false }];
  const start = Math.min(Math.max(problem.position - at, 0), text.length);
  const end = Math.min(Math.max(problem.end - at, start), text.length);
  return [
    { text: text.slice(0, start), kind, wrong: false },
    { text: text.slice(start, end), kind, wrong: true },
    { text: text.slice(end), kind, wrong: false },
  ].filter((piece) => piece.text !== '');
}
