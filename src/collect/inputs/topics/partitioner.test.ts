import { expect, it } from 'vitest';
import { murmur2, partitionOfKey } from './partitioner.ts';

// From the tests of Kafka's own clients.
it.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('a key is hashed as Kafka does: %s', (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash);
});

it('a partition is one that there is', () => {
  for (let i = 0; i < 1_000; i++) {
    const partition = partitionOfKey(Buffer.from(`key ${i}`), 7);
    expect(partition).toBeGreaterThanOrEqual(0);
    expect(partition).toBeLessThan(7);
  }
});
