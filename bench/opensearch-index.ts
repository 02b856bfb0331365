/**
 * Indexing events into OpenSearch by our writer, as the indexer does it (the next block is made while one is inserted),
 * beside a bare client that sends the same documents, prepared beforehand as bodies of the same size, into an index of
 * the same template. Both have two requests under way and make what they sent visible once a second. The server has one
 * processor, the client the other.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { OPENSEARCH_LIMITS } from '../src/lib/limits.ts';
import { createLog } from '../src/lib/log.ts';
import { Client } from '../src/search/opensearch/client.ts';
import { prepareCluster } from '../src/search/opensearch/cluster.ts';
import { DocumentBatch, DocumentBlock } from '../src/search/opensearch/document-block.ts';
import { openOpenSearch } from '../src/search/opensearch/engine.ts';
import { numberAt } from '../src/search/opensearch/json.ts';
import { allSlices, sliceIndex } from '../src/search/opensearch/mapping.ts';
import { SliceIndices } from '../src/search/opensearch/slice-indices.ts';
import type { Placement, WriteBlock } from '../src/search/port.ts';
import { SHARED_GROUP, sliceSpan } from '../src/search/slices.ts';
import { type Bench, cpuSeconds, hundredths, inTurns, median, say } from './harness.ts';
import { type BenchOpenSearch, withOpenSearch } from './load/opensearch.ts';
import { storedEvents } from './load/stored-events.ts';

const SHARE = 0.9;
const PLACEMENT: Placement = { slice: { retentionDays: 30, hours: 24, group: SHARED_GROUP, start: 20_000 }, tier: '' };
const START_MS = sliceSpan(PLACEMENT.slice).fromMs;
const SPAN_MS = 6 * 3_600_000;
/** It asks no more than whether there was an error. */
const BARE_PATH = '_bulk?filter_path=errors';
const log = createLog('bench', 'error');

interface Round {
  readonly eventsPerS: number;
  /** Of this process, and of the server, for an event. */
  readonly cpuUs: number;
  readonly serverUs: number;
}

export const run: Bench = ({ quick, rounds = quick ? 1 : 5 }) =>
  withOpenSearch({ apart: true }, async (server) => {
    const count = quick ? 5_000 : 100_000;
    const events = [...storedEvents({ count, seed: 42, startMs: START_MS, spanMs: SPAN_MS })];
    let runs = 0;
    const ours = () =>
      timed('our writer', count, server, `ours-${runs++}`, (prefix) => viaWriter(server, prefix, events));
    const bare = () =>
      timed('bare client', count, server, `bare-${runs++}`, (prefix) => bareClient(server, prefix, events));
    // The server's compiler begins cold.
    if (!quick) await inTurns(2, ours, bare);
    const [own = [], theirs = []] = await inTurns<Round>(rounds, ours, bare);
    const value = Math.round(median(own.map(({ eventsPerS }) => eventsPerS)));
    const peer = Math.round(median(theirs.map(({ eventsPerS }) => eventsPerS)));
    const us = (of: readonly Round[], pick: (round: Round) => number) => {
      return { value: hundredths(median(of.map(pick))), unit: 'us/event' };
    };
    return {
      value,
      unit: 'events/s',
      target: Math.round(peer * SHARE),
      peer: { name: `a bare client of _bulk with prepared bodies, ${server.name}`, value: peer },
      ratio: hundredths(value / peer),
      rows: {
        'CPU of our writer': us(own, ({ cpuUs }) => cpuUs),
        'CPU of the bare client': us(theirs, ({ cpuUs }) => cpuUs),
        'CPU of the server, fed by our writer': us(own, ({ serverUs }) => serverUs),
        'CPU of the server, fed by the bare client': us(theirs, ({ serverUs }) => serverUs),
      },
      notes: [
        `${rounds} rounds of ${count.toLocaleString('en-US')} events after two that warm the server up; medians. Bodies of up to ${OPENSEARCH_LIMITS.requestBytes / 1_048_576} MiB, two at once; one shard, no replica, ids given, the translog synced before each answer. A heap of 1 GiB, one processor (taskset, node.processors).`,
        'What limits both is the server, which is busy all the time: our writer parses events, cuts words and makes terms on the other processor meanwhile.',
      ],
    };
  });

/** `work` answers how long it took, ms, until everything could be found. */
async function timed(
  name: string,
  count: number,
  { ask, pid }: BenchOpenSearch,
  prefix: string,
  work: (prefix: string) => Promise<{ readonly ms: number; readonly cpuUs: number }>,
): Promise<Round> {
  const serverBefore = await cpuSeconds(pid);
  const { ms, cpuUs } = await work(prefix);
  const serverUs = ((await cpuSeconds(pid)) - serverBefore) * 1e6;
  const found = numberAt(await ask({ method: 'GET', path: `${allSlices(prefix)}/_count` }), 'count');
  if (found !== count) throw new Error(`${name} sent ${count} events and ${found} are found`);
  await ask({ method: 'DELETE', path: allSlices(prefix) });
  const round = { eventsPerS: count / (ms / 1_000), cpuUs: cpuUs / count, serverUs: serverUs / count };
  say(
    `  ${name}: ${Math.round(round.eventsPerS)} events/s, ${hundredths(round.cpuUs)} us of CPU each, ${Math.round(round.serverUs)} of the server`,
  );
  return round;
}

