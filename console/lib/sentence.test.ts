import { expect, test } from 'vitest';
import { piecesOf } from './sentence.ts';

test('the times and commands of a sentence can be told apart, and nothing of it is lost', () => {
  const since = '2026-11-26T15:45:52.425Z';
  expect(piecesOf(`It has not indexed since ${since}: see \`spillway doctor\`.`)).toEqual([
    { kind: 'text', text: 'It has not indexed since ' },
    { kind: 'time', text: since, ms: Date.UTC(2026, 10, 26, 15, 45, 52, 425) },
    { kind: 'text', text: ': see ' },
    { kind: 'code', text: 'spillway doctor' },
    { kind: 'text', text: '.' },
  ]);
});

test.each(['', 'All of it is text.', 'It says 2026-99-99T99:99:99Z, which is no time.', 'One ` alone.'])(
  'what has neither stays as it is: %s',
  (sentence) => {
    expect(
      piecesOf(sentence)
        .map(({ text }) => text)
        .join(''),
    ).toBe(sentence);
    expect(piecesOf(sentence).every(({ kind }) => kind === 'text')).toBe(true);
  },
);
