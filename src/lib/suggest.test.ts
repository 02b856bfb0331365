import { expect, test } from 'vitest';
import { suggest } from './suggest.ts';

const KNOWN = ['host', 'port', 'names', 'retention', 'maxSize'];

test.each([
  ['prot', 'port'],
  ['retension', 'retention'],
  ['MAXSIZE', 'maxSize'],
  ['hots', 'host'],
])('%s is taken for %s', (written, meant) => expect(suggest(written, KNOWN)).toBe(meant));

test('what is like nothing is not taken for something', () => {
  expect(suggest('brokers', KNOWN)).toBeUndefined();
  expect(suggest('x', KNOWN)).toBeUndefined();
  expect(suggest('', KNOWN)).toBeUndefined();
});
