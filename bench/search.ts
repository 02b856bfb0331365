/**
 * The six usual questions over the same events, through the front door, warm: idle, and while 10,000 events a second
 * arrive; and in turns with the idle ones the same questions typed as SQL by hand, on a copy of the same folder, which
 * shows what all our layers add. With --peer, also in turns: a real OpenSearch with the same events, fed by bare `_bulk` into an index with an
 * explicit mapping, asked in its own query DSL.
 */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { STORE_LIMITS } from '../src/lib/limits.ts';
import { EVENT_COLUMNS } from '../src/search/clickhouse/schema.ts';
import { SpillwayProcess } from '../test/support/spillway.ts';
import { openStored, type StoredTable } from '../test/support/stored-events.ts';
import { type Bench, hundredths, type Measured, say } from './harness.ts';
import { askByHand, handRows } from './load/dsl.ts';
import { COMMON_WORD, type EventsMeta, RARE_WORD } from './load/events.ts';
import { load, SPAN_MS, settled, withEvents } from './load/loaded-spillway.ts';
import { lacksOpenSearch, withOpenSearch } from './load/opensearch.ts';
import { loadPlain, PLAIN } from './load/plain-opensearch.ts';
import {
  type Asker,
  askFrontDoor,
  askInTurns,
  assertSame,
  frontDoorRows,
  idsWanted,
  QUESTION_NAMES,
  type QuestionName,
  type Rows,
  requestIds,
  type Span,
} from './load/questions.ts';
import { runTcpLoad } from './load/run-load.ts';

const ARRIVING_PER_S = 10_000;
const LOADED_S = 30;

type Medians = Readonly<Record<QuestionName, number>>;

/** What VictoriaLogs 1.26 needs on such a machine, ms (50 is the bound for the single id). */
const VICTORIALOGS_MS: Medians = {
  'histogram by level': 87,
  'rare word, newest 100': 82,
  'count of a common word': 244,
  'top 10 of path': 74,
  'one request id': 50,
  'p95 of duration by app': 652,
};

/** The condition of EVERYTHING: a person who asks for three days says so in SQL too. */
const WHERE = `tenant = 'default' AND timestamp >= (toUnixTimestamp(now()) - 172800) * 1000
  AND timestamp < (toUnixTimestamp(now()) + 86400) * 1000`;
/** As paths of few texts are stored. */
const WORDS = '`LowCardinality(String)`';
const SQL: Readonly<Record<QuestionName, (id: string) => string>> = {
  'histogram by level': () =>
    `SELECT intDiv(timestamp, 300000) * 300000 AS t, level, count() FROM events WHERE ${WHERE} GROUP BY t, level`,
  'rare word, newest 100': () =>
    `SELECT * FROM events WHERE ${WHERE} AND hasAllTokens(lowerUTF8(message), ['${RARE_WORD}']) ORDER BY timestamp DESC LIMIT 100`,
  'count of a common word': () =>
    `SELECT count() FROM events WHERE ${WHERE} AND hasAllTokens(lowerUTF8(message), ['${COMMON_WORD}'])`,
  'top 10 of path': () =>
    `SELECT payload.path.:${WORDS} AS path, count() AS n FROM events WHERE ${WHERE} GROUP BY path ORDER BY n DESC LIMIT 10`,
  'one request id': (id) => `SELECT * FROM events WHERE ${WHERE} AND payload.request_id.:String = '${id}'`,
  'p95 of duration by app': () =>
    `SELECT metadata.app.:${WORDS} AS app, quantileTDigest(0.95)(payload.duration_ms.:Float64) FROM events WHERE ${WHERE} GROUP BY app`,
};

const TIMESTAMP = EVENT_COLUMNS.findIndex(({ name }) => name === 'timestamp');
const MESSAGE = EVENT_COLUMNS.findIndex(({ name }) => name === 'message');
const WHOLE_EVENTS: readonly QuestionName[] = ['rare word, newest 100', 'one request id'];

const sqlRows = (name: QuestionName, found: Rows): Rows =>
  WHOLE_EVENTS.includes(name) ? found.map((row) => [row[TIMESTAMP], row[MESSAGE]]) : found;

const askSql =
  (stored: StoredTable): Asker =>
  async (name, id) =>
    JSON.stringify(await stored.ask(SQL[name](id)));

interface Peer {
  readonly name: string;
  readonly medians: Medians;
  readonly middle: Medians;
}

