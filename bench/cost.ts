/**
 * What one event costs on Kafka and OpenSearch, from the socket until it is found: CPU of each role, of its main thread alone
 * and of both engines, bytes on their disks for one copy, and bytes that each role reads and writes. docs/scaling.md is
 * reckoned from it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TopicsAnswer } from '../src/api/schemas/index.ts';
import { TOPICS } from '../src/event/topics.ts';
import { SpillwayProcess } from '../test/support/spillway.ts';
import { type Bench, cpuSeconds, type Measured, mainThreadCpuSeconds, pssBytes, say } from './harness.ts';
import { withKafka } from './load/kafka.ts';
import { load, withEvents } from './load/loaded-spillway.ts';
import { withOpenSearch } from './load/opensearch.ts';

const EVENTS = { full: 200_000, quick: 10_000 };
/** Other than that of the events before. */
const WARMED_UP_SEED = 43;

export const run: Bench = ({ quick }) => {
  const count = quick ? EVENTS.quick : EVENTS.full;
  return withEvents(count, (first) =>
    withEvents(
      count,
      (second) =>
        withKafka({ apart: false }, async ({ broker, pid }) =>
          withOpenSearch({ apart: false }, async (search) => {
            const files = { warmUp: join(first, 'syslog.log'), file: join(second, 'syslog.log') };
            const parts = { ...files, count, broker, url: search.url };
            return measure({ ...parts, engines: { Kafka: pid, OpenSearch: search.pid }, prefix: 'cost' });
          }),
        ),
      WARMED_UP_SEED,
    ),
  );
};

interface Parts {
  /** Other events than the file's: an index of the same ones twice is smaller than one of as many. */
  readonly warmUp: string;
  readonly file: string;
  readonly count: number;
  /** Their processes. */
  readonly engines: Readonly<Record<string, number>>;
  readonly broker: string;
  readonly url: string;
  /** Of topics and indices of its own. */
  readonly prefix: string;
}

/** On engines that run. Both files are sent, one after the other. */
export async function measure({ warmUp, file, count, engines, broker, url, prefix }: Parts) {
  const spillway = await start(broker, url, prefix);
  try {
    const roles = (await spillway.roles()).map(({ role, pid }) => [role, pid ?? 0] as const);
    // The programs compile themselves while they run: the first round is not counted.
    await load(spillway, warmUp, count);
    const before = await readings([...roles, ...Object.entries(engines)]);
    const { loadCpuS } = await load(spillway, file, count, { before: count });
    const after = await readings([...roles, ...Object.entries(engines)]);
    const rows: Record<string, Measured> = {};
    const add = (name: string, total: number, unit: string) => {
      rows[name] = { value: Math.round((total / count) * 10) / 10, unit };
    };
    for (const [name, { cpuS }] of after)
      add(`CPU of ${name}`, (cpuS - (before.get(name)?.cpuS ?? 0)) * 1e6, 'us/event');
    for (const [role] of roles) {
      const mainThreadCpuS = (after.get(role)?.mainThreadCpuS ?? 0) - (before.get(role)?.mainThreadCpuS ?? 0);
      add(`CPU of ${role}, its main thread`, mainThreadCpuS * 1e6, 'us/event');
    }
    for (const [role] of roles) {
      add(`read by the ${role}`, (after.get(role)?.read ?? 0) - (before.get(role)?.read ?? 0), 'B/event');
      add(`written by the ${role}`, (after.get(role)?.written ?? 0) - (before.get(role)?.written ?? 0), 'B/event');
    }
    const { topics } = await spillway.json<TopicsAnswer>('/api/topics');
    for (const topic of [TOPICS.raw, TOPICS.events]) {
      const partitions = topics.find((known) => known.topic === topic)?.partitions ?? [];
      add(`${topic} in Kafka, one copy`, partitions.reduce((sum, { bytes }) => sum + bytes, 0) / 2, 'B/event');
    }
    add('index in OpenSearch, one copy, before the merge', (await indexBytes(url, prefix)) / 2, 'B/event');
    await fetch(`${url}/${prefix}-slice-*/_forcemerge?max_num_segments=1`, { method: 'POST' });
    add('index in OpenSearch, one copy', (await indexBytes(url, prefix)) / 2, 'B/event');
    for (const [role, pid] of roles) {
      rows[`memory of the ${role}`] = { value: Math.round((await pssBytes(pid)) / 2 ** 20), unit: 'MiB' };
    }
    const value = roles.reduce((sum, [role]) => sum + (rows[`CPU of ${role}`]?.value ?? 0), 0);
    for (const [name, row] of Object.entries(rows)) say(`  ${name}: ${row.value} ${row.unit}`);
    return {
      value: Math.round(value * 10) / 10,
      unit: 'us/event',
      rows,
      loadCpuS,
      notes: [
        `${count.toLocaleString('en-US')} events of about 330 bytes; one broker and one node with one replica and no copies, all on the same cores, as fast as they go together, after a round that is not counted. The headline is the CPU of the three roles.`,
        'Read and written is what the process asks of the system: nearly all of it goes over sockets, since these roles keep next to nothing on their disks.',
        'A role runs JavaScript in its main thread alone, so a process of it takes no more events than that does with one core.',
        'The index is measured as it lies after the load, and after a merge to one segment a shard. Memory is that after the load.',
      ],
    };
  } finally {
    await spillway.dispose();
  }
}

function start(broker: string, url: string, prefix: string): Promise<SpillwayProcess> {
  const queue = { engine: 'kafka', brokers: [broker], prefix: `${prefix}.`, replication: 1, minInsyncReplicas: 1 };
  const search = { engine: 'opensearch', nodes: [url], index: { prefix, replicas: 0 } };
  return SpillwayProcess.start({ config: { queue, search } });
}

interface Reading {
  readonly cpuS: number;
  readonly mainThreadCpuS: number;
  /** Bytes, of files and sockets. */
  readonly read: number;
  readonly written: number;
}

async function readings(processes: readonly (readonly [string, number])[]): Promise<ReadonlyMap<string, Reading>> {
  const all = processes.map(async ([name, pid]) => {
    const text = await readFile(`/proc/${pid}/io`, 'utf8').catch(() => '');
    const of = (field: string) => Number(new RegExp(`^${field}: (\\d+)`, 'm').exec(text)?.[1] ?? 0);
    const [cpuS, mainThreadCpuS] = await Promise.all([cpuSeconds(pid), mainThreadCpuSeconds(pid)]);
    return [name, { cpuS, mainThreadCpuS, read: of('rchar'), written: of('wchar') }] as const;
  });
  return new Map(await Promise.all(all));
}

/**
 * Of all segments, without the translog. From the list of segments: what `_stats` says of the store is up to 10 s old
 * (`index.store.stats_refresh_interval`), and counts what a merge has not removed yet.
 */
async function indexBytes(url: string, prefix: string): Promise<number> {
  await fetch(`${url}/${prefix}-slice-*/_flush?force=true&wait_if_ongoing=true`, { method: 'POST' });
  await fetch(`${url}/${prefix}-slice-*/_refresh`, { method: 'POST' });
  const answer = await fetch(`${url}/_cat/segments/${prefix}-slice-*?format=json&bytes=b&h=size`);
  const segments = (await answer.json()) as readonly { readonly size: string }[];
  say(`  ${segments.length} segments`);
  return segments.reduce((sum, { size }) => sum + Number(size), 0);
}
