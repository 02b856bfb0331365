/** What a writer of one partition is made with. */
import type { LastingTrouble } from '../../lib/lasting-trouble.ts';
import type { Logger } from '../../lib/log.ts';
import type { TopicPartition } from '../port.ts';
import type { Cluster } from './cluster.ts';
import type { WriterMetrics } from './metrics.ts';
import type { Producer } from './producer.ts';

export interface WriterOptions {
  /** As Kafka calls it, and as the port does. */
  readonly at: TopicPartition;
  readonly as: TopicPartition;
  readonly cluster: Cluster;
  readonly log: Logger;
  readonly trouble: Pick<LastingTrouble, 'failed' | 'passed' | 'forget'>;
  readonly metrics: WriterMetrics;
  readonly producer: Producer;
  /** Where the partition ends now. */
  readonly endOffset: number;
  /** Others may write to it as well: offsets are known only of what was acknowledged. */
  readonly isShared: boolean;
  /** Another producer or epoch, where a broker has forgotten what this one has written. Throws QUEUE_FENCED. */
  readonly renew: (producer: Producer) => Promise<Producer>;
  /** Nothing is sent before. What it rejects with, all appends are. */
  readonly after?: Promise<void> | undefined;
  /** Before anything is appended by another producer than before. */
  readonly onProducer?: (producer: Producer) => Promise<void>;
  /** Told before those who wait are, in the same moment. */
  readonly onFenced?: () => void;
  /** Where batches of this producer are that begin with these sequences, if they are there: nothing more of it will be. */
  readonly findLanded?: (
    from: number,
    producer: Producer,
    sequences: readonly number[],
  ) => Promise<ReadonlyMap<number, number>>;
  readonly onClose: () => void;
}
