/** The figures of what is kept on this machine while the queue is away, for Prometheus. */
import { Gauge, Registry } from 'prom-client';
import type { Mark } from '../segment-log/marks.ts';
import type { SpoolWriter } from './spool-writer.ts';

export function showSpool(
  registry: Registry = new Registry(),
  writers: () => readonly SpoolWriter[],
  marks: () => readonly Mark[],
): void {
  const gauge = (name: string, help: string, value: (writer: SpoolWriter) => number | undefined) => {
    new Gauge({
      name,
      help,
      labelNames: ['topic', 'partition'],
      registers: [registry],
      collect() {
        for (const writer of writers()) {
          const { topic, partition } = writer;
          this.set({ topic, partition }, value(writer) ?? 0);
        }
      },
    });
  };
  gauge('spillway_queue_spooling', "1 while a partition is kept on this machine's disk.", ({ isSpooling }) =>
    isSpooling ? 1 : 0,
  );
  gauge(
    'spillway_queue_spool_records',
    'Records that are kept here and have not gone to the queue.',
    ({ spooledRecords }) => spooledRecords,
  );
  gauge(
    'spillway_queue_spool_age_seconds',
    'Age of the oldest record that is kept here.',
    ({ spooledForMs }) => spooledForMs / 1_000,
  );
  gauge(
    'spillway_queue_spool_bytes',
    'Bytes of the log on this disk, with what has gone to the queue and is not removed yet.',
    ({ topic, partition }) => marks().find((mark) => mark.topic === topic && mark.partition === partition)?.bytes,
  );
}
