import { describe, expect, test } from 'vitest';
import { markPattern, markPieces } from './mark.ts';

const marked = (text: string, ...sought: string[]) =>
  markPieces(text, markPattern(sought))
    .map((piece) => (piece.marked ? `[${piece.text}]` : piece.text))
    .join('');

describe('marking what was searched for', () => {
  test('marks whole tokens in any case, as the search finds them', () => {
    expect(marked('Timeout timeouts TIMEOUT', 'timeout')).toBe('[Timeout] timeouts [TIMEOUT]');
    expect(marked('café_42 décafé', 'CAFÉ')).toBe('[café]_42 décafé');
  });

  test('marks a phrase across what separates its tokens', () => {
    expect(marked('connection-refused by db', 'connection refused')).toBe('[connection-refused] by db');
  });

  test('takes nothing in the text for a pattern', () => {
    expect(marked('a.b (x) [y]', 'x', '.*', '[')).toBe('a.b ([x]) [y]');
  });

  test('leaves the text alone where nothing is sought', () => {
    expect(markPattern(['', '--'])).toBeUndefined();
    expect(marked('as it is')).toBe('as it is');
  });
});
