/** What a store tells its supervisor of being held up. */
import { afterEach, expect, it, vi } from 'vitest';
import { STORE_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { StoreTrouble } from '../search/indexing/trouble.ts';
import type { FromRole } from './messages.ts';
import { reportTrouble } from './store-trouble.ts';

afterEach(() => vi.useRealTimers());

it('a store says first that it is not held up, whatever the one before it said, then what changes', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const told: FromRole[] = [];
  const logged: string[] = [];
  const log = { info: (text: string) => logged.push(text), warn: (_: object, text: string) => logged.push(text) };
  const trouble: { sinceMs: number | undefined; reason?: string } = { sinceMs: undefined };
  const link = { send: (message: FromRole) => void told.push(message) };
  const stop = reportTrouble(trouble as StoreTrouble, link, log as unknown as Logger);
  for (const sinceMs of [undefined, undefined, 7, 7, undefined]) {
    trouble.sinceMs = sinceMs;
    vi.advanceTimersByTime(STORE_LIMITS.reportTroubleMs);
  }
  stop();
  expect(told).toEqual([null, 7, null].map((sinceMs) => ({ kind: 'held-up', sinceMs })));
  expect(logged).toEqual([expect.stringContaining('held up'), 'The store indexes again']);
});
