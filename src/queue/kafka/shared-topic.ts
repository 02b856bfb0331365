/** A topic that several processes append to, and whose sources they move together (moves.ts), as brokers have it. */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../lib/errors.ts';
import { KAFKA_LIMITS, MOVE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { PartitionReader, TopicPartition } from '../port.ts';
import type { AppendingProducer } from './appenders.ts';
import type { Cluster } from './cluster.ts';
import { fence, findLanded } from './fence.ts';
import { Moves } from './moves.ts';
import { offsetAt, WHEN } from './offsets.ts';
import type { Producer } from './producer.ts';
import type { KafkaQueueOptions } from './queue-options.ts';
import type { QueueRecord } from './queue-record.ts';
import { newProducer } from './take-over.ts';
import type { WriterOptions } from './writer-options.ts';

export interface SharedTopicOptions {
  readonly appends: NonNullable<KafkaQueueOptions['appends']>;
  /** As Kafka calls it. */
  readonly name: string;
  readonly cluster: Cluster;
  readonly record: QueueRecord;
  readonly log: Logger;
  /** One that shows fences. */
  readonly openReader: (at: TopicPartition) => PartitionReader;
}

export class SharedTopic {
  readonly topic: string;
  readonly moves: Moves;
  readonly #options: SharedTopicOptions;

  constructor(options: SharedTopicOptions) {
    const { appends, name, cluster, record, log } = options;
    this.topic = appends.topic;
    this.#options = options;
    this.moves = new Moves({
      ...appends,
      record,
      log,
      fence: (partition, { id, epoch }) => fence(cluster, { topic: name, partition }, { id: BigInt(id), epoch }),
      endOf: (partition) => offsetAt(cluster, { topic: name, partition }, WHEN.end),
    });
  }

  /** Brokers have added partitions a moment before it is noted in the control topic; sources wait for who is slow. */
  async hasMoreThan(partitions: number): Promise<boolean> {
    const { cluster, name } = this.#options;
    await cluster.refresh().catch(() => {});
    return (cluster.topic(name)?.leaders.length ?? 0) > partitions;
  }

  /** What a writer has to heed that appends by this producer. Throws QUEUE_FENCED. */
  async admit(
    at: TopicPartition,
    producer: Producer,
  ): Promise<Pick<WriterOptions, 'after' | 'onProducer' | 'onFenced' | 'findLanded' | 'renew'>> {
    const { after } = await this.moves.admit(at.partition, printed(producer));
    return {
      after,
      renew: async () => {
        const made = await newProducer(this.#options.cluster, at);
        await this.moves.renew(at.partition, printed(made));
        return made;
      },
      onProducer: (own) => this.moves.renew(at.partition, printed(own)),
      onFenced: () => this.moves.out(),
      findLanded: (...asked) => this.#findLanded(at, ...asked),
    };
  }

  /** Who does not say that it leaves is waited for at the next addition, for a moment. */
  async leave(isClean: boolean): Promise<void> {
    const leaving = this.moves.close(isClean).catch((thrown: unknown) => {
      this.#options.log.info({ reason: messageOf(thrown) }, 'others were not told that this process appends no more');
    });
    await Promise.race([leaving, delay(KAFKA_LIMITS.closeMs, undefined, { ref: false })]);
  }

  async #findLanded(at: TopicPartition, from: number, producer: Producer, sequences: readonly number[]) {
    const reader = this.#options.openReader(at);
    const until = AbortSignal.any([AbortSignal.timeout(MOVE_LIMITS.lookBackMs), this.#options.cluster.ended]);
    try {
      return await findLanded(reader, from, producer, sequences, until);
    } finally {
      await reader.close();
    }
  }
}

const printed = ({ id, epoch }: Producer): AppendingProducer => ({ id: String(id), epoch });
