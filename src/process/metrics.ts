/** What the processor measures about itself. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { LedgerEntry } from '../event/progress.ts';

export interface ProcessorMetrics {
  readonly records: Counter<'partition' | 'outcome'>;
  readonly dropped: Counter<'rule'>;
  readonly batches: Counter<'partition'>;
  readonly batchRecords: Histogram;
  readonly lag: Gauge<'partition'>;
  readonly lagSeconds: Gauge<'partition'>;
  readonly restarts: Counter<'partition'>;
  readonly lost: Counter<'partition'>;
  readonly laneRecords: Gauge<'partition' | 'tenant'>;
  readonly laneSeconds: Gauge<'partition' | 'tenant'>;
  readonly laneMoves: Counter<'partition' | 'to'>;
}

export function createProcessorMetrics(registry: Registry): ProcessorMetrics {
  const registers = [registry];
  return {
    records: new Counter({
      name: 'spillway_process_records_total',
      help: 'Records taken from raw, by what became of them: event, dropped or deadLettered.',
      labelNames: ['partition', 'outcome'],
      registers,
    }),
    dropped: new Counter({
      name: 'spillway_process_dropped_total',
      help: 'Records dropped, by the rule that took them.',
      labelNames: ['rule'],
      registers,
    }),
    batches: new Counter({
      name: 'spillway_process_batches_total',
      help: 'Batches made durable in events.',
      labelNames: ['partition'],
      registers,
    }),
    batchRecords: new Histogram({
      name: 'spillway_process_batch_records',
      help: 'Records of raw per batch of events.',
      buckets: [1, 10, 100, 1_000, 10_000],
      registers,
    }),
    lag: new Gauge({
      name: 'spillway_process_lag_records',
      help: 'Records of raw that were not taken yet when raw was last read.',
      labelNames: ['partition'],
      registers,
    }),
    lagSeconds: new Gauge({
      name: 'spillway_process_lag_seconds',
      help: 'Age of the oldest records of raw that were not taken yet when raw was last read.',
      labelNames: ['partition'],
      registers,
    }),
    restarts: new Counter({
      name: 'spillway_process_restarts_total',
      help: 'Partitions taken over again after a failure that may pass.',
      labelNames: ['partition'],
      registers,
    }),
    lost: new Counter({
      name: 'spillway_process_lost_records_total',
      help: 'Records of raw that were deleted or damaged before they were processed.',
      labelNames: ['partition'],
      registers,
    }),
    laneRecords: new Gauge({
      name: 'spillway_process_lane_records',
      help: 'Records of a tenant that is held back behind the others, because it sends more than there is time for.',
      labelNames: ['partition', 'tenant'],
      registers,
    }),
    laneSeconds: new Gauge({
      name: 'spillway_process_lane_seconds',
      help: 'How far such a tenant is behind: age of what is processed of it now.',
      labelNames: ['partition', 'tenant'],
      registers,
    }),
    laneMoves: new Counter({
      name: 'spillway_process_lane_moves_total',
      help: 'Tenants that were given a lane of their own in a partition, or went with the others (shared) again.',
      labelNames: ['partition', 'to'],
      registers,
    }),
  };
}

/** A batch with these ledger entries is durable. */
export function countBatch(metrics: ProcessorMetrics, partition: number, ledger: readonly LedgerEntry[]): void {
  let taken = 0;
  for (const entry of ledger) {
    taken += entry.taken;
    metrics.records.inc({ partition, outcome: 'event' }, entry.out);
    metrics.records.inc({ partition, outcome: 'deadLettered' }, entry.deadLettered);
    for (const [rule, count] of Object.entries(entry.dropped)) {
      metrics.records.inc({ partition, outcome: 'dropped' }, count);
      metrics.dropped.inc({ rule }, count);
    }
  }
  metrics.batches.inc({ partition });
  metrics.batchRecords.observe(taken);
}
