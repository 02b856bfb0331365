/**
 * The six usual questions over the same events on OpenSearch, through the front door, warm and idle; and in turns with
 * them the same questions typed by hand as its query DSL against the same indices: what all our layers add. The server
 * has one processor, Spillway and the asker the other.
 */
import { join } from 'node:path';
import { at, numberAt } from '../src/search/opensearch/json.ts';
import { aliasOf, FIELD } from '../src/search/opensearch/mapping.ts';
import { stringTerm } from '../src/search/opensearch/names.ts';
import { SpillwayProcess } from '../test/support/spillway.ts';
import { type Bench, hundredths, type Measured } from './harness.ts';
import { askByHand, handRows, type Layout } from './load/dsl.ts';
import { load, withEvents } from './load/loaded-spillway.ts';
import { withOpenSearch } from './load/opensearch.ts';
import {
  askFrontDoor,
  askInTurns,
  assertSame,
  frontDoorRows,
  idsWanted,
  QUESTION_NAMES,
  requestIds,
} from './load/questions.ts';

const OVERHEAD_MS = 10;
const PREFIX = 'bench';

/** The fields of src/search/opensearch/mapping.ts, as somebody who knows them writes them. */
const SLICES: Layout = {
  index: aliasOf(PREFIX),
  time: FIELD.timestamp,
  fiveMinutes: { histogram: { field: FIELD.timestamp, interval: 300_000, min_doc_count: 1 } },
  newestFirst: [{ [FIELD.timestamp]: 'desc' }, { [FIELD.order]: 'desc' }],
  level: 'v.string.o/level',
  path: 'v.string.p/path',
  app: 'v.string.m/app',
  duration: 'v.number.p/duration_ms',
  always: [{ term: { [FIELD.tenant]: 'default' } }],
  word: (word) => ({ term: { [FIELD.tokens]: word } }),
  requestId: (id) => ({ term: { [FIELD.terms]: stringTerm('p:request_id', id) } }),
  event: (source) => [numberAt(source, FIELD.event, 'timestamp'), at(source, FIELD.event, 'message')],
};

export const run: Bench = ({ quick, events }) => {
  const count = events ?? (quick ? 10_000 : 500_000);
  const runs = quick ? 3 : 25;
  return withEvents(count, (folder, meta) =>
    withOpenSearch({ apart: true }, async (server) => {
      const index = { prefix: PREFIX, shards: 1, replicas: 0 };
      const search = { engine: 'opensearch', nodes: [server.url], index };
      const spillway = await SpillwayProcess.start({ config: { search } });
      try {
        await load(spillway, join(folder, 'syslog.log'), count, { others: [server.pid] });
        const ids = requestIds(meta, idsWanted(runs) + 1);
        const lastId = ids.at(-1) ?? '';
        const ours = askFrontDoor(spillway.url);
        const byHand = askByHand(server.url, SLICES);
        for (const name of QUESTION_NAMES) {
          const rows = frontDoorRows(name, await ours(name, lastId));
          assertSame(name, rows, handRows(SLICES, name, await byHand(name, lastId)));
        }
        const [own, theirs] = await askInTurns([ours, byHand], runs, ids);
        if (own === undefined || theirs === undefined) throw new Error('nothing was measured');
        return summary(own, theirs, server.name, count);
      } finally {
        await spillway.dispose();
      }
    }),
  );
};

type Medians = Readonly<Record<(typeof QUESTION_NAMES)[number], number>>;

function summary(own: Medians, theirs: Medians, server: string, count: number) {
  const added = QUESTION_NAMES.map((name) => own[name] - theirs[name]);
  const rows = QUESTION_NAMES.map((name): [string, Measured] => {
    const [value, peer] = [hundredths(own[name]), hundredths(theirs[name])];
    return [name, { value, unit: 'ms', peer: { name: 'DSL by hand', value: peer }, ratio: hundredths(peer / value) }];
  });
  return {
    value: hundredths(Math.max(...added)),
    unit: 'ms',
    target: OVERHEAD_MS,
    rows: Object.fromEntries(rows),
    notes: [
      `The headline is what we add to the DSL by hand, at the most. ${server}, ${count.toLocaleString('en-US')} events of six hours, slices by day of one shard; a heap of 1 GiB, one processor (taskset, node.processors). Its cache of whole answers is left out by both: our ranges end at another millisecond each time.`,
      'Medians, asked in turns; all answers are compared. By hand nothing asks whether there are events without a value to group by, ten values are listed and not the first thousand, and answers are not parsed.',
    ],
  };
}
