/** The queue's own figures, for Prometheus. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { TopicPartition } from '../port.ts';

const GROUP_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/** Of one writer, without its labels. */
export interface WriterMetrics {
  readonly records: { inc(count: number): void };
  readonly bytes: { inc(count: number): void };
  readonly groupSeconds: { observe(seconds: number): void };
  readonly pendingBytes: { set(bytes: number): void };
  readonly stopped: { set(value: number): void };
  refused(code: string, appends: number): void;
}

export class QueueMetrics {
  readonly #records: Counter<'topic' | 'partition'>;
  readonly #bytes: Counter<'topic' | 'partition'>;
  readonly #groupSeconds: Histogram<'topic'>;
  readonly #pendingBytes: Gauge<'topic' | 'partition'>;
  readonly #stopped: Gauge<'topic' | 'partition'>;
  readonly #refused: Counter<'topic' | 'partition' | 'code'>;
  readonly #corrupt: Counter<'topic' | 'partition'>;
  readonly #outOfRange: Counter<'topic' | 'partition'>;

  /** Without a registry the figures are kept and not shown. */
  constructor(registry: Registry = new Registry()) {
    const registers = [registry];
    const labelNames = ['topic', 'partition'] as const;
    const counter = (name: string, help: string) => new Counter({ name, help, labelNames, registers });
    const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames, registers });
    this.#records = counter('spillway_queue_appended_records_total', 'Records that are durable.');
    this.#bytes = counter('spillway_queue_appended_bytes_total', 'Bytes of batches that are durable.');
    this.#groupSeconds = new Histogram({
      name: 'spillway_queue_group_seconds',
      help: 'Writing and syncing one group.',
      labelNames: ['topic'],
      buckets: GROUP_SECONDS,
      registers,
    });
    this.#pendingBytes = gauge('spillway_queue_pending_bytes', 'Appended and not yet durable.');
    this.#stopped = gauge('spillway_queue_stopped', '1 where a partition takes no more records until a restart.');
    this.#refused = new Counter({
      name: 'spillway_queue_refused_appends_total',
      help: 'Appends that were not acknowledged, by the code of the error.',
      labelNames: ['topic', 'partition', 'code'],
      registers,
    });
    this.#corrupt = counter('spillway_queue_corrupt_records_total', 'Offsets that readers passed over as unreadable.');
    this.#outOfRange = counter(
      'spillway_queue_out_of_range_records_total',
      'Offsets that readers asked for after their retention.',
    );
  }

  forWriter({ topic, partition }: TopicPartition): WriterMetrics {
    const labels = { topic, partition };
    const stopped = this.#stopped.labels(labels);
    stopped.set(0);
    return {
      records: this.#records.labels(labels),
      bytes: this.#bytes.labels(labels),
      groupSeconds: this.#groupSeconds.labels({ topic }),
      pendingBytes: this.#pendingBytes.labels(labels),
      stopped,
      refused: (code, appends) => this.#refused.inc({ ...labels, code }, appends),
    };
  }

  passedOver({ topic, partition }: TopicPartition, records: number): void {
    this.#corrupt.inc({ topic, partition }, records);
  }

  askedTooEarly({ topic, partition }: TopicPartition, records: number): void {
    this.#outOfRange.inc({ topic, partition }, records);
  }
}
