/** The collector's metrics. Counters of records count what is durable; those of bytes what was received. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { COLLECT_LIMITS } from '../lib/limits.ts';

export type CollectMetrics = ReturnType<typeof createCollectMetrics>;

const COMMIT_BUCKETS_S = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

export function createCollectMetrics(registry: Registry) {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []): Counter<Label> =>
    new Counter({ name: `spillway_collect_${name}`, help, labelNames, registers });
  const beforeCollect: (() => Promise<void>)[] = [];
  return {
    /** Runs before the metrics are read. */
    onCollect(update: () => Promise<void>): void {
      beforeCollect.push(update);
    },
    records: counter('records_total', 'Records that are durable in raw.', ['input']),
    receivedBytes: counter('received_bytes_total', 'Bytes received, with framing; of HTTP after decompression.', [
      'input',
    ]),
    deadLetters: counter('dead_letters_total', 'Messages kept as dead letters.', ['input', 'code']),
    discardedBytes: counter(
      'discarded_bytes_total',
      `Bytes of messages beyond the ${COLLECT_LIMITS.oversizedBytes} that are kept of each.`,
    ),
    lostRecords: counter('lost_records_total', 'Records of sockets that a stopped partition could not keep.'),
    commitSeconds: new Histogram({
      name: 'spillway_collect_commit_seconds',
      help: 'From handing a batch to the queue until it was durable.',
      buckets: COMMIT_BUCKETS_S,
      registers,
    }),
    connections: new Gauge({
      name: 'spillway_collect_connections',
      help: 'Open connections.',
      labelNames: ['input'],
      registers,
    }),
    pausedConnections: new Gauge({
      name: 'spillway_collect_paused_connections',
      help: 'Connections that are not read, because the queue is behind or its disk above the high-water mark.',
      registers,
    }),
    refusedConnections: counter('refused_connections_total', 'Connections beyond the limit.', ['input']),
    idleConnections: counter('idle_connections_total', 'Connections that were closed for being idle.', ['input']),
    udpDropped: new Counter({
      name: 'spillway_collect_udp_dropped_datagrams_total',
      help: 'Datagrams dropped: by the kernel (its buffer was full), for saturation of the queue, or for the high-water mark of its disk.',
      labelNames: ['by'],
      registers,
      collect: async () => {
        for (const update of beforeCollect) await update();
      },
    }),
    udpReceiveBufferBytes: new Gauge({
      name: 'spillway_collect_udp_receive_buffer_bytes',
      help: 'What the kernel gave each UDP socket.',
      labelNames: ['port'],
      registers,
    }),
    httpBodiesBytes: new Gauge({
      name: 'spillway_collect_http_bodies_bytes',
      help: 'Memory of request bodies under way.',
      registers,
    }),
  };
}
