/**
 * Bytes on disk of an event, after merges: the columns of the search engine, its text index and other indexes, `original`
 * apart, and the queue's topics `raw` and `events`. With --peer beside the index of a real OpenSearch with the same events,
 * fed by bare `_bulk` into an index with an explicit mapping.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SpillwayProcess } from '../test/support/spillway.ts';
import { selectStored } from '../test/support/stored-events.ts';
import { type Bench, hundredths, type Measured, say } from './harness.ts';
import { load, withEvents } from './load/loaded-spillway.ts';
import { lacksOpenSearch, withOpenSearch } from './load/opensearch.ts';
import { compressPlain, loadPlain, plainBytes } from './load/plain-opensearch.ts';

const TARGET_BYTES = 100;
const VICTORIALOGS_BYTES = 70;

export const run: Bench = async ({ quick, peer, events }) => {
  const missing = peer ? await lacksOpenSearch() : undefined;
  if (missing !== undefined) say(`  ${missing}`);
  const count = events ?? (quick ? 100_000 : 2_000_000);
  return withEvents(count, async (folder) => {
    const theirs = peer && missing === undefined ? await opensearchSizes(join(folder, 'events.ndjson'), count) : [];
    const spillway = await SpillwayProcess.start();
    try {
      await load(spillway, join(folder, 'syslog.log'), count);
      await spillway.stop();
      return await measure(join(spillway.folder, 'data'), count, theirs, missing);
    } finally {
      await spillway.dispose();
    }
  });
};

/** What OpenSearch takes, bytes, as it comes to rest and at its best. */
function opensearchSizes(file: string, count: number): Promise<readonly (readonly [string, number])[]> {
  return withOpenSearch({ apart: false }, async (server) => {
    await loadPlain(server, file, count);
    const asItComes = await plainBytes(server);
    await compressPlain(server);
    return [
      [server.name, asItComes],
      [`${server.name}, best_compression, merged into one segment`, await plainBytes(server)],
    ];
  });
}

async function measure(
  data: string,
  count: number,
  theirs: readonly (readonly [string, number])[],
  missing: string | undefined,
) {
  const perEvent = (bytes: unknown): Measured => ({
    value: Math.round((Number(bytes) / count) * 10) / 10,
    unit: 'B/event',
  });
  const [columns = [], indexes = [], parts = []] = await selectStored(data, [
    `SELECT column, sum(column_bytes_on_disk) AS bytes FROM system.parts_columns
     WHERE table = 'events' AND active GROUP BY column ORDER BY bytes DESC`,
    `SELECT name, sum(data_compressed_bytes + marks_bytes) AS bytes FROM system.data_skipping_indices
     WHERE table = 'events' GROUP BY name ORDER BY bytes DESC`,
    "SELECT sum(bytes_on_disk) FROM system.parts WHERE table = 'events' AND active",
  ]);
  const total = Number(parts[0]?.[0]);
  const original = Number(columns.find(([column]) => column === 'original')?.[1] ?? 0);
  const toldApart = [...columns, ...indexes].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  const index = perEvent(total - original);
  const beside = theirs.map(([name, bytes]): readonly [string, Measured] => {
    const value = perEvent(bytes).value;
    return [`beside ${name}`, { ...index, peer: { name, value }, ratio: hundredths(value / index.value) }];
  });
  const rows = Object.fromEntries([
    ...beside,
    ['original', perEvent(original)],
    ['raw (queue)', perEvent(await folderBytes(join(data, 'queue/raw')))],
    ['events (queue)', perEvent(await folderBytes(join(data, 'queue/events')))],
    ...named('column', columns, perEvent),
    ...named('index', indexes, perEvent),
    ['marks, and small parts whose columns share a file', perEvent(total - toldApart)],
  ]);
  return {
    ...index,
    target: TARGET_BYTES,
    peer: { name: 'VictoriaLogs 1.26, measured on such a machine', value: VICTORIALOGS_BYTES },
    ratio: Math.round((VICTORIALOGS_BYTES / index.value) * 100) / 100,
    rows,
    notes: [
      'The headline is everything of the search engine but `original`; the topics of the queue go with their retention.',
      ...(theirs.length === 0
        ? []
        : [
            'OpenSearch holds the same events as JSON in `_source`, with an explicit mapping, ids given by the server, one shard, no replica; its translog is not counted.',
          ]),
      ...(missing === undefined ? [] : [missing]),
    ],
  };
}

/** Those that take anything. */
function named(kind: string, sizes: readonly unknown[][], perEvent: (bytes: unknown) => Measured) {
  return sizes
    .map(([name, bytes]) => [`${kind} ${name}`, perEvent(bytes)] as const)
    .filter(([, { value }]) => value > 0);
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(file.parentPath, file.name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
