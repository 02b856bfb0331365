import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { orAborted } from './or-aborted.ts';

test('work is waited for until the signal fires, and leaves no listener behind', async () => {
  const { signal } = new AbortController();
  expect(await orAborted(Promise.resolve('done'), signal)).toBe('done');
  await expect(orAborted(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed');
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('what the work comes to after the signal is not waited for any more', async () => {
  const stopping = new AbortController();
  const work = Promise.withResolvers<string>();
  const waited = orAborted(work.promise, stopping.signal);
  stopping.abort();
  expect(await waited).toBeUndefined();
  work.reject(new Error('too late'));
  expect(await orAborted(Promise.reject(new Error('at once')), stopping.signal)).toBeUndefined();
});
