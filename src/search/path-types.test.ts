import { expect, test } from 'vitest';
import { STORE_LIMITS } from '../lib/limits.ts';
import { type PathType, PathTypes } from './path-types.ts';

const field = (path: string) => ({ root: 'payload', path: path.split('.') }) as const;

test('says which types were stored at a path, and that none was at any other', () => {
  const types = new PathTypes();
  types.add([
    ['payload', 'number', 'a.b'],
    ['payload', 'string', 'a.b'],
  ]);
  expect(types.at(field('a.b'))).toEqual(new Set(['number', 'string']));
  expect(types.at(field('a'))).toEqual(new Set());
  expect(types.at({ root: 'metadata', path: ['a', 'b'] })).toEqual(new Set());
  expect(types.unknown([['payload', 'number', 'a.b']])).toEqual([]);
  expect(types.unknown([['payload', 'boolean', 'a.b']])).toEqual([['payload', 'boolean', 'a.b']]);
});

test('at its limit knows every path; one past it, still those that were there, and is not sure of others', () => {
  const types = new PathTypes();
  const paths = Array.from({ length: STORE_LIMITS.knownPaths }, (_, i): PathType => ['payload', 'number', `p${i}`]);
  types.add(paths);
  expect(types.isFull).toBe(false);
  expect(types.at(field('nowhere'))).toEqual(new Set());
  types.add([['payload', 'number', 'one.more']]);
  expect(types.isFull).toBe(true);
  expect(types.at(field('p0'))).toEqual(new Set(['number']));
  expect(types.at(field('one.more'))).toBeUndefined();
  expect(
    types.unknown([
      ['payload', 'string', 'p0'],
      ['payload', 'string', 'another'],
    ]),
  ).toEqual([['payload', 'string', 'p0']]);
});
