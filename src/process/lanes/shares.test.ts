import { expect, it } from 'vitest';
import { LANE_LIMITS } from '../../lib/limits.ts';
import { TenantShares } from './shares.ts';

function sharesOf(records: Readonly<Record<string, number>>): TenantShares {
  const shares = new TenantShares();
  for (const [tenant, count] of Object.entries(records)) shares.count(tenant, count, 100 * count);
  return shares;
}

const noisiest = (shares: TenantShares, leastRecords = 0): string | undefined =>
  shares.noisiest(shares.tenants(), leastRecords);

it('finds the tenant that sends more than twice what the others do on the average', () => {
  expect(noisiest(sharesOf({ loud: 1_000, small: 1, other: 3 }))).toBe('loud');
  expect(noisiest(sharesOf({ loud: 201, b: 100, c: 100 }))).toBe('loud');
  expect(noisiest(sharesOf({ a: 200, b: 100, c: 100 }))).toBeUndefined();
});

it('finds nobody among equals, and whoever is alone', () => {
  expect(noisiest(sharesOf({ a: 100, b: 100, c: 100 }))).toBeUndefined();
  expect(noisiest(sharesOf({ alone: 1 }))).toBe('alone');
  expect(noisiest(new TenantShares())).toBeUndefined();
});

it('leaves those alone that have sent little, however little the others send', () => {
  expect(noisiest(sharesOf({ loud: 999, small: 1 }), 1_000)).toBeUndefined();
  expect(noisiest(sharesOf({ loud: 1_000, small: 1 }), 1_000)).toBe('loud');
});

it('chooses among those that it is asked about, beside what all others send', () => {
  const shares = sharesOf({ louder: 10_000, loud: 1_000, small: 1 });
  expect(shares.noisiest(['loud', 'small'], 0)).toBeUndefined();
  expect(shares.noisiest(['louder', 'small'], 0)).toBe('louder');
});

it('counts bytes as well as records', () => {
  const shares = new TenantShares();
  shares.count('long', 1, 100_000);
  shares.count('short', 10, 100);
  expect(noisiest(shares)).toBe('long');
});

it('forgets what was long ago, and tenants with it', () => {
  const shares = sharesOf({ loud: 1_000, small: 10 });
  shares.age(0);
  shares.age(LANE_LIMITS.shareHalfLifeMs * 20);
  expect([...shares.tenants()]).toEqual([]);
  shares.count('now', 10, 1_000);
  expect(noisiest(shares)).toBe('now');
});

it('remembers a bounded number of tenants', () => {
  const shares = new TenantShares();
  for (let i = 0; i <= LANE_LIMITS.tenants; i++) shares.count(`tenant-${i}`, 1, 100);
  expect([...shares.tenants()].length).toBeLessThanOrEqual(LANE_LIMITS.tenants);
});
