import { expect, test } from 'vitest';
import { parseRegexp } from '../../query/regexp.ts';
import { luceneRegexp } from './lucene-regexp.ts';

test.each([
  ['abc', 'abc'],
  ['a|b+', 'a|b+'],
  ['(ab)*c?', '(ab)*c?'],
  ['.x{2,3}', '.x{2,3}'],
  ['\\.\\"', '\\.\\"'],
  ['[a-c_]', '[\\_a-c]'],
  // An escape cannot begin a range in Lucene.
  ['[\\]-a]', '[\\]\\^_-a]'],
  ['\\d', '[0-9]'],
])('%s is written as %s', (source, expected) => {
  expect(luceneRegexp(parseRegexp(source, 0))).toBe(expected);
});

test('what no text can match has no expression, and what may be absent is absent', () => {
  const nothing = { kind: 'set', set: [] } as const;
  expect(luceneRegexp(nothing)).toBeUndefined();
  expect(luceneRegexp({ kind: 'concat', children: [parseRegexp('a', 0), nothing] })).toBeUndefined();
  expect(luceneRegexp({ kind: 'alternatives', children: [parseRegexp('a', 0), nothing] })).toBe('a');
  expect(luceneRegexp({ kind: 'repeat', child: nothing, min: 0, max: 1 })).toBe('()');
});

test('halves of pairs are left out of classes', () => {
  expect(luceneRegexp({ kind: 'set', set: [[0xd7fe, 0xe001]] })).toBe('[\ud7fe-\ud7ff\ue000-\ue001]');
});