interface Idle {
  readonly own: Medians;
  readonly byHand: Medians;
  /** Of the middle third of the events' time. */
  readonly middle: Medians;
  readonly opensearch: Peer | undefined;
}

/** Its ends lie within buckets of five minutes, and within slices. */
function middleThird({ startMs, spanMs = SPAN_MS }: EventsMeta): Span {
  return { fromMs: startMs + Math.round(spanMs / 3) + 61_234, toMs: startMs + Math.round((2 * spanMs) / 3) + 61_234 };
}

export const run: Bench = async ({ quick, peer, events }) => {
  const missing = peer ? await lacksOpenSearch() : undefined;
  if (missing !== undefined) say(`  ${missing}`);
  const hasPeer = peer && missing === undefined;
  const count = events ?? (quick ? 100_000 : 2_000_000);
  const runs = quick ? 3 : 15;
  return withEvents(count, async (folder, meta) => {
    const ids = requestIds(meta, 12 * idsWanted(runs));
    // Events come in the order of their times, but for seconds: these lie in the middle third, and none is asked twice.
    const middleIds = ids.splice(Math.ceil(ids.length * 0.4), idsWanted(runs) + 1);
    const middle = { span: middleThird(meta), ids: middleIds };
    let spillway = await SpillwayProcess.start();
    try {
      await load(spillway, join(folder, 'syslog.log'), count);
      if (!quick) await tidied();
      await spillway.stop();
      const copy = join(folder, 'copy');
      await cp(join(spillway.folder, 'data/search'), join(copy, 'search'), { recursive: true });
      spillway = await SpillwayProcess.start({ folder: spillway.folder });
      const stored = await openStored(copy);
      const parts = { spillway, stored, ids, middle, runs };
      const idle = await (hasPeer
        ? withOpenSearch({ apart: false }, async (server) => {
            await loadPlain(server, join(folder, 'events.ndjson'), count);
            return idleMedians({ ...parts, opensearch: server });
          })
        : idleMedians(parts)
      ).finally(() => stored.close());
      const arriving = runTcpLoad({
        port: spillway.port('syslog TCP'),
        connections: 4,
        events: ARRIVING_PER_S * (quick ? 3 : LOADED_S),
        rate: ARRIVING_PER_S,
        seconds: LOADED_S * 2,
      });
      const [loaded] = await askInTurns([askFrontDoor(spillway.url)], runs, ids);
      const { cpuS } = await arriving;
      if (loaded === undefined) throw new Error('nothing was measured');
      return summary({ idle, loaded, cpuS, missing });
    } finally {
      await spillway.dispose();
    }
  });
};

/** Ours, the SQL by hand and the peer in turns; all must answer the same. */
async function idleMedians({
  spillway,
  stored,
  opensearch,
  ids,
  middle,
  runs,
}: {
  readonly spillway: SpillwayProcess;
  readonly stored: StoredTable;
  readonly opensearch?: { readonly name: string; readonly url: string };
  readonly ids: string[];
  readonly middle: { readonly span: Span; readonly ids: string[] };
  readonly runs: number;
}): Promise<Idle> {
  // Either engine merges what is left to merge, and by its own time.
  await settled([...(await spillway.roles()).flatMap(({ pid }) => pid ?? []), process.pid], Date.now());
  const ours = askFrontDoor(spillway.url);
  const byHand = askSql(stored);
  const askers = [ours, byHand, ...(opensearch ? [askByHand(opensearch.url, PLAIN)] : [])];
  const id = ids.pop() ?? '';
  for (const name of QUESTION_NAMES) {
    const [own = '', sql = '', theirs] = await Promise.all(askers.map((ask) => ask(name, id)));
    const rows = frontDoorRows(name, own);
    assertSame(name, rows, sqlRows(name, JSON.parse(sql)));
    if (theirs !== undefined) assertSame(name, rows, handRows(PLAIN, name, theirs));
  }
  const [own, hand, theirs] = await askInTurns(askers, runs, ids);
  const some = [
    askFrontDoor(spillway.url, middle.span),
    ...(opensearch ? [askByHand(opensearch.url, PLAIN, middle.span)] : []),
  ];
  const middleId = middle.ids.pop() ?? '';
  for (const name of QUESTION_NAMES) {
    const [answer = '', theirs] = await Promise.all(some.map((ask) => ask(name, middleId)));
    if (theirs !== undefined) assertSame(name, frontDoorRows(name, answer), handRows(PLAIN, name, theirs));
  }
  const [ownMiddle, theirMiddle] = await askInTurns(some, runs, middle.ids);
  if (own === undefined || hand === undefined || ownMiddle === undefined) throw new Error('nothing was measured');
  const peer = opensearch && theirs && theirMiddle && { name: opensearch.name, medians: theirs, middle: theirMiddle };
  return { own, byHand: hand, middle: ownMiddle, opensearch: peer };
}

