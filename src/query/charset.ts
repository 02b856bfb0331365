/** Sets of Unicode code points as sorted ranges that neither overlap nor touch. */
export type CodeRange = readonly [first: number, last: number];
export type CharSet = readonly CodeRange[];

export const LAST_CODE_POINT = 0x10ffff;
export const ANY_CHAR: CharSet = [[0, LAST_CODE_POINT]];

const code = (char: string): number => char.charCodeAt(0);
export const DIGITS: CharSet = [[code('0'), code('9')]];
export const WORD_CHARS: CharSet = charSet([
  [code('0'), code('9')],
  [code('A'), code('Z')],
  [code('_'), code('_')],
  [code('a'), code('z')],
]);
/** Tab, line feed, vertical tab, form feed, carriage return, space. */
export const SPACES: CharSet = charSet([
  [9, 13],
  [32, 32],
]);
/** What a token of `message` is made of, once lower-cased. */
export const TOKEN_CHARS: CharSet = charSet([
  [code('0'), code('9')],
  [code('a'), code('z')],
  [0x80, LAST_CODE_POINT],
]);

/** The union of any ranges. */
export function charSet(ranges: readonly CodeRange[]): CharSet {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [first, last] of sorted) {
    const previous = merged.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

export function complement(set: CharSet): CharSet {
  const result: CodeRange[] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) result.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST_CODE_POINT) result.push([next, LAST_CODE_POINT]);
  return result;
}

export function intersection(a: CharSet, b: CharSet): CharSet {
  const result: CodeRange[] = [];
  for (const [aFirst, aLast] of a) {
    for (const [bFirst, bLast] of b) {
      const first = Math.max(aFirst, bFirst);
      const last = Math.min(aLast, bLast);
      if (first <= last) result.push([first, last]);
    }
  }
  return charSet(result);
}
