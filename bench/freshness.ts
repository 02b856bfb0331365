/**
 * How long it takes from sending a line until a search finds it: idle, and at 20,000 events a second. Each probe is a
 * line with a word of its own, sent over TCP and asked for until it is there.
 */
import { connect } from 'node:net';
import { SpillwayProcess } from '../test/support/spillway.ts';
import { type Bench, median, percentile, say } from './harness.ts';
import { runTcpLoad } from './load/run-load.ts';

const IDLE_TARGET_MS = 500;
const LOAD_TARGET_MS = 1_000;
const EVENTS_PER_S = 20_000;
const CONNECTIONS = 4;
const ASK_EVERY_MS = 10;
const PAUSE_MS = 100;
const GIVE_UP_MS = 30_000;

export const run: Bench = async ({ quick }) => {
  const probes = quick ? 10 : 200;
  const spillway = await SpillwayProcess.start();
  try {
    await probeAll(spillway, 'warm', 3);
    const idle = await probeAll(spillway, 'idle', probes);
    const seconds = quick ? 5 : 60;
    const load = runTcpLoad({
      port: spillway.port('syslog TCP'),
      connections: CONNECTIONS,
      events: EVENTS_PER_S * seconds,
      rate: EVENTS_PER_S,
      seconds: seconds * 2,
    });
    const loaded = await probeAll(spillway, 'load', probes, load);
    const { cpuS } = await load;
    return {
      value: Math.round(percentile(loaded, 0.99)),
      unit: 'ms',
      p99Ms: Math.round(percentile(loaded, 0.99)),
      target: LOAD_TARGET_MS,
      loadCpuS: cpuS,
      rows: {
        [`at ${EVENTS_PER_S} events/s, median`]: { value: Math.round(median(loaded)), unit: 'ms' },
        [`idle, p99, at most ${IDLE_TARGET_MS} ms`]: { value: Math.round(percentile(idle, 0.99)), unit: 'ms' },
        'idle, median': {
          value: Math.round(median(idle)),
          unit: 'ms',
          peer: { name: 'VictoriaLogs 1.26, POST to searchable, measured on such a machine', value: 1_004 },
          ratio: Math.round((1_004 / median(idle)) * 100) / 100,
        },
      },
      notes: [`${probes} probes each, asked for every ${ASK_EVERY_MS} ms: the questions are part of the load.`],
    };
  } finally {
    await spillway.dispose();
  }
};

async function probeAll(
  spillway: SpillwayProcess,
  name: string,
  count: number,
  whileRunning?: Promise<unknown>,
): Promise<number[]> {
  let over = false;
  whileRunning?.finally(() => {
    over = true;
  });
  const tookMs: number[] = [];
  for (let i = 0; i < count && !over; i++) {
    tookMs.push(await probe(spillway, `probe${name}${i}x`));
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  say(
    `  ${name}: ${tookMs.length} probes, median ${Math.round(median(tookMs))} ms, worst ${Math.round(Math.max(...tookMs))} ms`,
  );
  return tookMs;
}

async function probe(spillway: SpillwayProcess, word: string): Promise<number> {
  const startMs = performance.now();
  const socket = connect(spillway.port('syslog TCP'), '127.0.0.1');
  socket.end(`<13>1 ${new Date().toISOString()} bench probe - - - ${word}\n`);
  for (;;) {
    const { count } = await spillway.json<{ count: number }>(`/api/count?q=${word}&from=now-1h&to=now%2B1h`);
    const tookMs = performance.now() - startMs;
    if (count > 0) return tookMs;
    if (tookMs > GIVE_UP_MS) throw new Error(`${word} was not found in ${GIVE_UP_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}
