import { expect, it } from 'vitest';
import { LANE_LIMITS } from '../../lib/limits.ts';
import { Pace } from './pace.ts';

const WINDOW = 1_000;

/** A store that is told where it stands, and a clock that is told the time. */
function world() {
  const at = { nowMs: 0, stored: new Map<number, number>(), asked: 0, isAway: false };
  const pace = new Pace({
    window: WINDOW,
    nowMs: () => at.nowMs,
    stored: async (partition) => {
      at.asked++;
      if (at.isAway) throw new Error('nobody answers');
      return at.stored.get(partition);
    },
  });
  const shared = () => {
    pace.saw('loud');
    pace.saw('small');
  };
  return { at, pace, shared };
}

it('lets lanes go on while the store is less than a window behind, over all partitions', async () => {
  const { at, pace, shared } = world();
  shared();
  pace.appended(0, WINDOW - 1);
  expect(await pace.mayGoOn()).toBe(true);
  pace.appended(1, 1);
  expect(await pace.mayGoOn()).toBe(false);
  at.nowMs += LANE_LIMITS.askStoredMs;
  at.stored.set(0, 10);
  expect(await pace.mayGoOn()).toBe(true);
});

it('asks the store only where it may be behind, and not all the time', async () => {
  const { at, pace, shared } = world();
  shared();
  pace.appended(0, WINDOW - 1);
  await pace.mayGoOn();
  expect(at.asked).toBe(0);
  pace.appended(0, WINDOW);
  for (let i = 0; i < 5; i++) await pace.mayGoOn();
  expect(at.asked).toBe(1);
});

it('lets a tenant that is alone keep the store busy', async () => {
  const { pace, shared } = world();
  pace.saw('loud');
  pace.appended(0, LANE_LIMITS.windowAlone - 1);
  expect(await pace.mayGoOn()).toBe(true);
  shared();
  expect(await pace.mayGoOn()).toBe(false);
});

it('takes a tenant for one of several until it has been silent for long', async () => {
  const { at, pace, shared } = world();
  shared();
  at.nowMs = LANE_LIMITS.tenantMemoryMs;
  pace.saw('loud');
  expect(pace.isShared).toBe(true);
  at.nowMs++;
  expect(pace.isShared).toBe(false);
});

it('does not wait for a store that takes nothing, and waits again when it does', async () => {
  const { at, pace, shared } = world();
  shared();
  pace.appended(0, 10 * WINDOW);
  at.isAway = true;
  expect(await pace.mayGoOn()).toBe(false);
  at.nowMs = LANE_LIMITS.storeStalledMs + 1;
  expect(await pace.mayGoOn()).toBe(true);
  expect(await pace.isBehind()).toBe(false);
  at.isAway = false;
  at.nowMs += LANE_LIMITS.askStalledMs;
  at.stored.set(0, WINDOW);
  expect(await pace.mayGoOn()).toBe(false);
  expect(await pace.isBehind()).toBe(true);
});

it('does not wait for a partition of which nothing is taken while others are, and does for those', async () => {
  const { at, pace, shared } = world();
  shared();
  pace.appended(0, 10 * WINDOW);
  expect(await pace.mayGoOn()).toBe(false);
  for (let moved = 1; at.nowMs <= LANE_LIMITS.storeStalledMs; moved++) {
    at.nowMs += LANE_LIMITS.askStalledMs;
    pace.appended(1, moved);
    at.stored.set(1, moved);
    await pace.mayGoOn();
  }
  expect(await pace.mayGoOn()).toBe(true);
  expect(await pace.isBehind()).toBe(false);
  pace.appended(1, 3 * WINDOW);
  expect(await pace.mayGoOn()).toBe(false);
  expect(await pace.isBehind()).toBe(true);
});

it('does not wait for such a partition either where less waits there than holds more tenants back', async () => {
  const { at, pace, shared } = world();
  shared();
  pace.appended(0, WINDOW + 1);
  expect(await pace.mayGoOn()).toBe(false);
  while (at.nowMs <= LANE_LIMITS.storeStalledMs) {
    at.nowMs += LANE_LIMITS.askStalledMs;
    // Asked after each read, as long as others send.
    expect(await pace.isBehind()).toBe(false);
    await pace.mayGoOn();
  }
  expect(await pace.mayGoOn()).toBe(true);
});

it('forgets a partition that somebody else has', async () => {
  const { pace, shared } = world();
  shared();
  pace.appended(0, WINDOW);
  expect(await pace.mayGoOn()).toBe(false);
  pace.forget(0);
  expect(await pace.mayGoOn()).toBe(true);
});
