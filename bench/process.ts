/**
 * What the processor makes of records in memory: read out of batches of `raw`, parsed, normalised, written as JSON and
 * put into compressed batches of `events`; without the queue's disk, in one thread. 330-byte RFC 5424 events with
 * structured data are the headline; beside it JSON.parse and JSON.stringify of the same events as NDJSON, which do
 * nothing else. Microseconds are of CPU, since the machine may be shared.
 */
import { encodeRawMeta, RAW_META_KEY, type RawFormat } from '../src/event/raw-meta.ts';
import { encodeHeaders, RecordBatchBuilder, RecordCursor } from '../src/event/record-batch.ts';
import { PROCESS_LIMITS } from '../src/lib/limits.ts';
import { createLog } from '../src/lib/log.ts';
import { Evaluation } from '../src/process/evaluation.ts';
import { Lanes } from '../src/process/lanes/lanes.ts';
import { OutputBatch } from '../src/process/output.ts';
import { createTopology } from '../src/process/topology.ts';
import { type Bench, inTurns, median, say } from './harness.ts';
import { generateEvents } from './load/events.ts';

const START_MS = Date.UTC(2026, 10, 22);
const TARGET = 60_000;

interface Round {
  readonly eventsPerS: number;
  readonly cpuMicros: number;
}

/** Runs once over `count` events; the answer is how fast. */
function measure(count: number, work: () => void): Round {
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  work();
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { eventsPerS: count / seconds, cpuMicros: (user + system) / count };
}

/** The lines as batches of `raw`, full ones as under load. */
function rawBatches(lines: readonly string[], format: RawFormat): readonly Buffer[] {
  const meta = encodeRawMeta({ tenant: 'default', input: 'bench', remote: '127.0.0.1:40000', format });
  const headers = encodeHeaders([[RAW_META_KEY, meta]]);
  const builder = new RecordBatchBuilder();
  const batches: Buffer[] = [];
  for (const line of lines) {
    const bytes = Buffer.from(line);
    if (builder.append(bytes, 0, bytes.length, START_MS, headers)) continue;
    batches.push(builder.finish());
    builder.append(bytes, 0, bytes.length, START_MS, headers);
  }
  batches.push(builder.finish());
  return batches;
}

/** What partition.ts does with batches, but for the appends. */
function processor(batches: readonly Buffer[]): () => void {
  const output = new OutputBatch(new Lanes({ rawOffset: 0, receivedTo: 0 }));
  const topology = createTopology();
  const evaluation = new Evaluation({ partition: 0, site: 'local', topology, log: createLog('bench') }, output);
  return () => {
    for (const batch of batches) {
      const cursor = new RecordCursor(batch);
      while (cursor.next()) {
        evaluation.evaluate(cursor);
        if (evaluation.mustWait) output.finish(0);
        evaluation.take(cursor);
      }
    }
    output.finish(0);
  };
}

/** Parsing alone: the topology's JSON, in no batch. */
function parser(lines: readonly string[], format: RawFormat): () => void {
  const topology = createTopology();
  const meta = { tenant: 'default', input: 'bench', remote: '127.0.0.1:40000', format };
  const bytes = Buffer.from(lines.join(''));
  const ends: number[] = [];
  for (const line of lines) ends.push((ends.at(-1) ?? 0) + Buffer.byteLength(line));
  return () => {
    let start = 0;
    for (const [offset, end] of ends.entries()) {
      const id = `local.raw.0.${offset}.0`;
      topology.run({ bytes, start, end, meta, receivedMs: START_MS, partition: 0, offset, id });
      start = end;
    }
  };
}

const rfc3164 = (i: number): string =>
  `<134>Nov 22 05:${String(i % 60).padStart(2, '0')}:58 web-${i % 40} nginx: 203.0.113.${i % 250} - - [22/Nov/2026:05:59:58 +0000] "GET /v1/push/get?id=${i} HTTP/1.1" 200 ${i % 9_999} "-" "Mozilla/5.0 (X11; Linux x86_64)"`;
const plainText = (i: number): string =>
  `2026-11-22 05:59:58,${String(i % 1_000).padStart(3, '0')} - INFO  [worker-${i % 8}:Manager@774] - Received connection request from node ${i} of cluster`;

export const run: Bench = async ({ quick }) => {
  const count = quick ? 5_000 : 100_000;
  const rounds = quick ? 1 : 7;
  const generated = [...generateEvents({ count, seed: 42, startMs: START_MS })];
  const syslog = generated.map((event) => event.syslog);
  const ndjson = generated.map((event) => event.ndjson);
  const works = {
    'RFC 5424 with structured data': processor(rawBatches(syslog, 'syslog')),
    'the same, parsed alone': parser(syslog, 'syslog'),
    'JSON lines': processor(rawBatches(ndjson, 'json')),
    'JSON lines, parsed alone': parser(ndjson, 'json'),
    'access log in RFC 3164': processor(
      rawBatches(
        Array.from({ length: count }, (_, i) => rfc3164(i)),
        'syslog',
      ),
    ),
    'plain text': processor(
      rawBatches(
        Array.from({ length: count }, (_, i) => plainText(i)),
        'text',
      ),
    ),
    'JSON.parse and JSON.stringify': () => {
      for (const line of ndjson) JSON.stringify(JSON.parse(line));
    },
  };
  const names = Object.keys(works);
  const runs = Object.values(works);
  for (const work of runs) work();
  const measured = await inTurns(rounds, ...runs.map((work) => async () => measure(count, work)));
  const rows = names.map((name, i) => {
    const all = measured[i] ?? [];
    const cpuMicros = median(all.map((round) => round.cpuMicros));
    say(`${name}: ${cpuMicros.toFixed(2)} us of CPU`);
    return { name, cpuMicros, eventsPerS: median(all.map((round) => round.eventsPerS)) };
  });
  const value = Math.round(rows[0]?.eventsPerS ?? 0);
  const bare = Math.round(rows.at(-1)?.eventsPerS ?? 0);
  return {
    value,
    unit: 'events/s',
    target: TARGET,
    peer: { name: 'JSON.parse and JSON.stringify alone', value: bare },
    ratio: Math.round((100 * value) / bare) / 100,
    rows: Object.fromEntries(
      rows.map(({ name, cpuMicros }) => [
        name,
        { value: Math.round(cpuMicros * 100) / 100, unit: 'us of CPU an event' },
      ]),
    ),
    notes: [`Batches of ${PROCESS_LIMITS.batchBytes / 1_024} KiB of events before compression; nothing is appended.`],
  };
};
