import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hashSource, partitionOf } from './source-partition.ts';

const source = fc.array(fc.string(), { minLength: 1, maxLength: 4 });
const counts = fc.tuple(fc.integer({ min: 1, max: 64 }), fc.nat(64), fc.nat(64));

it('moves a source to an added partition or not at all', () => {
  fc.assert(
    fc.property(source, counts, (parts, [first, some, more]) => {
      const hash = hashSource(parts);
      const before = partitionOf(hash, first, first + some);
      const after = partitionOf(hash, first, first + some + more);
      expect(before).toBeLessThan(first + some);
      expect(after === before || (after >= first + some && after < first + some + more)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

it('spreads sources evenly, however the partitions came', () => {
  const sources = Array.from({ length: 20_000 }, (_, i) =>
    hashSource(['default', 'syslog-tcp', `10.0.${i >> 8}.${i & 255}`]),
  );
  for (const [first, partitions] of [
    [8, 8],
    [4, 8],
    [1, 8],
    [5, 8],
  ] as const) {
    const shares = Array.from({ length: partitions }, () => 0);
    for (const hash of sources) {
      const at = partitionOf(hash, first, partitions);
      shares[at] = (shares[at] ?? 0) + 1;
    }
    const expected = sources.length / partitions;
    for (const share of shares) expect(Math.abs(share - expected)).toBeLessThan(expected * 0.1);
  }
});

it('tells sources apart whose parts run together', () => {
  expect(hashSource(['ab', 'c'])).not.toEqual(hashSource(['a', 'bc']));
});

it('keeps the partitions that sources of earlier versions have', () => {
  // `hash % partitions` of the first four bytes of SHA-1, as it was before partitions could be added.
  const found = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((host) => {
    return partitionOf(hashSource(['default', 'syslog-tcp', host]), 4, 4);
  });
  expect(found).toEqual(KNOWN);
});

const KNOWN = [3, 3, 0];
