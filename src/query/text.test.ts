import { expect, test } from 'vitest';
import { tokenize } from './text.ts';

test('words are runs of ASCII letters and digits and of anything past ASCII', () => {
  expect(tokenize('café_42')).toEqual(['café', '42']);
  expect(tokenize('東京 10.0.0.1')).toEqual(['東京', '10', '0', '0', '1']);
  expect(tokenize('GET /api/v1?id=7')).toEqual(['get', 'api', 'v1', 'id', '7']);
  expect(tokenize('a–b 😀 ½')).toEqual(['a–b', '😀', '½']);
  expect(tokenize(' \0\t_-"\'\\')).toEqual([]);
});

test('words are compared after Unicode lower-casing', () => {
  expect(tokenize('ÄÖÜ Straße ΟΔΟΣ İ')).toEqual(['äöü', 'straße', 'οδος', 'i̇']);
  expect(tokenize('\u212a')).toEqual(['k']);
});