/** Resolves when the store has merged what inserts left: search/clickhouse/tidy-parts.ts. */
async function tidied(): Promise<void> {
  const waitMs = STORE_LIMITS.tidyAfterS * 1_000 + 2 * STORE_LIMITS.syncMergedEveryMs;
  await new Promise((resolve) => setTimeout(resolve, waitMs));
}

interface Figures {
  readonly idle: Idle;
  readonly loaded: Medians;
  readonly cpuS: number;
  readonly missing: string | undefined;
}

function summary({ idle: { own, byHand, middle, opensearch }, loaded, cpuS, missing }: Figures) {
  const ms = (value: number | undefined): number => Math.round((value ?? Number.NaN) * 10) / 10;
  const rows: Record<string, Measured> = {};
  for (const name of QUESTION_NAMES) {
    const value = ms(own[name]);
    const beside = (peer: string, peerMs: number, oursMs = value): Measured => {
      return { value: oursMs, unit: 'ms', peer: { name: peer, value: peerMs }, ratio: hundredths(peerMs / oursMs) };
    };
    rows[name] = beside('VictoriaLogs 1.26', VICTORIALOGS_MS[name]);
    if (opensearch) rows[`${name}, beside OpenSearch`] = beside(opensearch.name, ms(opensearch.medians[name]));
    const third = `${name}, of the middle third`;
    if (opensearch) rows[third] = beside(opensearch.name, ms(opensearch.middle[name]), ms(middle[name]));
    else rows[third] = { value: ms(middle[name]), unit: 'ms' };
    rows[`${name}, while ${ARRIVING_PER_S} events/s arrive`] = { value: ms(loaded[name]), unit: 'ms' };
    rows[`${name}, SQL by hand`] = { value: ms(byHand[name]), unit: 'ms' };
  }
  const added = QUESTION_NAMES.map((name) => own[name] - byHand[name]);
  return {
    value: ms(Math.max(...Object.values(own))),
    unit: 'ms',
    rows,
    loadCpuS: cpuS,
    notes: [
      `What our layers add to the SQL by hand, at the most: ${ms(Math.max(...added))} ms. Both answers are compared.`,
      'The SQL by hand was measured in this run, on a copy of the same parts, in turns with ours; VictoriaLogs on another, quieter machine: where both we and the SQL by hand are slower, it is the machine or the engine.',
      ...(opensearch
        ? [
            'Why OpenSearch answers faster where it does: words and ids are lists of its index, read whole, where the embedded engine reads marks and then blocks of columns; and a count by a keyword without conditions, as a range that holds everything is none, is read from the list of terms. Behind a tenant as a filter, as our own slices there have, the top 10 takes 21 ms for 500,000 events on one processor (search-opensearch).',
            'OpenSearch: measured in this run, in turns with ours; all settings as they come but for a heap of 1 GiB, one index with one shard, both processors, its cache of whole answers left out. Its answers are compared with ours.',
          ]
        : []),
      ...(missing === undefined ? [] : [missing]),
      'What limits the rare word: its 100 rows lie in some 94 granules of 1,024 rows, and each costs a block of every path of `metadata` and `payload`, which is the half of the time (docs/decisions/2026-11-23-search-store-schema.md and 2026-11-26-faster-questions.md have what was tried; smaller granules and blocks cost inserts more than they give).',
      'One request id was to take 50 ms, or 15 with an index whose bytes are counted, as its Bloom filter is: finding the row takes the engine about 8, a row of JSON columns the rest, and the way through the front door 2 to 4 (docs/decisions/2026-11-23-search-store-schema.md).',
      `At rest means that nothing was inserted for ${STORE_LIMITS.tidyAfterS} s, after which small parts are merged. The middle third of the time, with ends within buckets, is what no count of a whole index answers.`,
      'Medians, asked one after another through the front door. The headline is the slowest of the six when idle.',
    ],
  };
}
