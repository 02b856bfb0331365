import { describe, expect, it } from 'vitest';
import { type BrokerAddress, printAddress } from './options.ts';
import { unlessSilent } from './unless-silent.ts';

const SOON = { questionMs: 20, lookMs: 20 };
const NEVER = new Promise<never>(() => {});

/** Three brokers, of which these stand still, and these cannot be reached. */
function cluster({ still = [], away = [] }: { still?: string[]; away?: string[] }) {
  const askOnce = async ({ host }: BrokerAddress) => {
    if (still.includes(host)) return NEVER;
    if (away.includes(host)) throw new Error('nobody there');
  };
  const brokerAddresses = ['a', 'b', 'c'].map((host) => ({ host, port: 9092 }));
  return { brokers: brokerAddresses.map(printAddress).join(', '), brokerAddresses, askOnce: askOnce as never };
}

const asked = (brokers: Parameters<typeof cluster>[0], work: Promise<unknown> = NEVER) =>
  unlessSilent(cluster(brokers), 'asking for the topics', work, SOON);

describe('a question that takes too long', () => {
  it('is refused with the brokers that do not answer, and what to do', async () => {
    const failure = { code: 'QUEUE_UNREACHABLE', retryAfterS: 5 };
    await expect(asked({ still: ['b'], away: ['c'] })).rejects.toMatchObject({
      ...failure,
      message: expect.stringMatching(
        /asking for the topics\. .* these do not answer: b:9092, c:9092; 1 of 3 .* start those/,
      ),
    });
    await expect(asked({ still: ['a', 'b', 'c'] })).rejects.toMatchObject({
      ...failure,
      message: expect.stringMatching(/these do not answer: a:9092, b:9092, c:9092\. /),
    });
  });

  it('is waited for where all brokers answer, however slow they are', async () => {
    const { brokers, brokerAddresses, askOnce } = cluster({});
    let looked = 0;
    const slow = Promise.withResolvers<string>();
    const counting = (...question: Parameters<typeof askOnce>) => {
      // Each of three is looked at each time: this is the fourth look.
      if (++looked > 9) slow.resolve('late');
      return (askOnce as (...asked: unknown[]) => Promise<unknown>)(...(question as unknown[]));
    };
    const slowCluster = { brokers, brokerAddresses, askOnce: counting as never };
    expect(await unlessSilent(slowCluster, 'asking for the topics', slow.promise, SOON)).toBe('late');
  });

  it('is refused as soon as one of them falls silent meanwhile', async () => {
    const still: string[] = [];
    const answer = asked({ still });
    setTimeout(() => still.push('c'), 3 * SOON.questionMs);
    await expect(answer).rejects.toMatchObject({
      message: expect.stringContaining('do not answer: c:9092; 2 of 3'),
    });
  });

  it('is answered, or fails by itself, before', async () => {
    expect(await asked({ still: ['a'] }, Promise.resolve(7))).toBe(7);
    await expect(asked({ still: ['a'] }, Promise.reject(new Error('its own')))).rejects.toThrow('its own');
  });
});
