/** What a store tells its supervisor of being held up. */
import { afterEach, expect, it, vi } from 'vitest';
import { STORE_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { StoreTrouble } from '../search/indexing/trouble.ts';
import type { WaitingSlice } from '../search/indexing/waiting.ts';
import type { FromRole } from './messages.ts';
import { reportTrouble, storeTroubles } from './store-trouble.ts';

afterEach(() => vi.useRealTimers());

const NOW_MS = Date.parse('2026-11-26T12:00:00Z');

it('a store says first that it is not held up, whatever the one before it said, then what changes', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const told: FromRole[] = [];
  const logged: string[] = [];
  const log = { info: (text: string) => logged.push(text), warn: (_: object, text: string) => logged.push(text) };
  const trouble: { sinceMs: number | undefined; reason?: string } = { sinceMs: undefined };
  let waiting: readonly WaitingSlice[] = [];
  const link = { send: (message: FromRole) => void told.push(message) };
  const indexer = { trouble: trouble as StoreTrouble, waiting: () => waiting };
  const stop = reportTrouble(indexer, link, { now: () => NOW_MS }, log as unknown as Logger);
  for (const sinceMs of [undefined, undefined, 7, 7, undefined]) {
    trouble.sinceMs = sinceMs;
    vi.advanceTimersByTime(STORE_LIMITS.reportTroubleMs);
  }
  expect(told).toEqual([null, 7, null].map((sinceMs) => ({ kind: 'held-up', sinceMs, waiting: null })));
  expect(logged).toEqual([expect.stringContaining('held up'), 'The store indexes again']);

  told.length = 0;
  logged.length = 0;
  const seenMs = NOW_MS - STORE_LIMITS.troubleAfterMs;
  const slice = { where: 'a', reason: 'red', sinceMs: 5, seenMs, events: 3, offsets: 9 };
  // One that waits for a moment, as while it is made, is no trouble.
  for (const slices of [[], [{ ...slice, seenMs: NOW_MS }], [slice], [{ ...slice, events: 4 }], []]) {
    waiting = slices;
    vi.advanceTimersByTime(STORE_LIMITS.reportTroubleMs);
  }
  stop();
  const waits = [{ slices: 1, sinceMs: 5 }, null];
  expect(told).toEqual(waits.map((some) => ({ kind: 'held-up', sinceMs: null, waiting: some })));
  expect(logged).toEqual([expect.stringContaining('1 slice cannot be written')]);
});

it('health says how many slices wait and since when, and names none', () => {
  const clock = { now: () => NOW_MS };
  expect(storeTroubles(null, null, clock)).toEqual([]);
  expect(storeTroubles(null, { slices: 2, sinceMs: NOW_MS - 1 }, clock)).toEqual([
    expect.stringMatching(/^2 slices cannot be written: .*2026-11-26T11:59:59.999Z.*all others are found/),
  ]);
});

it('health says nothing of a store that starts for the first time, unless that takes long', () => {
  const [startMs, clock] = [NOW_MS, { nowMs: NOW_MS, now: () => clock.nowMs }];
  const troubles = (isStarting: boolean) => storeTroubles(startMs, null, clock, isStarting);
  clock.nowMs += STORE_LIMITS.startTroubleAfterMs - 1;
  expect(troubles(true)).toEqual([]);
  expect(troubles(false)).toEqual([expect.stringContaining('has not indexed since 2026-11-26T12:00:00.000Z')]);
  clock.nowMs += 1;
  expect(troubles(true)).toEqual(troubles(false));
});
