/** A broker of a benchmark's own, a topic of one partition on it, and Kafka's own performance tools. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '../../src/lib/log.ts';
import { type KafkaQueue, openKafka } from '../../src/queue/kafka/queue.ts';
import { kafkaTool } from '../../tools/engines/kafka.ts';
import { down, up } from '../../tools/engines/lifecycle.ts';
import { type BenchResult, hundredths, inTurns, median } from '../harness.ts';
import { placed, type ServerPlace } from './apart.ts';

export const RECORD_BYTES = 300;
/** Of what Kafka's own tool reaches in the same run. */
const SHARE = 0.6;

export interface BenchKafka {
  readonly broker: string;
  /** Of its process. */
  readonly pid: number;
  /** A queue with an empty topic `raw` of one partition, which Kafka calls `topic`. */
  fresh(): Promise<{ readonly queue: KafkaQueue; readonly topic: string }>;
}

export function withKafka<Result>(place: ServerPlace, work: (kafka: BenchKafka) => Promise<Result>): Promise<Result> {
  return placed(place, async ({ kept }) => {
    const data = await mkdtemp(join(tmpdir(), 'spillway-bench-kafka-'));
    const queues: KafkaQueue[] = [];
    try {
      const [node] = await up('kafka', { data, ...kept });
      const broker = node?.address ?? '';
      return await work({
        broker,
        pid: node?.pid ?? 0,
        fresh: async () => {
          const prefix = `bench-${queues.length}.`;
          const queue = await openKafka({
            brokers: [broker],
            clientId: 'bench',
            prefix,
            topics: { raw: { partitions: 1, compression: 'none', writers: 'one' } },
            replication: 1,
            minInsyncReplicas: 1,
            log: createLog('bench', 'error'),
          });
          queues.push(queue);
          return { queue, topic: `${prefix}raw` };
        },
      });
    } finally {
      await Promise.all(queues.map((queue) => queue.close()));
      await down('kafka', { data, wipe: true });
      await rm(data, { recursive: true, force: true });
    }
  });
}

/** Records a second. */
type Run = () => Promise<number>;

export interface Compared {
  readonly own: Run;
  readonly java: Run;
  readonly library: Run;
  /** What they are, for the result. */
  readonly javaName: string;
  readonly libraryName: string;
  readonly notes: readonly string[];
}

/** Ours, Kafka's own tool and the library whose connections we use, in turns. */
export async function compared(rounds: number, { own, java, library, ...said }: Compared): Promise<BenchResult> {
  const [value = 0, peer = 0, theirs = 0] = (await inTurns<number>(rounds, own, java, library)).map((values) =>
    Math.round(median(values)),
  );
  return {
    value,
    unit: 'records/s',
    target: Math.round(peer * SHARE),
    peer: { name: said.javaName, value: peer },
    ratio: hundredths(value / peer),
    rows: { [said.libraryName]: { value: theirs, unit: 'records/s' } },
    notes: said.notes,
  };
}

/** Records per second of ProducerPerformance, with batches as large as ours. */
export async function javaProduce(broker: string, topic: string, records: number): Promise<number> {
  const { stdout } = await kafkaTool(
    'org.apache.kafka.tools.ProducerPerformance',
    [
      ...['--topic', topic, '--num-records', `${records}`, '--record-size', `${RECORD_BYTES}`, '--throughput', '-1'],
      ...['--producer-props', `bootstrap.servers=${broker}`, 'acks=all', 'batch.size=524288', 'linger.ms=5'],
    ],
    '512m',
  );
  const found = /([\d.]+) records\/sec[^\n]*\n*$/.exec(stdout.trim())?.[1];
  if (found === undefined) throw new Error(`ProducerPerformance said: ${stdout.slice(-300)}`);
  return Number(found);
}

/** Records per second of ConsumerPerformance, without the time it takes to join its group. */
export async function javaConsume(broker: string, topic: string, records: number): Promise<number> {
  const { stdout } = await kafkaTool(
    'org.apache.kafka.tools.ConsumerPerformance',
    ['--bootstrap-server', broker, '--topic', topic, '--messages', `${records}`, '--timeout', '20000'],
    '512m',
  );
  const line = stdout
    .trim()
    .split('\n')
    .findLast((text) => /^\d{4}-/.test(text));
  const perSecond = Number(line?.split(', ').at(-1));
  if (!(perSecond > 0)) throw new Error(`ConsumerPerformance said: ${stdout.slice(-300)}`);
  return perSecond;
}
