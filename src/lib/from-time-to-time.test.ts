import { setImmediate as soon } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fromTimeToTime, nowAndFromTimeToTime } from './from-time-to-time.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

test('work begins after the first interval, or at once, and a time that fails is told and followed by the next', async () => {
  const told: string[] = [];
  let times = 0;
  const options = {
    everyMs: 10,
    work: async () => {
      if (++times === 1) throw new Error('the first');
    },
    failed: (reason: string) => void told.push(reason),
  };
  const stop = fromTimeToTime(options);
  expect(times).toBe(0);
  vi.advanceTimersByTime(10);
  await soon();
  vi.advanceTimersByTime(10);
  await stop();
  expect([times, told]).toEqual([2, ['the first']]);
  const stopAgain = nowAndFromTimeToTime(options);
  expect(times).toBe(3);
  await stopAgain();
  vi.advanceTimersByTime(100);
  expect(times).toBe(3);
});

test('a time that takes longer is not joined by another, and a stop waits for it', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let times = 0;
  let isStopped = false;
  const work = () => {
    times++;
    return promise;
  };
  const stop = nowAndFromTimeToTime({ everyMs: 10, work, failed: () => {} });
  vi.advanceTimersByTime(50);
  const stopped = stop().then(() => {
    isStopped = true;
  });
  await soon();
  expect([times, isStopped]).toEqual([1, false]);
  resolve();
  await stopped;
});
