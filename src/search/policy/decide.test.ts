import { describe, expect, test } from 'vitest';
import { POLICY_LIMITS } from '../../lib/limits.ts';
import { Random } from '../../lib/random.ts';
import { DAY_MS, HOUR_MS, sliceAt, sliceSpan, sliceText, sliceTime } from '../slices.ts';
import { decide, decideByVolume, type PolicyWish } from './decide.ts';
import { SlicePolicy } from './slice-policy.ts';
import { type Volume, Volumes } from './volumes.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
const WISH: PolicyWish = {
  tiers: [
    { name: 'shared', hours: 24, own: false },
    { name: 'own', fromEvents: 1_000, fromBytes: 1_000_000, hours: 24, own: true },
    { name: 'large', fromEvents: 10_000, hours: 1, own: true },
    { name: 'cold', hours: 168, own: false },
  ],
  retention: { days: 30, tenants: { longer: 90 } },
  pinned: {},
};

const volumesOf = (events: Readonly<Record<string, number>>): Map<string, Volume> =>
  new Map(Object.entries(events).map(([tenant, count]) => [tenant, { events: count, bytes: count }]));

/** Lets time pass: what the policy becomes. */
function passed(
  policy: SlicePolicy,
  nowMs: number,
  events: Readonly<Record<string, number>>,
  wish = WISH,
): SlicePolicy {
  return policy.with(decide(policy, wish, volumesOf(events), nowMs));
}

const tierAt = (policy: SlicePolicy, tenant: string, timeMs: number) => policy.ruleAt(tenant, timeMs).rule.tier;
const placeOf = (policy: SlicePolicy, tenant: string, timeMs: number) =>
  sliceAt(policy.ruleAt(tenant, timeMs).rule, timeMs);
const START = passed(SlicePolicy.EMPTY, NOW_MS, {});

describe('a tenant', () => {
  test('that sends little shares slices with all others, and needs no decision', () => {
    const policy = passed(START, NOW_MS, { a: 1, b: 999, c: 0 });
    expect(policy).toEqual(START);
    expect(policy.ruleAt('a', NOW_MS).rule).toEqual({ tier: 'shared', retentionDays: 30, hours: 24, group: '' });
    expect(policy.ruleAt('longer', NOW_MS).rule).toMatchObject({ tier: 'shared', retentionDays: 90, group: '' });
  });

  test('that sends more has slices of its own from the next beginning of one on, and not before', () => {
    const own = passed(START, NOW_MS, { shop: 1_000 });
    const midnight = Date.parse('2026-11-24T00:00:00Z');
    expect(own.latest('shop')).toMatchObject({ fromMs: midnight, why: '1000 events a day' });
    expect(tierAt(own, 'shop', midnight - 1)).toBe('shared');
    expect(own.ruleAt('shop', midnight).rule).toMatchObject({ tier: 'own', hours: 24, group: 'own-shop' });
    const large = passed(START, NOW_MS, { shop: 10_000 });
    expect(large.latest('shop')?.fromMs).toBe(Date.parse('2026-11-23T13:00:00Z'));
    const bytes = START.with(decide(START, WISH, new Map([['shop', { events: 1, bytes: 1e6 }]]), NOW_MS));
    expect(tierAt(bytes, 'shop', midnight)).toBe('own');
  });

  test('is given less only when it sends less than half of what its tier needs, and a day after the last change', () => {
    const large = passed(START, NOW_MS, { shop: 10_000 });
    const later = NOW_MS + 2 * DAY_MS;
    expect(passed(large, later, { shop: 5_000 })).toEqual(large);
    expect(passed(large, NOW_MS + DAY_MS - 1, { shop: 0 })).toEqual(large);
    const own = passed(large, later, { shop: 4_999 });
    expect(own.latest('shop')).toMatchObject({ rule: { tier: 'own' }, fromMs: later + HOUR_MS });
    const shared = passed(large, later, {});
    expect(shared.latest('shop')).toMatchObject({ rule: null, why: '0 events a day' });
    expect(tierAt(shared, 'shop', later + HOUR_MS)).toBe('shared');
    expect(tierAt(shared, 'shop', later)).toBe('large');
  });

  test('whose volume stands at a limit does not go to and fro', () => {
    const random = new Random(Date.now() % 1e6).next;
    let policy = START;
    for (let hour = 1; hour < 24 * 30; hour++) {
      policy = passed(policy, NOW_MS + hour * HOUR_MS, { shop: 700 + random() * 700 });
    }
    expect(policy.decisions.filter(({ tenant }) => tenant === 'shop')).toHaveLength(1);
  });

  test('that is named in the configuration is in its tier whatever it sends', () => {
    const wish = { ...WISH, pinned: { shop: 'large', noisy: 'shared', archive: 'cold' } };
    const policy = passed(SlicePolicy.EMPTY, NOW_MS, { noisy: 1e9 }, wish);
    expect(policy.ruleAt('shop', 0).rule).toMatchObject({ tier: 'large', hours: 1, group: 'own-shop' });
    expect(tierAt(policy, 'noisy', NOW_MS)).toBe('shared');
    expect(policy.ruleAt('archive', 0).rule).toMatchObject({ hours: 168, group: 'tier-cold' });
    const unpinned = passed(policy, NOW_MS + 2 * DAY_MS, { noisy: 1e9 });
    expect(tierAt(unpinned, 'noisy', NOW_MS + 3 * DAY_MS)).toBe('large');
    expect(tierAt(unpinned, 'shop', NOW_MS + 3 * DAY_MS)).toBe('shared');
  });
});

