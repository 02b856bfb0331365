/** What the indexer counts, for Prometheus. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Clock } from '../../lib/clock.ts';
import type { StoreTrouble } from './trouble.ts';
import type { WaitingEvents, WaitingSlice } from './waiting.ts';

export interface IndexerMetrics {
  readonly rows: Counter;
  readonly seconds: Histogram;
  readonly refused: Counter;
  readonly age: Histogram;
  readonly lost: Counter<'partition'>;
}

/** From the first moment of a start on, which may be held up as well. */
export function measureTrouble(registry: Registry, trouble: StoreTrouble): void {
  new Gauge({
    name: 'spillway_store_trouble_seconds',
    help: 'For how long the store has not been able to insert; 0 where it can.',
    registers: [registry],
    collect() {
      this.set(trouble.seconds);
    },
  });
}

/** Slices that take nothing while all others do. */
export function measureWaiting(registry: Registry, waiting: WaitingEvents, clock: Clock): void {
  const gauges: readonly (readonly [name: string, help: string, of: (slices: readonly WaitingSlice[]) => number])[] = [
    [
      'slices',
      'Slices that cannot be written, whose events wait in the queue; all others are found.',
      (all) => all.length,
    ],
    [
      'events',
      'Events that began to wait for such slices, of those that still have some.',
      (all) => all.reduce((sum, { events }) => sum + events, 0),
    ],
    [
      'offsets',
      'Offsets of the queue that are to be read again for such slices: it retains them meanwhile.',
      (all) => all.reduce((sum, { offsets }) => sum + offsets, 0),
    ],
    [
      'seconds',
      'Age, since its receipt, of the earliest event that waits for such a slice; 0 where none does.',
      (all) => all.reduce((oldest, { sinceMs }) => Math.max(oldest, clock.now() - sinceMs), 0) / 1_000,
    ],
  ];
  for (const [name, help, of] of gauges) {
    new Gauge({
      name: `spillway_store_waiting_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(of(waiting.describe()));
      },
    });
  }
}

export function createIndexerMetrics(registry: Registry): IndexerMetrics {
  const registers = [registry];
  return {
    rows: new Counter({
      name: 'spillway_store_rows_total',
      help: 'Events inserted into the search engine.',
      registers,
    }),
    seconds: new Histogram({
      name: 'spillway_store_insert_seconds',
      help: 'Time from the intent of an insert to its commit.',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    refused: new Counter({
      name: 'spillway_store_refused_total',
      help: 'Events that the search engine refused: they are dead letters.',
      registers,
    }),
    age: new Histogram({
      name: 'spillway_store_freshness_seconds',
      help: 'Age, since its receipt, of the newest event of an insert when it became visible.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
      registers,
    }),
    lost: new Counter({
      name: 'spillway_store_lost_records_total',
      help: 'Records of events that were removed from the queue before the store had read them.',
      labelNames: ['partition'],
      registers,
    }),
  };
}
