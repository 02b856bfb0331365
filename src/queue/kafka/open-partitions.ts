/** The readers and writers that a process has of partitions on Kafka. */

import type { LastingTrouble } from '../../lib/lasting-trouble.ts';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { TopicPartition } from '../port.ts';
import type { Cluster } from './cluster.ts';
import type { KafkaMetrics } from './metrics.ts';
import { offsetAt, WHEN } from './offsets.ts';
import { KafkaReader, type KafkaReaderOptions } from './partition-reader.ts';
import { KafkaWriter } from './partition-writer.ts';
import type { Producer } from './producer.ts';
import type { KafkaQueueOptions, Writers } from './queue-options.ts';
import { newProducer, renew, takeOver } from './take-over.ts';
import type { WriterOptions } from './writer-options.ts';

export interface OpenPartitionsOptions extends Pick<KafkaQueueOptions, 'onCorrupt' | 'renewMs'> {
  readonly cluster: Cluster;
  readonly metrics: KafkaMetrics;
  readonly log: Logger;
  readonly trouble: LastingTrouble;
}

/** What a writer has besides, or in place of what it would have, when it is to append by this producer. */
type Admit = (producer: Producer) => Promise<Partial<WriterOptions>>;

type HowToRead = Pick<KafkaReaderOptions, 'showsFences' | 'isChosen'>;

/** A reader has an answer that it reads, and has asked for another one. */
const READ_AND_ASKED = 2;

export class OpenPartitions {
  readonly #options: OpenPartitionsOptions;
  readonly #writers = new Set<KafkaWriter>();
  readonly #readers = new Set<KafkaReader>();
  readonly #renewing: NodeJS.Timeout;

  constructor(options: OpenPartitionsOptions) {
    this.#options = options;
    this.#renewing = setInterval(() => void this.#renew(), options.renewMs ?? KAFKA_LIMITS.renewMs);
    this.#renewing.unref();
  }

  /** `at` as Kafka calls it, `as` as the port does. */
  reader(at: TopicPartition, as: TopicPartition = at, options: HowToRead = {}): KafkaReader {
    const { cluster, log, metrics, onCorrupt } = this.#options;
    const reader = new KafkaReader({
      at,
      as,
      cluster,
      log,
      ...options,
      aheadBytes: () => Math.floor(KAFKA_LIMITS.readersBytes / READ_AND_ASKED / this.#readers.size),
      onFetched: (bytes) => metrics.fetched(as, bytes),
      onCorrupt: (range) => {
        metrics.passedOver(as, range.nextOffset - range.fromOffset);
        onCorrupt?.(as, range);
      },
      onLost: (records) => metrics.askedTooEarly(as, records),
      onClose: () => void this.#readers.delete(reader),
    });
    this.#readers.add(reader);
    return reader;
  }

  async writer(at: TopicPartition, writers: Writers, as: TopicPartition = at, admit?: Admit): Promise<KafkaWriter> {
    const { cluster, log, metrics, trouble } = this.#options;
    const owner = `${at.topic}-${at.partition}`;
    const isShared = writers === 'many';
    const producer = isShared ? await newProducer(cluster, at) : await takeOver(cluster, owner, at);
    const writer = new KafkaWriter({
      at,
      as,
      cluster,
      log,
      trouble,
      metrics: metrics.forWriter(as),
      producer,
      endOffset: await offsetAt(cluster, at, WHEN.end),
      isShared,
      renew: (own) => (isShared ? newProducer(cluster, at) : renew(cluster, owner, at, own)),
      ...(await admit?.(producer)),
      onClose: () => void this.#writers.delete(writer),
    });
    this.#writers.add(writer);
    return writer;
  }

  /** For how long what waits in a writer has not moved on; 0 where nothing waits. */
  get troubledForMs(): number {
    return Math.max(0, ...[...this.#writers].map((writer) => writer.troubledForMs));
  }

  /** Writers of topics whose name another one has now give up. */
  endReplaced(): void {
    for (const writer of this.#writers) writer.endIfReplaced();
  }

  /** Whether brokers have answered all that was sent. */
  async closeWriters(): Promise<boolean> {
    clearInterval(this.#renewing);
    const writers = [...this.#writers];
    await Promise.all(writers.map((writer) => writer.close()));
    return !writers.some(({ leftUnanswered }) => leftUnanswered);
  }

  async closeReaders(): Promise<void> {
    await Promise.all([...this.#readers].map((reader) => reader.close()));
  }

  async #renew(): Promise<void> {
    for (const writer of [...this.#writers]) await writer.renew();
  }
}
