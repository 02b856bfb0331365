/**
 * The six usual questions over the same events, through the front door, warm: idle, and while 10,000 events a second
 * arrive; and the same questions typed as SQL by hand, on the same idle folder, which shows what all our layers add.
 */
import { join } from 'node:path';
import { EVENT_COLUMNS } from '../src/search/clickhouse/schema.ts';
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
  /** What an answer says, in the form of the rows that the SQL gives: both must say the same. */
  readonly rows: (answer: Answer) => readonly (readonly unknown[])[];
  /** How far numbers may be apart, as a share of them. */
  readonly tolerance?: number;
}

/** Members of the answers to the questions below. */
interface Answer {
  readonly buckets: readonly { readonly time: string; readonly by: Readonly<Record<string, number>> }[];
  readonly events: readonly { readonly timestamp: string; readonly message: string }[];
  readonly count: number;
  readonly values: readonly { readonly value: string; readonly count: number }[];
  readonly rows: readonly { readonly by: readonly string[]; readonly value: number }[];
}

/** The condition of EVERYTHING: a person who asks for three days says so in SQL too. */
const WHERE = `tenant = 'default' AND timestamp >= (toUnixTimestamp(now()) - 172800) * 1000
  AND timestamp < (toUnixTimestamp(now()) + 86400) * 1000`;
const QUESTIONS: readonly Question[] = [
  {
    name: 'histogram by level',
    peerMs: 87,
    path: () => `/api/histogram?q=*&interval=5m&by=level&${EVERYTHING}`,
    sql: () =>
      `SELECT intDiv(timestamp, 300000) * 300000 AS t, level, count() FROM events WHERE ${WHERE} GROUP BY t, level`,
    rows: ({ buckets }) =>
      buckets.flatMap(({ time, by }) => Object.entries(by).map(([level, n]) => [Date.parse(time), level, n])),
  },
  {
    name: 'rare word, newest 100',
    peerMs: 82,
    path: () => `/api/search?q=${RARE_WORD}&limit=100&${EVERYTHING}`,
    sql: () =>
      `SELECT * FROM events WHERE ${WHERE} AND hasAllTokens(lowerUTF8(message), ['${RARE_WORD}']) ORDER BY timestamp DESC LIMIT 100`,
    rows: eventRows,
  },
  {
    name: 'count of a common word',
    peerMs: 244,
    path: () => `/api/count?q=${COMMON_WORD}&${EVERYTHING}`,
    sql: () => `SELECT count() FROM events WHERE ${WHERE} AND hasAllTokens(lowerUTF8(message), ['${COMMON_WORD}'])`,
    rows: ({ count }) => [[count]],
  },
  {
    name: 'top 10 of path',
    peerMs: 74,
    path: () => `/api/values?q=*&field=path&limit=10&${EVERYTHING}`,
    sql: () =>
      `SELECT payload.path.:String AS path, count() AS n FROM events WHERE ${WHERE} GROUP BY path ORDER BY n DESC LIMIT 10`,
    rows: ({ values }) => values.map(({ value, count }) => [value, count]),
  },
  {
    name: 'one request id',
    peerMs: 50,
    path: (id) => `/api/search?q=request_id:${id}&${EVERYTHING}`,
    sql: (id) => `SELECT * FROM events WHERE ${WHERE} AND payload.request_id.:String = '${id}'`,
    rows: eventRows,
  },
  {
    name: 'p95 of duration by app',
    peerMs: 652,
    path: () => `/api/stats?q=*&fn=p95&of=duration_ms&by=app&${EVERYTHING}`,
    sql: () =>
      `SELECT metadata.app.:String AS app, quantileTDigest(0.95)(payload.duration_ms.:Float64) FROM events WHERE ${WHERE} GROUP BY app`,
    rows: ({ rows }) => rows.map(({ by: [app], value }) => [app, value]),
    // Which events meet in which digest differs from run to run, and the figure with it.
    tolerance: 0.03,
  },
];

const TIMESTAMP = EVENT_COLUMNS.findIndex(({ name }) => name === 'timestamp');
const MESSAGE = EVENT_COLUMNS.findIndex(({ name }) => name === 'message');

