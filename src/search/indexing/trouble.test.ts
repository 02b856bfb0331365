import { expect, test } from 'vitest';
import { STORE_LIMITS } from '../../lib/limits.ts';
import { StoreTrouble } from './trouble.ts';

test('what takes longer than some seconds is a trouble since it began, until all of it has ended', async () => {
  let nowMs = 1_000;
  const trouble = new StoreTrouble({ now: () => nowMs });
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  const work = trouble.watch(async () => {
    await trouble.watch(() => first.promise);
    await second.promise;
  });
  nowMs += STORE_LIMITS.troubleAfterMs - 1;
  expect(trouble.sinceMs).toBe(undefined);
  nowMs += 1;
  expect(trouble.sinceMs).toBe(1_000);
  expect(trouble.seconds).toBe(STORE_LIMITS.troubleAfterMs / 1_000);
  first.resolve();
  await first.promise;
  expect(trouble.sinceMs).toBe(1_000);
  second.resolve();
  await work;
  expect(trouble.sinceMs).toBe(undefined);
  await expect(trouble.watch(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  nowMs += 2 * STORE_LIMITS.troubleAfterMs;
  expect(trouble.seconds).toBe(0);
});

test('a start in which nothing has failed may take longer, and one in which something has may not', async () => {
  let nowMs = 1_000;
  const trouble = new StoreTrouble({ now: () => nowMs });
  const started = Promise.withResolvers<void>();
  const start = trouble.watchStart(() => trouble.watch(() => started.promise));
  nowMs += STORE_LIMITS.startTroubleAfterMs - 1;
  expect(trouble.sinceMs).toBe(undefined);
  trouble.reason = 'no cluster';
  expect(trouble.sinceMs).toBe(1_000);
  trouble.reason = undefined;
  expect(trouble.sinceMs).toBe(undefined);
  nowMs += 1;
  expect(trouble.sinceMs).toBe(1_000);
  started.resolve();
  await start;
  expect(trouble.sinceMs).toBe(undefined);
  void trouble.watch(() => new Promise<void>(() => {}));
  nowMs += STORE_LIMITS.troubleAfterMs;
  expect(trouble.seconds).toBe(STORE_LIMITS.troubleAfterMs / 1_000);
});
