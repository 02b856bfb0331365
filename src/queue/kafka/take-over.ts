/**
 * One writer per partition, on a broker that lets anybody write: a transactional id for each partition makes every
 * writer's producer the same one with a larger epoch. That alone fences nobody who does not use transactions, because
 * the partition's leader learns of an epoch only from what is written there. So the partition is put into a transaction
 * that is aborted: the coordinator writes an abort marker with the new epoch to the partition, and from then on the leader
 * refuses whatever an earlier writer still sends. What it had sent before lies before the marker, where the new owner
 * reads it. Appends themselves need no transaction.
 *
 * Each step names the epoch that the first one gave. Whoever took the partition over meanwhile has a newer one, so the
 * slower of two is told; without that it would get a newer epoch still, after the other one's marker, and both could write.
 *
 * The marker takes one offset: a gap, as after a torn tail in the embedded log.
 *
 * Where the coordinator does not know any more by whom it was written before, its leader does, for a day after the last
 * append: such producers are fenced one by one (fence.ts).
 */
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import { placeOf } from '../place.ts';
import type { TopicPartition } from '../port.ts';
import type { Cluster } from './cluster.ts';
import { fence } from './fence.ts';
import { knownProducers } from './known-producers.ts';
import type { Producer } from './producer.ts';
import { addPartitionsToTxn, endTxn, initProducerId } from './protocol.ts';

/** `name`: of the partition's ownership. Throws QUEUE_FENCED where somebody else takes it over at the same time. */
export async function takeOver(cluster: Cluster, name: string, at: TopicPartition): Promise<Producer> {
  const options = { doing: `taking over ${placeOf(at)}`, forMs: KAFKA_LIMITS.takeOverMs };
  const init = () =>
    cluster.askCoordinator('transaction', name, options, initProducerId, name, KAFKA_LIMITS.takeOverMs, -1n, -1);
  const first = await init();
  if (first.producerEpoch === 0) {
    // Nobody has had it before, or it is not known (any more) by which producer: such a one is told by the partition's leader.
    await fenceOthers(cluster, at, first.producerId);
    return { id: first.producerId, epoch: first.producerEpoch };
  }
  await cluster.askCoordinator('transaction', name, options, addPartitionsToTxn, [
    {
      transactionalId: name,
      producerId: first.producerId,
      producerEpoch: first.producerEpoch,
      verifyOnly: false,
      topics: [{ name: at.topic, partitions: [at.partition] }],
    },
  ]);
  const own = { id: first.producerId, epoch: first.producerEpoch };
  await cluster.askCoordinator('transaction', name, options, endTxn, name, own.id, own.epoch, false);
  // It is answered when the marker is written.
  return renew(cluster, name, at, own);
}

/** Kafka gives another id where it has forgotten the one before, and where that one's epochs have run out. */
async function fenceOthers(cluster: Cluster, at: TopicPartition, own: bigint): Promise<void> {
  const known = await knownProducers(cluster, at, `asking who has written ${placeOf(at)}`);
  for (const { producerId: id, producerEpoch: epoch } of known) if (id !== own) await fence(cluster, at, { id, epoch });
}

/** A newer epoch of a producer that still is the owner. Throws QUEUE_FENCED where it is not. */
export async function renew(cluster: Cluster, name: string, at: TopicPartition, own: Producer): Promise<Producer> {
  const options = { doing: `going on with ${placeOf(at)}`, forMs: KAFKA_LIMITS.takeOverMs };
  const { producerId, producerEpoch } = await cluster.askCoordinator(
    'transaction',
    name,
    options,
    initProducerId,
    name,
    KAFKA_LIMITS.takeOverMs,
    own.id,
    own.epoch,
  );
  return { id: producerId, epoch: producerEpoch };
}

/** A producer of one's own, for a partition that several write to. */
export async function newProducer(cluster: Cluster, at: TopicPartition): Promise<Producer> {
  const options = { doing: `becoming a writer of ${placeOf(at)}` };
  const { producerId, producerEpoch } = await cluster.askAny(
    options,
    initProducerId,
    null,
    KAFKA_LIMITS.takeOverMs,
    -1n,
    -1,
  );
  return { id: producerId, epoch: producerEpoch };
}
