/**
 * For whoever is waited for by a person: an error that says which brokers do not answer, while what was asked of them is
 * still being asked. Where all of them answer, only slowly, it is waited on: what was asked has limits of its own, and so
 * has whoever asks.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SpillwayError } from '../../lib/errors.ts';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import type { Cluster } from './cluster.ts';
import { type Asked, silentBrokers } from './silent-brokers.ts';

type Limits = Readonly<Record<'questionMs' | 'lookMs', number>>;

/** `doing`: what is being done, for a sentence. Throws QUEUE_UNREACHABLE; what comes of the work then is nobody's. */
export async function unlessSilent<T>(
  cluster: Asked & Pick<Cluster, 'brokers'>,
  doing: string,
  work: Promise<T>,
  limits: Limits = KAFKA_LIMITS,
): Promise<T> {
  const isOver = new AbortController();
  const { signal } = isOver;
  const askedMs = performance.now();
  const silent = async (): Promise<never> => {
    for (;;) {
      await delay(limits.questionMs, undefined, { signal });
      const found = await silentBrokers(cluster, limits.lookMs);
      const known = cluster.brokerAddresses.length;
      // Where none has ever answered, none is known.
      if (known === 0 || found.length > 0) throw unanswered(cluster, doing, performance.now() - askedMs, found);
    }
  };
  try {
    return await Promise.race([work, silent()]);
  } finally {
    isOver.abort();
    work.catch(() => {});
  }
}

function unanswered(
  { brokers, brokerAddresses: { length: known } }: Parameters<typeof unlessSilent>[0],
  doing: string,
  forMs: number,
  silent: readonly string[],
): SpillwayError {
  const who = silent.length === 0 ? brokers : silent.join(', ');
  const others = silent.length < known ? `; ${known - silent.length} of ${known} brokers do` : '';
  return new SpillwayError(
    'QUEUE_UNREACHABLE',
    `Kafka did not answer within ${Math.round(forMs / 1_000)} s: ${doing}. Of its brokers these do not answer: ${who}${others}. Look whether ` +
      'they run and can be reached from here, and start those again that stand still.',
    { details: { brokers, silent: silent.join(', ') }, retryAfterS: 5 },
  );
}
