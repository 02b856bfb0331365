import { describe, expect, it } from 'vitest';
import { SpillwayError } from '../../lib/errors.ts';
import { createLog } from '../../lib/log.ts';
import { Arrival } from './arrival.ts';

const log = createLog('test', 'silent');
const away = new SpillwayError('QUEUE_UNREACHABLE', 'Nobody answers.');
const other = new SpillwayError('QUEUE_CHANGED', 'This is another queue.');

/** A queue that fails with these, one after another, and then is there. */
function queueOf(...failures: readonly SpillwayError[]) {
  const left = [...failures];
  return {
    attempts: () => failures.length - left.length,
    options: {
      arrive: async () => {
        const failure = left.shift();
        if (failure !== undefined) throw failure;
      },
      probe: async () => (left[0]?.code === 'QUEUE_UNREACHABLE' ? left[0] : undefined),
      mayWait: () => true,
      log,
      retryMs: 1,
    },
  };
}

describe('a queue that may be away at a start', () => {
  it('is there at once where it answers', async () => {
    const arrival = await Arrival.begin(queueOf().options);
    expect([arrival.isThere, arrival.waitsFor]).toEqual([true, undefined]);
    await arrival.there;
    expect(() => arrival.assertThere()).not.toThrow();
  });

  it('is waited for over whatever it fails with, and says what that is', async () => {
    const { options } = queueOf(away, away, other, other);
    const arrival = await Arrival.begin(options);
    expect(arrival.isThere).toBe(false);
    expect(() => arrival.assertThere()).toThrow('Nobody answers.');
    expect(arrival.failure.retryAfterS).toBeGreaterThan(0);
    const said: string[] = [];
    arrival.onWaiting((waitsFor) => said.push(waitsFor));
    await arrival.there;
    expect([...new Set(said)].map((text) => text.replace('Waiting for the queue. ', ''))).toEqual([
      'Nobody answers.',
      'This is another queue.',
    ]);
    expect(arrival.waitsFor).toBeUndefined();
  });

  it('is refused where there is nothing to go on by', async () => {
    const { options } = queueOf(away);
    await expect(Arrival.begin({ ...options, mayWait: () => false })).rejects.toThrow('Nobody answers.');
    const { options: changed } = queueOf(other);
    const mayWait = ({ code }: SpillwayError) => code === 'QUEUE_UNREACHABLE';
    await expect(Arrival.begin({ ...changed, mayWait })).rejects.toThrow('another queue');
  });

  it('is not asked for any more once that is ended', async () => {
    const { options, attempts } = queueOf(...Array.from({ length: 10_000 }, () => away));
    const arrival = await Arrival.begin(options);
    await expect.poll(attempts).toBeGreaterThan(2);
    await arrival.close();
    const made = attempts();
    await new Promise((resolve) => setImmediate(resolve));
    expect(attempts()).toBe(made);
    expect(arrival.isThere).toBe(false);
  });
});