test('no more tenants have slices of their own than there may be: those that have them, then the largest', () => {
  const many = (from: number, size: (i: number) => number) =>
    Object.fromEntries(Array.from({ length: 2 * POLICY_LIMITS.ownTenants }, (_, i) => [`t${from + i}`, size(i)]));
  const first = passed(
    START,
    NOW_MS,
    many(0, (i) => 1_000 + i),
  );
  const own = (policy: SlicePolicy) =>
    policy.tenants().filter((tenant) => tierAt(policy, tenant, NOW_MS * 2) === 'own');
  expect(own(first).sort()).toEqual(
    Array.from({ length: POLICY_LIMITS.ownTenants }, (_, i) => `t${POLICY_LIMITS.ownTenants + i}`).sort(),
  );
  const second = passed(first, NOW_MS + 2 * DAY_MS, { ...many(0, (i) => 1_000 + i), ...many(1_000, () => 5_000) });
  expect(own(second).sort()).toEqual(own(first).sort());
});

test('what the configuration changes holds from then on, and leaves what was before where it is', () => {
  const pinned = { shop: 'large' };
  const before = passed(SlicePolicy.EMPTY, NOW_MS, {}, { ...WISH, pinned });
  const tiers = WISH.tiers.map((tier) => (tier.name === 'large' ? { ...tier, hours: 6 } : tier));
  const policy = passed(before, NOW_MS + 1, {}, { tiers, retention: { days: 7 }, pinned });
  const fromMs = policy.latest('shop')?.fromMs ?? 0;
  expect(fromMs).toBe(Date.parse('2026-11-23T13:00:00Z'));
  expect(policy.ruleAt('shop', fromMs - 1).rule).toMatchObject({ hours: 1, retentionDays: 30 });
  expect(policy.ruleAt('shop', fromMs).rule).toMatchObject({ hours: 6, retentionDays: 7 });
  expect(policy.ruleAt('anyone', NOW_MS).rule.retentionDays).toBe(30);
  expect(policy.ruleAt('anyone', NOW_MS + DAY_MS).rule.retentionDays).toBe(7);
  expect(policy.ruleAt('longer', NOW_MS + DAY_MS).rule.retentionDays).toBe(7);
});

test('an event is placed the same way whenever it is placed, whatever is decided in between', () => {
  const seed = Date.now() % 1_000_000;
  const random = new Random(seed).next;
  let policy = START;
  let nowMs = NOW_MS;
  const placed: { tenant: string; timeMs: number; version: number; slice: string }[] = [];
  for (let round = 0; round < 200; round++) {
    nowMs += Math.floor(random() * 12 * HOUR_MS);
    const tenant = `t${Math.floor(random() * 4)}`;
    const timestampMs = nowMs + Math.floor((random() - 0.8) * 10 * DAY_MS);
    const timeMs = sliceTime(timestampMs, nowMs);
    expect(timeMs).toBeLessThanOrEqual(nowMs);
    placed.push({ tenant, timeMs, version: policy.version, slice: sliceText(placeOf(policy, tenant, timeMs)) });
    const pinned = random() < 0.3 ? { t0: WISH.tiers[Math.floor(random() * 4)]?.name ?? '' } : {};
    const volumes = Object.fromEntries([0, 1, 2, 3].map((i) => [`t${i}`, random() * 20_000]));
    policy = passed(policy, nowMs, volumes, { ...WISH, pinned });
    const moved = placed.filter(({ tenant, timeMs, version, slice }) => {
      const now = placeOf(policy, tenant, timeMs);
      const span = sliceSpan(now);
      const within = timeMs >= span.fromMs && timeMs < span.toMs && policy.mayHold(now, tenant);
      return !within || sliceText(now) !== slice || sliceText(placeOf(policy.at(version), tenant, timeMs)) !== slice;
    });
    expect(moved, `seed ${seed}, round ${round}`).toEqual([]);
  }
  expect(policy.version).toBeGreaterThan(20);
});

