/**
 * The same events in an OpenSearch as a careful user would put them there: one index with an explicit mapping, fed by
 * bare `_bulk` requests of prepared JSON lines, ids given by the server, all settings as they come.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { at, listAt, numberAt, textAt } from '../../src/search/opensearch/json.ts';
import { cpuSeconds, say } from '../harness.ts';
import type { Layout } from './dsl.ts';
import { settled } from './loaded-spillway.ts';
import type { BenchOpenSearch } from './opensearch.ts';

const INDEX = 'logs';
const BODY_BYTES = 5_000_000;
const REQUESTS_AT_ONCE = 4;
const keyword = { type: 'keyword' } as const;

const MAPPINGS = {
  dynamic: 'strict',
  properties: {
    '@timestamp': { type: 'date' },
    message: { type: 'text' },
    host: keyword,
    app: keyword,
    team: keyword,
    level: keyword,
    status: { type: 'short' },
    path: keyword,
    duration_ms: { type: 'float' },
    request_id: keyword,
    trace_id: keyword,
  },
} as const;

export const PLAIN: Layout = {
  index: INDEX,
  time: '@timestamp',
  fiveMinutes: { date_histogram: { field: '@timestamp', fixed_interval: '5m', min_doc_count: 1 } },
  newestFirst: [{ '@timestamp': 'desc' }],
  level: 'level',
  path: 'path',
  app: 'app',
  duration: 'duration_ms',
  always: [],
  word: (word) => ({ match: { message: word } }),
  requestId: (id) => ({ term: { request_id: id } }),
  event: (source) => [Date.parse(textAt(source, '@timestamp') ?? ''), at(source, 'message')],
};

export interface PlainLoaded {
  /** Milliseconds from the first request on. */
  readonly searchableMs: number;
  readonly settledMs: number;
  /** Of the server, until it had settled. */
  readonly cpuS: number;
}

/** Into an index that is made first; one of an earlier time is removed. `file`: events.ndjson of events.ts. */
export async function loadPlain({ ask, pid }: BenchOpenSearch, file: string, count: number): Promise<PlainLoaded> {
  await ask({ method: 'DELETE', path: `${INDEX}?ignore_unavailable=true` });
  const settings = { number_of_shards: 1, number_of_replicas: 0 };
  await ask({ method: 'PUT', path: INDEX, body: { settings, mappings: MAPPINGS } });
  const cpuBefore = await cpuSeconds(pid);
  const startedMs = Date.now();
  // Reading lines from the page cache and putting an action before each is what the client costs.
  const bodies = bodiesOf(file);
  const sendNext = async () => {
    for (let next = await bodies.next(); next.done !== true; next = await bodies.next()) {
      const answer = await ask({ method: 'POST', path: `${INDEX}/_bulk?filter_path=errors`, body: [next.value] });
      if (at(answer, 'errors') !== false) throw new Error(`_bulk: ${JSON.stringify(answer).slice(0, 500)}`);
    }
  };
  await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, sendNext));
  await ask({ method: 'POST', path: `${INDEX}/_refresh` });
  const found = numberAt(await ask({ method: 'GET', path: `${INDEX}/_count` }), 'count');
  if (found !== count) throw new Error(`${count} events were sent and ${found} are found`);
  const searchableMs = Date.now() - startedMs;
  const settledMs = await settled([pid], startedMs);
  const loaded = { searchableMs, settledMs, cpuS: (await cpuSeconds(pid)) - cpuBefore };
  say(`  OpenSearch: searchable ${searchableMs / 1_000} s, settled ${settledMs / 1_000} s`);
  return loaded;
}

async function* bodiesOf(file: string): AsyncGenerator<Buffer> {
  let body = '';
  for await (const line of createInterface({ input: createReadStream(file) })) {
    body += `{"create":{}}\n${line.replace('{"_time":', '{"@timestamp":').replace('"_msg":', '"message":')}\n`;
    if (body.length < BODY_BYTES) continue;
    yield Buffer.from(body);
    body = '';
  }
  if (body !== '') yield Buffer.from(body);
}

/** Bytes of the index on the disk once everything is flushed. */
export async function plainBytes({ ask }: BenchOpenSearch): Promise<number> {
  await ask({ method: 'POST', path: `${INDEX}/_flush` });
  const stats = await ask({ method: 'GET', path: `${INDEX}/_stats/store` });
  return numberAt(stats, '_all', 'primaries', 'store', 'size_in_bytes');
}

/** Written again as one segment with the codec that saves the most. */
export async function compressPlain({ ask, pid }: BenchOpenSearch): Promise<void> {
  await ask({ method: 'POST', path: `${INDEX}/_close` });
  await ask({ method: 'PUT', path: `${INDEX}/_settings`, body: { index: { codec: 'best_compression' } } });
  await ask({ method: 'POST', path: `${INDEX}/_open?wait_for_active_shards=1` });
  await ask({ method: 'POST', path: `${INDEX}/_forcemerge?max_num_segments=1` });
  await settled([pid], Date.now());
  await ask({ method: 'POST', path: `${INDEX}/_refresh` });
  const segments = listAt(await ask({ method: 'GET', path: `_cat/segments/${INDEX}?format=json` }));
  if (segments.length !== 1) say(`  OpenSearch has ${segments.length} segments after they were merged into one`);
}
