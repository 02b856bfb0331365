/**
 * How many syslog events a second one collector takes over TCP until Kafka has acknowledged them (acks=all): 300-byte
 * lines, several connections; the broker has one processor, the collector and the load generator share the other.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bench, inTurns, median, percentile, say, spawnScript, until } from './harness.ts';
import type { CollectorAnswer } from './load/collector-process.ts';
import { withKafka } from './load/kafka.ts';
import { runTcpLoad } from './load/run-load.ts';

const LINE_BYTES = 300;
const TARGET = 200_000;
const SECONDS = 20;
const CONNECTIONS = 8;
const PARTITIONS = 4;
const RETAIN_BYTES = 4 * 1024 ** 3;

export const run: Bench = async ({ quick, rounds = quick ? 1 : 3 }) =>
  withKafka({ apart: true }, async ({ broker }) => {
    const commitsMs: number[] = [];
    const [values = []] = await inTurns<number>(rounds, () => round(broker, quick, commitsMs));
    return {
      value: Math.round(median(values)),
      unit: 'events/s',
      p99Ms: Math.round(percentile(commitsMs, 0.99) * 10) / 10,
      target: TARGET,
      notes: [
        `${rounds} rounds${quick ? '' : ` of ${SECONDS} s`}, ${CONNECTIONS} connections, ${PARTITIONS} partitions, one broker, one replica, which has one processor; the collector and who sends share the other; medians. The p99 is of a batch from its append until it is acknowledged.`,
      ],
    };
  });

async function round(broker: string, quick: boolean, commitsMs: number[]): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'spillway-bench-'));
  const collector = spawnScript('bench/load/collector-process.ts', [
    ...['--directory', directory, '--partitions', String(PARTITIONS), '--retain-bytes', String(RETAIN_BYTES)],
    ...['--kafka', broker],
  ]);
  const last: { [Kind in CollectorAnswer['kind']]?: Extract<CollectorAnswer, { kind: Kind }> } = {};
  collector.on('message', (message) => Object.assign(last, { [(message as CollectorAnswer).kind]: message }));
  try {
    await until('the collector is ready', () => last.ready !== undefined, 60_000, 5);
    const to = { port: last.ready?.port ?? 0, connections: CONNECTIONS, lineBytes: LINE_BYTES };
    const load = await runTcpLoad({ ...to, events: quick ? 100_000 : Number.MAX_SAFE_INTEGER, seconds: SECONDS });
    await until(
      'every event is acknowledged',
      () => {
        collector.send('count');
        return (last.count?.records ?? 0) >= load.events;
      },
      120_000,
    );
    const seconds = (Date.now() - load.startedMs) / 1_000;
    collector.send('stop');
    await until('the collector has stopped', () => last.stopped !== undefined, 60_000, 5);
    commitsMs.push(...(last.stopped?.commitsMs ?? []));
    const eventsPerS = load.events / seconds;
    say(
      `  ${Math.round(eventsPerS)} events/s, CPU of the collector ${last.stopped?.cpuS.toFixed(1)} s in ${seconds.toFixed(1)} s`,
    );
    return eventsPerS;
  } finally {
    collector.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}
