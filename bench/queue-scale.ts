/**
 * What an append costs one busy partition among 10, 100 and 1,000 that are open, and with little and with much history
 * behind it: flat is right. The headline is how much more it costs at the most than at the least, in CPU. And how long a
 * start takes after the process was killed with that history on the disk, read from the disk and not from memory.
 */
import { once } from 'node:events';
import { readdir, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeDisk } from '../src/lib/disk.ts';
import { SUPERVISOR_LIMITS } from '../src/lib/limits.ts';
import type { PartitionWriter } from '../src/queue/port.ts';
import { openTestLog, type TestLog } from '../src/queue/segment-log/test-log.ts';
import { type Bench, hundredths, inTurns, type Measured, median, say, spawnScript } from './harness.ts';
import { dropFromCache } from './load/page-cache.ts';
import { rawTopic, smallAppends, withFolder, withLog } from './load/queue-log.ts';

const GB = 1e9;
const CALLERS = 64;
const FLAT_PERCENT = 20;
const START_S = 5;
const HISTORY_PARTITIONS = 4;
/** Room beside the history itself. */
const FREE_FOR = { much: 60 * GB, some: 8 * GB };

interface Round {
  readonly cpuUs: number;
  readonly wallUs: number;
}

interface Subject {
  readonly name: string;
  readonly log: TestLog;
  readonly writer: PartitionWriter;
}

export const run: Bench = async ({ quick, rounds = quick ? 2 : 9 }) => {
  const appends = quick ? 2_000 : 50_000;
  const counts = quick ? [10, 100] : [10, 100, 1_000];
  const among = await withLogs(counts, (subjects) => costs(subjects, rounds, appends));
  const [little, much] = await historyBytes(quick);
  const starts: Record<string, Measured> = {};
  const history = await withHistory(little, starts, (small) =>
    withHistory(much, starts, (large) => costs([small, large], rounds, appends)),
  );
  const worst = Math.max(spread(among), spread(history));
  return {
    value: worst,
    unit: '%',
    target: FLAT_PERCENT,
    rows: { ...rowsOf(among), ...rowsOf(history), ...starts },
    notes: [
      `${CALLERS} callers append one 300-byte record at a time; medians of ${rounds} rounds of ${appends} appends, in turns. Of each cost the CPU is what counts; the time has the disk in it, which varies from round to round.`,
      `All writers say every ${SUPERVISOR_LIMITS.heartbeatMs} ms where they end, as in a role. The history is ${gigabytes(much)} and ${gigabytes(little)} in ${HISTORY_PARTITIONS} partitions; 30 GB where 60 GB are free.`,
      `A start must take less than ${START_S} s. It reads the last segment of each partition whole, and of the others only their sizes.`,
      'What grows with the partitions is what all writers say of themselves; with history nothing does, since nothing is kept of older segments but their names and sizes.',
    ],
  };
};

/** Of the smaller and the larger history. */
async function historyBytes(quick: boolean): Promise<readonly [number, number]> {
  const { bavail, bsize } = await statfs(tmpdir());
  const freeBytes = bavail * bsize;
  if (!quick && freeBytes >= FREE_FOR.much) return [GB, 30 * GB];
  return freeBytes >= FREE_FOR.some ? [GB, 3 * GB] : [GB / 20, (3 * GB) / 20];
}

const gigabytes = (bytes: number): string => `${bytes / GB} GB`;

/** Opens a log for each number of partitions, with a writer on every one of them. */
function withLogs<T>(counts: readonly number[], use: (subjects: Subject[]) => Promise<T>): Promise<T> {
  const [count, ...others] = counts;
  if (count === undefined) return use([]);
  return withLog(count, async (log) => {
    const writer = await openWriters(log, count);
    say(`  ${count} partitions are open`);
    return withLogs(others, (subjects) => use([{ name: `one of ${count} partitions`, log, writer }, ...subjects]));
  });
}

/** On every partition; the answer is the first one's. */
async function openWriters(log: TestLog, partitions: number): Promise<PartitionWriter> {
  const [writer] = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => log.queue.openWriter({ topic: 'raw', partition })),
  );
  if (writer === undefined) throw new Error('no partition was opened');
  return writer;
}

