import { expect, it } from 'vitest';
import { sampleEvent } from '../../../../test/support/sample-events.ts';
import { QUERY_LIMITS } from '../../../lib/limits.ts';
import { TailClient } from './client.ts';

it('holds no more bytes than its buffer, whatever letters its events have', () => {
  let dropped = 0;
  const follower = { tenant: 'default', matches: () => true, rebuild: () => undefined };
  const client = new TailClient(follower, { now: () => 0 }, (count) => {
    dropped += count;
  });
  const letters = Math.floor(QUERY_LIMITS.tailClientBufferBytes / 5);
  for (let i = 0; i < 3; i++) client.offer(sampleEvent(i, { timestamp: 0, message: '東'.repeat(letters) }));
  const { readableLength, writableLength } = client.stream;
  expect(readableLength + writableLength).toBeGreaterThan(0);
  expect(readableLength + writableLength).toBeLessThanOrEqual(QUERY_LIMITS.tailClientBufferBytes);
  expect(dropped).toBe(2);
});
