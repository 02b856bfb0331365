/**
 * The six usual questions over the same events, through the front door, warm: idle, and while 10,000 events a second
 * arrive; then the same question typed as SQL by hand, on the same folder, which shows what all our layers add.
 */
import { join } from 'node:path';
import { SpillwayProcess } from '../test/support/spillway.ts';
import { selectTimed } from '../test/support/stored-events.ts';
import { type Bench, type Measured, median, say } from './harness.ts';
import { COMMON_WORD, generateEvents, RARE_WORD } from './load/events.ts';
import { EVERYTHING, load, withEvents } from './load/loaded-spillway.ts';
import { runTcpLoad } from './load/run-load.ts';

const ARRIVING_PER_S = 10_000;
const LOADED_S = 30;

interface Question {
  readonly name: string;
  /** What VictoriaLogs 1.26 needs on such a machine, ms (50 is the bound for the single id). */
  readonly peerMs: number;
  /** `id` is another one each time. */
  readonly path: (id: string) => string;
  readonly sql: (id: string) => string;
}

const NEWEST = 'SELECT * FROM events WHERE (timestamp, id_offset) IN (SELECT timestamp, id_offset FROM events WHERE';
const QUESTIONS: readonly Question[] = [
  {
    name: 'histogram by level',
    peerMs: 87,
    path: () => `/api/histogram?q=*&interval=5m&by=level&${EVERYTHING}`,
    sql: () =>
      "SELECT intDiv(timestamp, 300000) AS t, level, count() FROM events WHERE tenant = 'default' GROUP BY t, level",
  },
  {
    name: 'rare word, newest 100',
    peerMs: 82,
    path: () => `/api/search?q=${RARE_WORD}&limit=100&${EVERYTHING}`,
    sql: () =>
      `${NEWEST} tenant = 'default' AND hasAllTokens(lowerUTF8(message), ['${RARE_WORD}']) ORDER BY timestamp DESC LIMIT 100) ORDER BY timestamp DESC`,
  },
  {
    name: 'count of a common word',
    peerMs: 244,
    path: () => `/api/count?q=${COMMON_WORD}&${EVERYTHING}`,
    sql: () =>
      `SELECT count() FROM events WHERE tenant = 'default' AND hasAllTokens(lowerUTF8(message), ['${COMMON_WORD}'])`,
  },
  {
    name: 'top 10 of path',
    peerMs: 74,
    path: () => `/api/values?q=*&field=path&limit=10&${EVERYTHING}`,
    sql: () =>
      "SELECT payload.path.:String AS path, count() AS n FROM events WHERE tenant = 'default' GROUP BY path ORDER BY n DESC LIMIT 10",
  },
  {
    name: 'one request id',
    peerMs: 50,
    path: (id) => `/api/search?q=request_id:${id}&${EVERYTHING}`,
    sql: (id) => `SELECT * FROM events WHERE tenant = 'default' AND payload.request_id.:String = '${id}'`,
  },
  {
    name: 'p95 of duration by app',
    peerMs: 652,
    path: () => `/api/stats?q=*&fn=p95&of=duration_ms&by=app&${EVERYTHING}`,
    sql: () =>
      "SELECT metadata.app.:String AS app, quantile(0.95)(payload.duration_ms.:Float64) FROM events WHERE tenant = 'default' GROUP BY app",
  },
];

export const run: Bench = ({ quick }) => {
  const count = quick ? 100_000 : 2_000_000;
  const runs = quick ? 3 : 15;
  return withEvents(count, async (folder, meta) => {
    const ids = Array.from(requestIds(meta, (runs + 1) * (2 * QUESTIONS.length + 1)));
    const spillway = await SpillwayProcess.start();
    try {
      await load(spillway, join(folder, 'syslog.log'), count);
      const idle = await askAll(spillway, runs, ids);
      const arriving = runTcpLoad({
        port: spillway.port('syslog TCP'),
        connections: 4,
        events: ARRIVING_PER_S * (quick ? 3 : LOADED_S),
        rate: ARRIVING_PER_S,
        seconds: LOADED_S * 2,
      });
      const loaded = await askAll(spillway, runs, ids);
      const { cpuS } = await arriving;
      await spillway.stop();
      const byHand = await selectTimed(
        join(spillway.folder, 'data'),
        QUESTIONS.map(({ sql }) => Array.from({ length: runs }, () => sql(ids.pop() ?? ''))),
      );
      return summary(idle, loaded, byHand.map(median), cpuS);
    } finally {
      await spillway.dispose();
    }
  });
};

/** Request ids from all over the events. */
function* requestIds(meta: Parameters<typeof generateEvents>[0], wanted: number): Generator<string> {
  const every = Math.max(1, Math.floor(meta.count / wanted));
  let number = 0;
  for (const { requestId } of generateEvents(meta)) if (number++ % every === 0) yield requestId;
}

async function askAll(spillway: SpillwayProcess, runs: number, ids: string[]): Promise<number[]> {
  const medians: number[] = [];
  for (const { name, path } of QUESTIONS) {
    const tookMs: number[] = [];
    for (let i = 0; i <= runs; i++) {
      const url = spillway.url + path(ids.pop() ?? '');
      const startMs = performance.now();
      const response = await fetch(url);
      const text = await response.text();
      // The first warms up.
      if (i > 0) tookMs.push(performance.now() - startMs);
      if (!response.ok) throw new Error(`${name}: ${text}`);
    }
    medians.push(median(tookMs));
    say(`  ${name}: ${Math.round(median(tookMs))} ms`);
  }
  return medians;
}

function summary(idle: readonly number[], loaded: readonly number[], byHand: readonly number[], loadCpuS: number) {
  const ms = (value: number | undefined): number => Math.round((value ?? Number.NaN) * 10) / 10;
  const rows: Record<string, Measured> = {};
  for (const [i, { name, peerMs }] of QUESTIONS.entries()) {
    const value = ms(idle[i]);
    const ratio = Math.round((peerMs / value) * 100) / 100;
    rows[name] = { value, unit: 'ms', peer: { name: 'VictoriaLogs 1.26', value: peerMs }, ratio };
    rows[`${name}, while ${ARRIVING_PER_S} events/s arrive`] = { value: ms(loaded[i]), unit: 'ms' };
    rows[`${name}, SQL by hand`] = { value: ms(byHand[i]), unit: 'ms' };
  }
  return {
    value: ms(Math.max(...idle)),
    unit: 'ms',
    rows,
    loadCpuS,
    notes: [
      'Medians, asked one after another through the front door. The headline is the slowest of the six when idle.',
    ],
  };
}
