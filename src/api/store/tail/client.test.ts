import { expect, it } from 'vitest';
import { sampleEvent } from '../../../../test/support/sample-events.ts';
import { QUERY_LIMITS } from '../../../lib/limits.ts';
import { TailClient } from './client.ts';

it.each([
  ['fits', 'x', 0],
  ['does not fit', '東', 1],
])('an event that %s the buffer, in bytes, is sent or counted', (_, letter, left) => {
  let dropped = 0;
  const follower = { tenant: 'default', matches: () => true, rebuild: () => undefined };
  const client = new TailClient(follower, { now: () => 0 }, (count) => {
    dropped += count;
  });
  const message = letter.repeat(QUERY_LIMITS.tailClientBufferBytes / 2);
  client.offer(sampleEvent(1, { timestamp: 0, message }));
  expect(dropped).toBe(left);
  expect(client.stream.readableLength > 0).toBe(left === 0);
});
