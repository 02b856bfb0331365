/** The figures of the queue on Kafka, for Prometheus; those that both engines have bear the same names. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { TopicPartition } from '../port.ts';

const APPEND_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

/** Of one writer, without its labels. */
export interface WriterMetrics {
  appended(records: number, bytes: number, seconds: number): void;
  /** An append was sent again, after this. */
  retried(reason: string): void;
  refused(code: string, appends: number): void;
  pending(bytes: number): void;
  /** Since when nothing is taken (performance.now()), or undefined. */
  trouble(sinceMs: number | undefined): void;
  stopped(isStopped: boolean): void;
  /** The writer is closed. */
  end(): void;
}

/** Told of connections to brokers (`host:port`). */
export interface LinkMetrics {
  opened(broker: string): void;
  closed(broker: string): void;
  failed(broker: string, reason: string): void;
}

type Labels = { readonly topic: string; readonly partition: number };

export class KafkaMetrics {
  readonly links: LinkMetrics;
  readonly #records: Counter<'topic' | 'partition'>;
  readonly #bytes: Counter<'topic' | 'partition'>;
  readonly #batches: Counter<'topic' | 'partition'>;
  readonly #appendSeconds: Histogram<'topic'>;
  readonly #retries: Counter<'topic' | 'partition' | 'reason'>;
  readonly #refused: Counter<'topic' | 'partition' | 'code'>;
  readonly #pendingBytes: Gauge<'topic' | 'partition'>;
  readonly #stopped: Gauge<'topic' | 'partition'>;
  readonly #corrupt: Counter<'topic' | 'partition'>;
  readonly #outOfRange: Counter<'topic' | 'partition'>;
  readonly #troubles = new Map<WriterMetrics, { readonly labels: Labels; readonly sinceMs: number }>();

  constructor(registry: Registry = new Registry()) {
    const registers = [registry];
    const labelNames = ['topic', 'partition'] as const;
    const counter = (name: string, help: string) => new Counter({ name, help, labelNames, registers });
    const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames, registers });
    this.#records = counter('spillway_queue_appended_records_total', 'Records that are durable.');
    this.#bytes = counter('spillway_queue_appended_bytes_total', 'Bytes of batches that are durable.');
    this.#batches = counter('spillway_queue_appended_batches_total', 'Batches that are durable.');
    this.#appendSeconds = new Histogram({
      name: 'spillway_queue_append_seconds',
      help: 'From handing a batch over until Kafka has acknowledged it.',
      labelNames: ['topic'],
      buckets: APPEND_SECONDS,
      registers,
    });
    this.#retries = new Counter({
      name: 'spillway_queue_append_retries_total',
      help: 'Times that what was under way had to be sent again, by the reason.',
      labelNames: [...labelNames, 'reason'],
      registers,
    });
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
    const troubles = this.#troubles;
    new Gauge({
      name: 'spillway_queue_trouble_seconds',
      help: 'For how long Kafka has taken nothing of what waits; 0 where it does.',
      labelNames,
      registers,
      collect() {
        for (const { labels, sinceMs } of troubles.values()) {
          this.set(labels, sinceMs === 0 ? 0 : (performance.now() - sinceMs) / 1_000);
        }
      },
    });
    this.links = linkMetrics(registers);
  }

  forWriter({ topic, partition }: TopicPartition): WriterMetrics {
    const labels = { topic, partition };
    const records = this.#records.labels(labels);
    const bytes = this.#bytes.labels(labels);
    const batches = this.#batches.labels(labels);
    const seconds = this.#appendSeconds.labels({ topic });
    const pending = this.#pendingBytes.labels(labels);
    const stopped = this.#stopped.labels(labels);
    stopped.set(0);
    const metrics: WriterMetrics = {
      appended: (count, size, took) => {
        records.inc(count);
        bytes.inc(size);
        batches.inc();
        seconds.observe(took);
      },
      retried: (reason) => this.#retries.inc({ ...labels, reason }),
      refused: (code, appends) => this.#refused.inc({ ...labels, code }, appends),
      pending: (size) => pending.set(size),
      trouble: (sinceMs = 0) => void this.#troubles.set(metrics, { labels, sinceMs }),
      stopped: (isStopped) => stopped.set(isStopped ? 1 : 0),
      end: () => void this.#troubles.delete(metrics),
    };
    metrics.trouble(undefined);
    return metrics;
  }

  passedOver({ topic, partition }: TopicPartition, records: number): void {
    this.#corrupt.inc({ topic, partition }, records);
  }

  askedTooEarly({ topic, partition }: TopicPartition, records: number): void {
    this.#outOfRange.inc({ topic, partition }, records);
  }
}

function linkMetrics(registers: Registry[]): LinkMetrics {
  const labelNames = ['broker'] as const;
  const name = 'spillway_queue_broker_connections';
  const open = new Gauge({ name, help: 'Connections to a broker that are open.', labelNames, registers });
  const failures = new Counter({
    name: 'spillway_queue_broker_failures_total',
    help: 'Connections to a broker that could not be made, by the reason.',
    labelNames: ['broker', 'reason'],
    registers,
  });
  return {
    opened: (broker) => open.inc({ broker }),
    closed: (broker) => open.dec({ broker }),
    failed: (broker, reason) => failures.inc({ broker, reason }),
  };
}