/** Time and message alone: the rest has other names in a row. */
function eventRows({ events }: Answer): readonly (readonly unknown[])[] {
  return events.map(({ timestamp, message }) => [Date.parse(timestamp), message]);
}

function handRows({ rows }: Question, found: readonly (readonly unknown[])[]): readonly (readonly unknown[])[] {
  return rows === eventRows ? found.map((row) => [row[TIMESTAMP], row[MESSAGE]]) : found;
}

export const run: Bench = ({ quick }) => {
  const count = quick ? 100_000 : 2_000_000;
  const runs = quick ? 3 : 15;
  return withEvents(count, async (folder, meta) => {
    const ids = Array.from(requestIds(meta, (runs + 1) * (3 * QUESTIONS.length + 1)));
    const lastId = ids.at(-1) ?? '';
    let spillway = await SpillwayProcess.start();
    try {
      await load(spillway, join(folder, 'syslog.log'), count);
      const idle = await askAll(spillway, runs, ids);
      const same = await Promise.all(QUESTIONS.map(({ path }) => spillway.json<Answer>(path(lastId))));
      await spillway.stop();
      const byHand = await selectTimed(
        join(spillway.folder, 'data'),
        QUESTIONS.map(({ sql }) => [...Array.from({ length: runs - 1 }, () => sql(ids.pop() ?? '')), sql(lastId)]),
      );
      for (const [i, question] of QUESTIONS.entries()) assertSame(question, same[i], byHand[i]?.rows ?? []);
      spillway = await SpillwayProcess.start({ folder: spillway.folder });
      const arriving = runTcpLoad({
        port: spillway.port('syslog TCP'),
        connections: 4,
        events: ARRIVING_PER_S * (quick ? 3 : LOADED_S),
        rate: ARRIVING_PER_S,
        seconds: LOADED_S * 2,
      });
      const loaded = await askAll(spillway, runs, ids);
      const { cpuS } = await arriving;
      return summary(
        idle,
        loaded,
        byHand.map(({ tookMs }) => median(tookMs)),
        cpuS,
      );
    } finally {
      await spillway.dispose();
    }
  });
};

/** Throws where the SQL by hand is not the same question. */
function assertSame(question: Question, answer: Answer | undefined, found: readonly (readonly unknown[])[]): void {
  const ours = sorted(answer === undefined ? [] : question.rows(answer));
  const theirs = sorted(handRows(question, found));
  const { name, tolerance = 0 } = question;
  const isSame = (row: readonly unknown[], i: number): boolean =>
    row.every((value, column) => {
      const other = theirs[i]?.[column];
      if (typeof value !== 'number' || typeof other !== 'number') return value === other;
      return Math.abs(value - other) <= tolerance * Math.abs(value);
    });
  if (ours.length > 0 && ours.length === theirs.length && ours.every(isSame)) return;
  const [one, other] = [ours, theirs].map((rows) => JSON.stringify(rows).slice(0, 1_000));
  throw new Error(`${name}: the answer and the SQL by hand differ:\n${one}\n${other}`);
}

function sorted(rows: readonly (readonly unknown[])[]): (readonly unknown[])[] {
  return rows
    .map((row) => ({ row, key: JSON.stringify(row) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ row }) => row);
}

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
      `What our layers add to the SQL by hand, at the most: ${Math.max(...idle.map((took, i) => Math.round(took - (byHand[i] ?? 0))))} ms. Both answers are compared.`,
      'The SQL by hand was measured in this run, VictoriaLogs on another, quieter machine: where both we and the SQL by hand are slower, it is the machine or the engine.',
      'What limits the rare word: its 100 rows lie in some 94 granules of 1,024 rows, and each costs a block of every path of `metadata` and `payload`, which is two thirds of the time (docs/decisions/2026-11-23-search-store-schema.md has what was tried; smaller granules and blocks cost inserts more than they give).',
      'Medians, asked one after another through the front door. The headline is the slowest of the six when idle.',
    ],
  };
}
