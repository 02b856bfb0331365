/**
 * For whoever is waited for by a person: an error that says which brokers do not answer, while what was asked of them is
 * still being asked. Brokers that stand still take connections, so that a question alone finds that out only after long.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SpillwayError } from '../../lib/errors.ts';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import type { Cluster } from './cluster.ts';
import { type BrokerAddress, printAddress } from './options.ts';
import { metadata } from './protocol.ts';

type Asked = Pick<Cluster, 'brokerAddresses' | 'brokers' | 'askOnce'>;
type Limits = Readonly<Record<'questionMs' | 'lookMs', number>>;

/** `doing`: what is being done, for a sentence. Throws QUEUE_UNREACHABLE; what comes of the work then is nobody's. */
export async function inTime<T>(
  cluster: Asked,
  doing: string,
  work: Promise<T>,
  limits: Limits = KAFKA_LIMITS,
): Promise<T> {
  const isOver = new AbortController();
  const tooLate = async (): Promise<never> => {
    await delay(limits.questionMs, undefined, { signal: isOver.signal });
    throw await late(cluster, doing, limits);
  };
  try {
    return await Promise.race([work, tooLate()]);
  } finally {
    isOver.abort();
    work.catch(() => {});
  }
}

async function late(cluster: Asked, doing: string, { questionMs, lookMs }: Limits): Promise<SpillwayError> {
  const known = cluster.brokerAddresses;
  const answers = await Promise.all(known.map((address) => answersWithin(lookMs, cluster, address)));
  const silent = known.filter((_, i) => answers[i] === false).map(printAddress);
  const forS = questionMs / 1_000;
  const options = { details: { brokers: cluster.brokers, silent: silent.join(', ') }, retryAfterS: 5 };
  if (known.length > 0 && silent.length === 0) {
    const what = `Kafka (${cluster.brokers}) is slow: ${doing} took longer than ${forS} s, though all its brokers answer`;
    return new SpillwayError(
      'QUEUE_UNREACHABLE',
      `${what}. Look at the load of their machines, and try again.`,
      options,
    );
  }
  const who = silent.length === 0 ? cluster.brokers : silent.join(', ');
  const others = silent.length < known.length ? `; ${known.length - silent.length} of ${known.length} brokers do` : '';
  return new SpillwayError(
    'QUEUE_UNREACHABLE',
    `Kafka did not answer within ${forS} s: ${doing}. Of its brokers these do not answer: ${who}${others}. Look whether ` +
      'they run and can be reached from here, and start those again that stand still.',
    options,
  );
}

async function answersWithin(ms: number, cluster: Asked, address: BrokerAddress): Promise<boolean> {
  const answer = cluster.askOnce(address, metadata, []).then(
    () => true,
    () => false,
  );
  return Promise.race([answer, delay(ms, false, { ref: false })]);
}
