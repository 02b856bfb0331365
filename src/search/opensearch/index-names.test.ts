import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { namesForPaths } from './index-names.ts';

const { pathChars } = OPENSEARCH_LIMITS;

it('each name is in one path, whole and in order, and no path is longer than an engine takes', () => {
  const name = fc.integer({ min: 1, max: 255 }).map((length) => 'x'.repeat(length));
  fc.assert(
    fc.property(fc.array(name, { maxLength: 200 }), (names) => {
      const paths = namesForPaths(names);
      expect(paths.flatMap((path) => path.split(','))).toEqual(names);
      for (const path of paths) expect(path.length).toBeLessThanOrEqual(pathChars);
    }),
  );
});

it('a path is as full as it may be', () => {
  const half = 'a'.repeat(pathChars / 2);
  const less = half.slice(1);
  expect(namesForPaths([half, less])).toEqual([`${half},${less}`]);
  expect(namesForPaths([half, half])).toEqual([half, half]);
  expect(namesForPaths([])).toEqual([]);
});
