/** A sentence of the server for people: its times are told in the reader's zone, its commands can be told apart. Pure. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'time'; readonly text: string; readonly ms: number };

const SPECIAL = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)|`([^`]+)`/g;

export function piecesOf(sentence: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  const plain = (to: number) => {
    if (to > at) pieces.push({ kind: 'text', text: sentence.slice(at, to) });
  };
  for (const { 0: whole, 1: time, 2: code, index } of sentence.matchAll(SPECIAL)) {
    const ms = time === undefined ? Number.NaN : Date.parse(time);
    if (code === undefined && Number.isNaN(ms)) continue;
    plain(index);
    pieces.push(code === undefined ? { kind: 'time', text: whole, ms } : { kind: 'code', text: code });
    at = index + whole.length;
  }
  plain(sentence.length);
  return pieces;
}
