/**
 * Texts of `key=value` pairs (logfmt): `level=info msg="user logged in" user=42`. A text counts as one where it begins
 * with a pair, has at least two, and no more other words than pairs.
 */
import { EVENT_LIMITS } from '../../lib/limits.ts';

export interface Pair {
  readonly key: string;
  readonly value: string;
}

const PAIR = /([A-Za-z_@][\w@./-]{0,127})=(?:"([^"\\]*(?:\\[\s\S][^"\\]*)*)"|'([^']*)'|([^\s"]*))(?=[\s,;]|$)/y;
const GAP = /[\s,;]+/y;
const WORD = /[^\s,;]+/y;

/** Whether the text can be pairs at all: most texts cannot, and are told by their first word. */
export function mayBePairs(text: string): boolean {
  const equals = text.indexOf('=');
  if (equals < 1) return false;
  const space = text.indexOf(' ');
  return space < 0 || equals < space;
}

/** The pairs of a text that consists of them; undefined where it does not. */
export function readPairs(text: string): readonly Pair[] | undefined {
  if (!mayBePairs(text)) return undefined;
  const pairs: Pair[] = [];
  let words = 0;
  for (let at = 0; at < text.length; ) {
    const pair = matchAt(PAIR, text, at);
    if (pair !== null) {
      pairs.push({ key: pair[1] ?? '', value: pairValue(pair) });
      // An event takes no more: the rest is in the message.
      if (pairs.length === EVENT_LIMITS.members) return pairs;
    } else if (at === 0 || ++words > pairs.length) return undefined;
    at += (pair ?? matchAt(WORD, text, at))?.[0].length ?? 1;
    at += matchAt(GAP, text, at)?.[0].length ?? 0;
  }
  return pairs.length >= 2 ? pairs : undefined;
}

function matchAt(shape: RegExp, text: string, at: number): RegExpExecArray | null {
  shape.lastIndex = at;
  return shape.exec(text);
}

function pairValue([, , quoted, single, bare]: RegExpExecArray): string {
  if (quoted !== undefined) return quoted.includes('\\') ? withoutEscapes(quoted) : quoted;
  return single ?? bare ?? '';
}

function withoutEscapes(text: string): string {
  return text.replace(/\\(.)/gs, (_, char: string) => (char === 'n' ? '\n' : char === 't' ? '\t' : char));
}
