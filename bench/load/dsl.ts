/** The six usual questions typed by hand as OpenSearch's query DSL, for any index that has the events in some form. */
import { at, listAt, numberAt } from '../../src/search/opensearch/json.ts';
import { COMMON_WORD, RARE_WORD } from './events.ts';
import { type Asker, fetched, type QuestionName, type Rows, type Span } from './questions.ts';

export type Condition = Readonly<Record<string, unknown>>;

/** How the events lie in an index. */
export interface Layout {
  /** The index, or an alias of several. */
  readonly index: string;
  /** Name of the field of times, and how it is asked for buckets of five minutes. */
  readonly time: string;
  readonly fiveMinutes: Condition;
  /** Sorts the newest first. */
  readonly newestFirst: readonly Condition[];
  readonly level: string;
  readonly path: string;
  readonly app: string;
  readonly duration: string;
  /** What each question asks besides its time. */
  readonly always: readonly Condition[];
  readonly word: (word: string) => Condition;
  readonly requestId: (id: string) => Condition;
  /** Epoch ms and message of a document. */
  readonly event: (source: unknown) => readonly [number, unknown];
}

const DAY_MS = 86_400_000;
const NO_HITS = { size: 0, track_total_hits: false } as const;

/** Of all events: its ends are others each time. */
const everything = (): Span => ({ fromMs: Date.now() - 2 * DAY_MS, toMs: Date.now() + DAY_MS });

function bodyOf(layout: Layout, name: QuestionName, id: string, span: Span): Readonly<Record<string, unknown>> {
  const query = (...conditions: readonly Condition[]) => {
    const range = { range: { [layout.time]: { gte: span.fromMs, lt: span.toMs } } };
    return { bool: { filter: [...layout.always, range, ...conditions] } };
  };
  const newest = { size: 100, track_total_hits: false, sort: layout.newestFirst };
  switch (name) {
    case 'histogram by level': {
      const aggs = { levels: { terms: { field: layout.level } } };
      return { ...NO_HITS, query: query(), aggs: { times: { ...layout.fiveMinutes, aggs } } };
    }
    case 'rare word, newest 100':
      return { ...newest, query: query(layout.word(RARE_WORD)) };
    case 'count of a common word':
      return { size: 0, track_total_hits: true, query: query(layout.word(COMMON_WORD)) };
    case 'top 10 of path':
      return { ...NO_HITS, query: query(), aggs: { values: { terms: { field: layout.path, size: 10 } } } };
    case 'one request id':
      return { ...newest, query: query(layout.requestId(id)) };
    case 'p95 of duration by app': {
      const aggs = { p: { percentiles: { field: layout.duration, percents: [95], keyed: false } } };
      return { ...NO_HITS, query: query(), aggs: { apps: { terms: { field: layout.app, size: 100 }, aggs } } };
    }
  }
}

/** Asked without the cache of whole answers, which knows a question that was asked before. */
export function askByHand(url: string, layout: Layout, span?: Span): Asker {
  const path = `${url}/${layout.index}/_search?request_cache=false`;
  const headers = { 'content-type': 'application/json' };
  return (name, id) => {
    const body = JSON.stringify(bodyOf(layout, name, id, span ?? everything()));
    return fetched(path, { method: 'POST', headers, body });
  };
}

export function handRows(layout: Layout, name: QuestionName, text: string): Rows {
  const answer = JSON.parse(text);
  const buckets = (...path: readonly string[]) => listAt(answer, 'aggregations', ...path, 'buckets');
  const pair = (bucket: unknown) => [at(bucket, 'key'), numberAt(bucket, 'doc_count')];
  switch (name) {
    case 'histogram by level':
      return buckets('times').flatMap((bucket) =>
        listAt(bucket, 'levels', 'buckets').map((level) => [at(bucket, 'key'), ...pair(level)]),
      );
    case 'rare word, newest 100':
    case 'one request id':
      return listAt(answer, 'hits', 'hits').map((hit) => layout.event(at(hit, '_source')));
    case 'count of a common word':
      return [[numberAt(answer, 'hits', 'total', 'value')]];
    case 'top 10 of path':
      return buckets('values').map(pair);
    case 'p95 of duration by app':
      return buckets('apps').map((bucket) => [at(bucket, 'key'), at(listAt(bucket, 'p', 'values')[0], 'value')]);
  }
}