/** As a role does; of the log that is measured alone, since the others' would be counted with it. */
async function withHeartbeat<T>(log: TestLog, use: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => log.queue.heartbeat(), SUPERVISOR_LIMITS.heartbeatMs);
  try {
    return await use();
  } finally {
    clearInterval(timer);
  }
}

/** A log whose process was killed with so much history, opened again; how long that took goes into `starts`. */
function withHistory<T>(
  bytes: number,
  starts: Record<string, Measured>,
  use: (subject: Subject) => Promise<T>,
): Promise<T> {
  return withFolder(async (directory) => {
    await killedAfter(directory, bytes);
    const toRead = await lastSegmentsBytes(directory);
    await dropFromCache(directory);
    const startedMs = performance.now();
    const log = await openTestLog({ directory, disk: nodeDisk, topics: rawTopic(HISTORY_PARTITIONS) });
    try {
      const writer = await openWriters(log, HISTORY_PARTITIONS);
      const seconds = (performance.now() - startedMs) / 1_000;
      const name = `start after a kill with ${gigabytes(bytes)}, of which ${Math.round(toRead / 1e6)} MB in last segments`;
      starts[name] = { value: hundredths(seconds), unit: 's' };
      say(`  ${name}: ${seconds.toFixed(2)} s`);
      return await use({ name: `${gigabytes(bytes)} of history`, log, writer });
    } finally {
      await log.close();
    }
  });
}

/** What a start reads whole. */
async function lastSegmentsBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (let partition = 0; partition < HISTORY_PARTITIONS; partition++) {
    const folder = join(directory, 'raw', String(partition));
    const last =
      (await readdir(folder))
        .filter((name) => name.endsWith('.log'))
        .sort()
        .at(-1) ?? '';
    bytes += (await stat(join(folder, last))).size;
  }
  return bytes;
}

async function killedAfter(directory: string, bytes: number): Promise<void> {
  const args = ['--directory', directory, '--partitions', String(HISTORY_PARTITIONS), '--bytes', String(bytes)];
  const child = spawnScript('bench/load/history-process.ts', args);
  const ended = once(child, 'exit');
  try {
    await Promise.race([
      once(child, 'message'),
      ended.then(() => {
        throw new Error('the writer of the history ended by itself');
      }),
    ]);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

type Costs = readonly { readonly name: string; readonly rounds: readonly Round[] }[];

async function costs(subjects: readonly Subject[], rounds: number, appends: number): Promise<Costs> {
  const measure = async ({ log, writer }: Subject, count: number): Promise<Round> => {
    const cpu = process.cpuUsage();
    const startedMs = performance.now();
    await withHeartbeat(log, () => smallAppends(writer, CALLERS, count));
    const wallUs = ((performance.now() - startedMs) * 1_000) / count;
    const { user, system } = process.cpuUsage(cpu);
    return { cpuUs: (user + system) / count, wallUs };
  };
  // Once without counting: the compiler of JavaScript warms up.
  for (const subject of subjects) await measure(subject, appends / 2);
  const results = await inTurns(rounds, ...subjects.map((subject) => () => measure(subject, appends)));
  return subjects.map(({ name }, i) => ({ name, rounds: results[i] ?? [] }));
}

const middle = (rounds: readonly Round[], figure: keyof Round): number => median(rounds.map((round) => round[figure]));

/** How much more the dearest costs than the cheapest, %. */
function spread(all: Costs): number {
  const cpu = all.map(({ rounds }) => middle(rounds, 'cpuUs'));
  return Math.round((Math.max(...cpu) / Math.min(...cpu) - 1) * 1_000) / 10;
}

function rowsOf(all: Costs): Record<string, Measured> {
  const rows = all.flatMap(({ name, rounds }) => [
    [`${name}: CPU of an append`, { value: hundredths(middle(rounds, 'cpuUs')), unit: 'us' }] as const,
    [`${name}: time of an append`, { value: hundredths(middle(rounds, 'wallUs')), unit: 'us' }] as const,
  ]);
  return Object.fromEntries(rows);
}
