/**
 * Goes on as a producer of an earlier process. Kafka passes over the last five batches that it has of a producer; how much
 * it has before these is asked. What that process had sent may still come in: it has the sequences of what is sent again,
 * so that whichever is second is passed over.
 */

import { placeOf } from '../place.ts';
import type { TopicPartition } from '../port.ts';
import type { ProducerMark } from '../producer-mark.ts';
import type { Cluster } from './cluster.ts';
import { knownProducers } from './known-producers.ts';
import { SEQUENCES } from './pending-appends.ts';

/**
 * How many records from the mark on the partition has; 0 where Kafka knows nothing of the producer (any more), undefined
 * where it takes nothing of this epoch any more.
 */
export async function recordsSince(
  cluster: Cluster,
  at: TopicPartition,
  mark: ProducerMark,
): Promise<number | undefined> {
  const all = await knownProducers(cluster, at, `asking what an earlier process has appended to ${placeOf(at)}`);
  const known = all.find(({ producerId }) => `${producerId}` === mark.producerId);
  if (known !== undefined && known.producerEpoch > mark.epoch) return undefined;
  if (known === undefined || known.lastSequence < 0) return 0;
  const records = (known.lastSequence + 1 - mark.sequence + SEQUENCES) % SEQUENCES;
  // It has less than was acknowledged: it says so itself, when more comes.
  return records > SEQUENCES / 2 ? 0 : records;
}
