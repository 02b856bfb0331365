/**
 * How brokers are told to take nothing more of a producer that does not answer, on a broker that lets anybody write: by a
 * batch with its id and the next epoch, as it would write itself after a failure. From then on the leader of the partition
 * refuses whatever comes with the epoch before, also what has been on its way for an hour; what it had taken lies before.
 * A broker forgets a producer after `producer.id.expiration.ms` without a batch, a day by itself.
 *
 * The batch holds one record, which no reader is shown (take-batches.ts): it takes one offset, as the marker of a takeover
 * does.
 */
import {
  BATCH_HEADER_BYTES,
  encodeHeaders,
  RecordBatchBuilder,
  readProducer,
  sealForKafka,
} from '../../event/record-batch.ts';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import { placeOf } from '../place.ts';
import { offset, type PartitionReader, type TopicPartition } from '../port.ts';
import { verdictOn } from './broker-errors.ts';
import type { Cluster } from './cluster.ts';
import type { Producer } from './producer.ts';
import { produceBatch } from './protocol.ts';

/** Without a value; the same bytes whenever it was made. */
const RECORD = Buffer.from(fenceBatch(0).subarray(BATCH_HEADER_BYTES));

/** Brokers take nothing more of the producer in this partition when it resolves. Again is the same. */
export async function fence(cluster: Cluster, at: TopicPartition, { id, epoch }: Producer): Promise<void> {
  const options = { doing: `taking ${placeOf(at)} away from one that does not answer` };
  const batch = fenceBatch(Date.now());
  sealForKafka(batch, id, epoch + 1, 0);
  try {
    await cluster.askLeader(at, options, produceBatch, at.topic, at.partition, batch, KAFKA_LIMITS.acknowledgeMs);
  } catch (thrown) {
    // A newer epoch is there already.
    if (verdictOn(thrown) !== 'fenced') throw thrown;
  }
}

/** Whether the batch is one by which a producer was fenced. */
export function isFence(batch: Buffer): boolean {
  return batch.length === BATCH_HEADER_BYTES + RECORD.length && batch.subarray(BATCH_HEADER_BYTES).equals(RECORD);
}

/**
 * Which of the batches of a producer are there that begin with these sequences, and where: it was fenced before it was
 * told. `from`: none of them is before. The reader has to show fences. Throws when the signal fires.
 */
export async function findLanded(
  reader: PartitionReader,
  from: number,
  producer: Producer,
  sequences: readonly number[],
  signal: AbortSignal,
): Promise<ReadonlyMap<number, number>> {
  const found = new Map<number, number>();
  const end = await reader.endOffset();
  for (let next = from; next < end && found.size < sequences.length; ) {
    signal.throwIfAborted();
    const { batches, nextOffset } = await reader.read(offset(next));
    for (const { bytes, baseOffset } of batches) {
      const { id, epoch, sequence } = readProducer(bytes);
      if (id !== producer.id) continue;
      // Nothing of it comes after that.
      if (epoch !== producer.epoch) return found;
      if (sequences.includes(sequence)) found.set(sequence, baseOffset);
    }
    if (nextOffset <= next) break;
    next = nextOffset;
  }
  return found;
}

function fenceBatch(atMs: number): Buffer {
  const builder = new RecordBatchBuilder();
  builder.appendNull(atMs, encodeHeaders([['spillway.fence', Buffer.alloc(0)]]));
  return builder.finish();
}
