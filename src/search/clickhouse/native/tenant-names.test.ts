import { expect, test } from 'vitest';
import { TenantNames } from './tenant-names.ts';

test('every name is its own, however many there are and wherever their bytes stand', () => {
  const names = new TenantNames();
  const all = Array.from({ length: 40_000 }, (_, i) => `t-${i}é`);
  for (let round = 0; round < 2; round++) {
    for (const name of [...all, '', 'a', 'ab']) {
      const source = Buffer.from(`x${name}y`);
      expect(names.of(source, 1, source.length - 1)).toBe(name);
      // What was read goes away: the bytes are of other records then.
      source.fill(0);
    }
  }
});
