/** Kafka's own figures beside those that every engine of the queue has, for Prometheus. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { TopicPartition } from '../port.ts';
import { CommonQueueMetrics, type CommonWriterMetrics, PARTITION_LABELS } from '../queue-metrics.ts';

const APPEND_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

/** Of one writer, without its labels. */
export interface WriterMetrics extends Omit<CommonWriterMetrics, 'appended'> {
  appended(records: number, bytes: number, seconds: number): void;
  /** An append was sent again, after this. */
  retried(reason: string): void;
  /** Since when nothing is taken (performance.now()), or undefined. */
  trouble(sinceMs: number | undefined): void;
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
  readonly #common: CommonQueueMetrics;
  readonly #batches: Counter<'topic' | 'partition'>;
  readonly #fetchedBytes: Counter<'topic' | 'partition'>;
  readonly #appendSeconds: Histogram<'topic'>;
  readonly #retries: Counter<'topic' | 'partition' | 'reason'>;
  readonly #troubles = new Map<WriterMetrics, { readonly labels: Labels; readonly sinceMs: number }>();

  constructor(registry?: Registry) {
    this.#common = new CommonQueueMetrics(registry);
    const { registers } = this.#common;
    this.#batches = new Counter({
      name: 'spillway_queue_appended_batches_total',
      help: 'Batches that are durable.',
      labelNames: PARTITION_LABELS,
      registers,
    });
    this.#fetchedBytes = new Counter({
      name: 'spillway_queue_fetched_bytes_total',
      help: 'Bytes of batches that brokers have sent to readers.',
      labelNames: PARTITION_LABELS,
      registers,
    });
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
      labelNames: [...PARTITION_LABELS, 'reason'],
      registers,
    });
    const troubles = this.#troubles;
    new Gauge({
      name: 'spillway_queue_trouble_seconds',
      help: 'For how long Kafka has taken nothing of what waits; 0 where it does.',
      labelNames: PARTITION_LABELS,
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
    const common = this.#common.forWriter(labels);
    const batches = this.#batches.labels(labels);
    const seconds = this.#appendSeconds.labels({ topic });
    const metrics: WriterMetrics = {
      ...common,
      appended: (records, bytes, took) => {
        common.appended(records, bytes);
        batches.inc();
        seconds.observe(took);
      },
      retried: (reason) => this.#retries.inc({ ...labels, reason }),
      trouble: (sinceMs = 0) => void this.#troubles.set(metrics, { labels, sinceMs }),
      end: () => void this.#troubles.delete(metrics),
    };
    metrics.trouble(undefined);
    return metrics;
  }

  fetched({ topic, partition }: TopicPartition, bytes: number): void {
    this.#fetchedBytes.inc({ topic, partition }, bytes);
  }

  passedOver(at: TopicPartition, records: number): void {
    this.#common.passedOver(at, records);
  }

  askedTooEarly(at: TopicPartition, records: number): void {
    this.#common.askedTooEarly(at, records);
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