test('stores that were started with different configurations do not overrule each other', () => {
  const other: PolicyWish = { ...WISH, retention: { days: 7 }, pinned: { shop: 'large' } };
  const first = passed(SlicePolicy.EMPTY, NOW_MS, {});
  const second = passed(first, NOW_MS, {}, other);
  expect(second.version).toBe(2);
  const volumes = volumesOf({ busy: 5_000 });
  for (const wish of [WISH, other]) {
    expect(decideByVolume(second, wish, new Map(), NOW_MS + DAY_MS)).toEqual([]);
    expect(decideByVolume(second, wish, volumes, NOW_MS + DAY_MS).map(({ tenant }) => tenant)).toEqual(['busy']);
  }
  const renamed = { ...WISH, tiers: WISH.tiers.map((tier) => ({ ...tier, name: `new-${tier.name}` })) };
  const busy = passed(second, NOW_MS, { busy: 5_000 });
  expect(decideByVolume(busy, renamed, volumesOf({ busy: 50_000 }), NOW_MS + 2 * DAY_MS)).toEqual([]);
  expect(decideByVolume(SlicePolicy.EMPTY, WISH, volumes, NOW_MS)).toEqual(
    decide(SlicePolicy.EMPTY, WISH, volumes, NOW_MS),
  );
});

describe('a slice', () => {
  const wish = { ...WISH, pinned: { shop: 'large' } };
  const policy = passed(SlicePolicy.EMPTY, NOW_MS, {}, wish);
  const shared = { retentionDays: 30, hours: 24, group: '', start: Math.floor(NOW_MS / DAY_MS) };

  test('that a tenant cannot have events in is not asked for it', () => {
    expect(policy.mayHold(shared, 'anyone')).toBe(true);
    expect(policy.mayHold(shared, 'shop')).toBe(false);
    expect(policy.mayHold({ ...shared, retentionDays: 90 }, 'anyone')).toBe(false);
    const own = sliceAt(policy.ruleAt('shop', NOW_MS).rule, NOW_MS);
    expect(policy.mayHold(own, 'shop')).toBe(true);
    expect(policy.mayHold(own, 'shopper')).toBe(false);
  });

  test('of the time of a change, or a day around it, is asked in both places', () => {
    const changed = passed(policy, NOW_MS, {}, { ...WISH, pinned: { shop: 'shared' } });
    const day = (days: number) => ({ ...shared, start: shared.start + days });
    expect([-2, -1, 0, 1, 2].map((days) => changed.mayHold(day(days), 'shop'))).toEqual([
      false,
      true,
      true,
      true,
      true,
    ]);
  });
});

describe('a volume', () => {
  test('at a steady rate is what comes in a day', () => {
    const volumes = new Volumes();
    for (let minute = 0; minute < 10 * 24 * 60; minute++) volumes.add('a', 10, 1_000, NOW_MS + minute * 60_000);
    const measured = volumes.at(NOW_MS + 10 * DAY_MS).get('a');
    expect(measured?.events).toBeGreaterThan(0.99 * 14_400);
    expect(measured?.events).toBeLessThan(1.01 * 14_400);
    expect((measured?.bytes ?? 0) / (measured?.events ?? 1)).toBeCloseTo(100, 6);
  });

  test('is the same in whatever order events come, and after it was kept', () => {
    const times = [5, 0, 3, 1, 8, 2].map((hours) => NOW_MS + hours * HOUR_MS);
    const inOrder = new Volumes();
    for (const at of times.toSorted()) inOrder.add('a', 100, 100, at);
    const shuffled = new Volumes();
    for (const at of times) shuffled.add('a', 100, 100, at);
    const kept = new Volumes(JSON.parse(JSON.stringify([...shuffled.all()])));
    const expected = inOrder.at(NOW_MS + DAY_MS).get('a')?.events ?? 0;
    expect(shuffled.at(NOW_MS + DAY_MS).get('a')?.events).toBeCloseTo(expected, 6);
    expect(kept.at(NOW_MS + DAY_MS).get('a')?.events).toBeCloseTo(expected, 1);
  });

  test('of more tenants than are measured is kept for the larger ones', () => {
    const volumes = new Volumes();
    const many = POLICY_LIMITS.measuredTenants + 1;
    for (let i = 0; i < many; i++) volumes.add(`t${i}`, i, i, NOW_MS);
    const kept = volumes.at(NOW_MS);
    expect(kept.size).toBeLessThanOrEqual(POLICY_LIMITS.measuredTenants);
    expect(kept.has('t0')).toBe(false);
    expect(kept.has(`t${many - 2}`)).toBe(true);
  });
});

test('decisions that no slice depends on any more are forgotten', () => {
  let policy = START;
  for (let round = 0; round < 100; round++) {
    const pinned = { shop: round % 2 === 0 ? 'large' : 'shared' };
    policy = passed(policy, NOW_MS + round * 10 * DAY_MS, {}, { ...WISH, pinned });
  }
  const days = 90 + POLICY_LIMITS.memoryDays;
  expect(policy.decisions.filter(({ tenant }) => tenant === 'shop').length).toBeLessThanOrEqual(days / 10 + 2);
  expect(policy.ruleAt('anyone', NOW_MS).rule.retentionDays).toBe(30);
});
