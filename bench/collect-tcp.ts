/**
 * How many syslog events a second one collector takes over TCP until they are durable in the queue (written and
 * fdatasynced): 300-byte lines, several connections, the load generator on the same cores. Beside it rsyslog, from the
 * same load to a file, with its queue in memory and with its queue on disk (neither of them syncs).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bench, inTurns, median, percentile, say, spawnScript, until } from './harness.ts';
import { bareDisk } from './load/bare-disk.ts';
import type { CollectorAnswer } from './load/collector-process.ts';
import { findRsyslog, runRsyslog } from './load/rsyslog.ts';
import { runTcpLoad } from './load/run-load.ts';

const LINE_BYTES = 300;
const TARGET = 400_000;
const CONNECTIONS = 8;
const PARTITIONS = 4;

interface Round {
  readonly eventsPerS: number;
  readonly loadCpuS: number;
  readonly commitsMs: readonly number[];
}

export const run: Bench = async ({ quick, peer }) => {
  const events = quick ? 100_000 : 20_000_000;
  const rounds = quick ? 1 : 3;
  const rsyslog = peer ? await findRsyslog() : undefined;
  const runs = [
    () => ours(events),
    () =>
      bareDisk(quick ? 64 : 1_024).then(
        (bytesPerS): Round => ({ eventsPerS: bytesPerS / LINE_BYTES, loadCpuS: 0, commitsMs: [] }),
      ),
  ];
  if (rsyslog !== undefined) {
    const peerEvents = quick ? 50_000 : 3_000_000;
    runs.push(
      () => theirs(rsyslog, 'memory', peerEvents),
      () => theirs(rsyslog, 'disk', quick ? 20_000 : 1_000_000),
    );
  }
  const [own = [], disk = [], memory, onDisk] = await inTurns(rounds, ...runs);
  const value = Math.round(median(own.map(({ eventsPerS }) => eventsPerS)));
  const commitsMs = own.flatMap((round) => round.commitsMs);
  const p99Ms = Math.round(percentile(commitsMs, 0.99) * 10) / 10;
  const bare = Math.round(median(disk.map(({ eventsPerS }) => eventsPerS)));
  return {
    value,
    unit: 'events/s',
    p99Ms,
    target: TARGET,
    loadCpuS: median(own.map(({ loadCpuS }) => loadCpuS)),
    ...peerOf('rsyslog, memory queue, no sync', value, memory),
    rows: {
      'bare write + fdatasync of 1 MiB, in lines': { value: bare, unit: 'events/s', ratio: round2(value / bare) },
      ...(onDisk === undefined
        ? {}
        : { 'disk queue': { value, unit: 'events/s', ...peerOf('rsyslog, disk queue, no sync', value, onDisk) } }),
    },
    notes: [`${rounds} rounds of ${events} events, ${CONNECTIONS} connections, ${PARTITIONS} partitions; medians.`],
  };
};

function peerOf(name: string, value: number, rounds: readonly Round[] | undefined) {
  if (rounds === undefined) return {};
  const theirValue = Math.round(median(rounds.map(({ eventsPerS }) => eventsPerS)));
  return { peer: { name, value: theirValue }, ratio: round2(value / theirValue) };
}

const round2 = (value: number): number => Math.round(value * 100) / 100;

async function ours(events: number): Promise<Round> {
  const directory = await mkdtemp(join(tmpdir(), 'spillway-bench-'));
  const collector = spawnScript('bench/load/collector-process.ts', [
    '--directory',
    directory,
    '--partitions',
    String(PARTITIONS),
  ]);
  const answers: CollectorAnswer[] = [];
  collector.on('message', (message) => answers.push(message as CollectorAnswer));
  try {
    const ready = await answerOf(answers, 'ready');
    const load = await runTcpLoad({ port: ready.port, connections: CONNECTIONS, events, lineBytes: LINE_BYTES });
    let records = 0;
    await until(
      'every event is durable',
      async () => {
        collector.send('count');
        records = (await answerOf(answers, 'count')).records;
        return records >= load.events;
      },
      120_000,
    );
    const seconds = (Date.now() - load.startedMs) / 1_000;
    collector.send('stop');
    const { commitsMs, cpuS } = await answerOf(answers, 'stopped');
    const eventsPerS = load.events / seconds;
    say(
      `  Spillway: ${Math.round(eventsPerS)} events/s (${seconds.toFixed(1)} s; CPU: collector ${cpuS.toFixed(1)} s, load ${load.cpuS.toFixed(1)} s), commit p50 ${percentile(commitsMs, 0.5).toFixed(1)} p99 ${percentile(commitsMs, 0.99).toFixed(1)} ms`,
    );
    return { eventsPerS, loadCpuS: load.cpuS, commitsMs };
  } finally {
    collector.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}

async function theirs(rsyslogd: string, queue: 'memory' | 'disk', events: number): Promise<Round> {
  const { eventsPerS, loadCpuS } = await runRsyslog({
    rsyslogd,
    queue,
    events,
    lineBytes: LINE_BYTES,
    connections: CONNECTIONS,
  });
  say(`  rsyslog, ${queue} queue: ${Math.round(eventsPerS)} events/s`);
  return { eventsPerS, loadCpuS, commitsMs: [] };
}

/** Takes the next answer of that kind. */
async function answerOf<Kind extends CollectorAnswer['kind']>(answers: CollectorAnswer[], kind: Kind) {
  type Answer = Extract<CollectorAnswer, { kind: Kind }>;
  let found = -1;
  await until(
    `the collector says ${kind}`,
    () => {
      found = answers.findIndex((answer) => answer.kind === kind);
      return found >= 0;
    },
    60_000,
    5,
  );
  return answers.splice(found, 1)[0] as Answer;
}
