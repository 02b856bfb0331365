/** The embedded queue's own figures beside those that every engine has, for Prometheus. */
import { Histogram, type Registry } from 'prom-client';
import type { TopicPartition } from '../port.ts';
import { CommonQueueMetrics, type CommonWriterMetrics } from '../queue-metrics.ts';

const GROUP_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/** Of one writer, without its labels. */
export interface WriterMetrics extends CommonWriterMetrics {
  /** A group was written and synced. */
  grouped(seconds: number): void;
}

export class QueueMetrics extends CommonQueueMetrics {
  readonly #groupSeconds: Histogram<'topic'>;

  constructor(registry?: Registry) {
    super(registry);
    this.#groupSeconds = new Histogram({
      name: 'spillway_queue_group_seconds',
      help: 'Writing and syncing one group.',
      labelNames: ['topic'],
      buckets: GROUP_SECONDS,
      registers: this.registers,
    });
  }

  override forWriter(at: TopicPartition): WriterMetrics {
    const group = this.#groupSeconds.labels({ topic: at.topic });
    return { ...super.forWriter(at), grouped: (seconds) => group.observe(seconds) };
  }
}
