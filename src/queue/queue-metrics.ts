/** The figures that every engine of the queue has, under the same names, for Prometheus. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { TopicPartition } from './port.ts';

/** Of one writer, without its labels. */
export interface CommonWriterMetrics {
  appended(records: number, bytes: number): void;
  pending(bytes: number): void;
  stopped(isStopped: boolean): void;
  refused(code: string, appends: number): void;
}

export const PARTITION_LABELS = ['topic', 'partition'] as const;

export class CommonQueueMetrics {
  readonly registers: Registry[];
  readonly #records: Counter<'topic' | 'partition'>;
  readonly #bytes: Counter<'topic' | 'partition'>;
  readonly #refused: Counter<'topic' | 'partition' | 'code'>;
  readonly #pendingBytes: Gauge<'topic' | 'partition'>;
  readonly #stopped: Gauge<'topic' | 'partition'>;
  readonly #corrupt: Counter<'topic' | 'partition'>;
  readonly #outOfRange: Counter<'topic' | 'partition'>;

  /** Without a registry the figures are kept and not shown. */
  constructor(registry: Registry = new Registry()) {
    const registers = [registry];
    this.registers = registers;
    const labelNames = PARTITION_LABELS;
    const counter = (name: string, help: string) => new Counter({ name, help, labelNames, registers });
    const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames, registers });
    this.#records = counter('spillway_queue_appended_records_total', 'Records that are durable.');
    this.#bytes = counter('spillway_queue_appended_bytes_total', 'Bytes of batches that are durable.');
    this.#refused = new Counter({
      name: 'spillway_queue_refused_appends_total',
      help: 'Appends that were not acknowledged, by the code of the error.',
      labelNames: [...labelNames, 'code'],
      registers,
    });
    this.#pendingBytes = gauge('spillway_queue_pending_bytes', 'Appended and not yet durable.');
    this.#stopped = gauge('spillway_queue_stopped', '1 where a partition takes no more records until a restart.');
    this.#corrupt = counter('spillway_queue_corrupt_records_total', 'Offsets that readers passed over as unreadable.');
    this.#outOfRange = counter(
      'spillway_queue_out_of_range_records_total',
      'Offsets that readers asked for after their retention.',
    );
  }

  forWriter({ topic, partition }: TopicPartition): CommonWriterMetrics {
    const labels = { topic, partition };
    const records = this.#records.labels(labels);
    const bytes = this.#bytes.labels(labels);
    const pending = this.#pendingBytes.labels(labels);
    const stopped = this.#stopped.labels(labels);
    stopped.set(0);
    return {
      appended: (count, size) => {
        records.inc(count);
        bytes.inc(size);
      },
      pending: (size) => pending.set(size),
      stopped: (isStopped) => stopped.set(isStopped ? 1 : 0),
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