function stopwatch(): () => { readonly ms: number; readonly cpuUs: number } {
  const startMs = performance.now();
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return { ms: performance.now() - startMs, cpuUs: user + system };
  };
}

function add(block: WriteBlock, bytes: Buffer, offset: number): void {
  block.add(bytes, 0, bytes.length, { partition: 0, offset, timestampMs: START_MS }, () => PLACEMENT);
}

async function viaWriter({ url }: BenchOpenSearch, prefix: string, events: readonly Buffer[]) {
  const directory = await mkdtemp(join(tmpdir(), 'spillway-bench-'));
  const index = { prefix, shards: 1, replicas: 0 };
  const engine = await openOpenSearch({ cluster: { nodes: [url] }, index, directory, log, registry: new Registry() });
  try {
    const took = stopwatch();
    const block = engine.writer.createBlock();
    let inserting = Promise.resolve();
    const insert = async () => {
      const batch = await block.finish();
      await inserting;
      if (batch === undefined) return;
      inserting = engine.writer.insert(batch).then(({ refused, waiting }) => {
        for (const { reason } of [...refused, ...waiting]) throw new Error(reason);
      });
    };
    for (const [offset, bytes] of events.entries()) {
      add(block, bytes, offset);
      // As the intake, which reads some records at a time.
      if (offset % RECORDS_AT_ONCE === 0) await new Promise(setImmediate);
      if (block.isFull) await insert();
    }
    await insert();
    await inserting;
    return took();
  } finally {
    await engine.close();
    await rm(directory, { recursive: true, force: true });
  }
}

const RECORDS_AT_ONCE = 500;

async function bareClient({ url, ask }: BenchOpenSearch, prefix: string, events: readonly Buffer[]) {
  const index = sliceIndex(prefix, PLACEMENT.slice);
  const client = new Client({ nodes: [url] });
  const bodies = await prepared(client, prefix, index, events);
  client.close();
  const agent = new Agent({ keepAlive: true });
  const took = stopwatch();
  const sendNext = async () => {
    for (let body = bodies.shift(); body !== undefined; body = bodies.shift()) await post(agent, url, body);
  };
  const refresh = () => ask({ method: 'POST', path: `${index}/_refresh` });
  const sent = new AbortController();
  const sending = Promise.all(Array.from({ length: OPENSEARCH_LIMITS.requestsAtOnce }, sendNext));
  await Promise.all([sending.finally(() => sent.abort()), refreshUntil(sent.signal, refresh)]);
  await refresh();
  const result = took();
  agent.destroy();
  return result;
}

async function refreshUntil(ended: AbortSignal, refresh: () => Promise<unknown>): Promise<void> {
  while (!ended.aborted) {
    await delay(OPENSEARCH_LIMITS.refreshEveryMs, undefined, { signal: ended }).catch(() => {});
    if (!ended.aborted) await refresh();
  }
}

/** What our writer sends of them, and the index that it sends them to. */
async function prepared(client: Client, prefix: string, index: string, events: readonly Buffer[]): Promise<Buffer[]> {
  const options = { prefix, shards: 1, replicas: 0 };
  await prepareCluster(client, options, log);
  const block = new DocumentBlock({ origin: 'bench', indexOf: () => index, lacks: () => false });
  for (const [offset, bytes] of events.entries()) add(block, bytes, offset);
  const batch = await block.finish();
  if (!(batch instanceof DocumentBatch)) return [];
  await new SliceIndices(client, options, log).prepare({ index, ...PLACEMENT }, batch.assumed.get(index) ?? new Map());
  const bodies: Buffer[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const { lines } of batch.rows) {
    if (bytes + lines.length > OPENSEARCH_LIMITS.requestBytes) {
      bodies.push([]);
      bytes = 0;
    }
    bodies.at(-1)?.push(lines);
    bytes += lines.length;
  }
  return bodies.map((lines) => Buffer.concat(lines));
}

async function post(agent: Agent, url: string, body: Buffer): Promise<void> {
  const headers = { 'content-type': 'application/x-ndjson', 'content-length': body.length };
  const sent = request(`${url}/${BARE_PATH}`, { method: 'POST', agent, headers }).end(body);
  const [response] = await once(sent, 'response');
  const answer = await text(response);
  if (!answer.includes('"errors":false')) throw new Error(answer.slice(0, 1_000));
}
