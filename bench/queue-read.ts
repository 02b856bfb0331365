/**
 * Two readers, each a process of its own, catch up with a partition each from its beginning: warm, where the files are in
 * the page cache, and cold, where they are not, beside two processes that merely read the same files. The headline is one
 * of two warm readers that takes all checksums and looks at every record.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { TestLog } from '../src/queue/segment-log/test-log.ts';
import { type Bench, hundredths, inTurns, median, spawnScript } from './harness.ts';
import { dropFromCache } from './load/page-cache.ts';
import { appendWhile, withLog } from './load/queue-log.ts';
import type { ReadAnswer, ReadMode, ReadTask } from './load/reader-process.ts';

const READERS = 2;
const TARGET = 2_000_000;
const COLD_SHARE = 0.8;

interface Round {
  /** Of one reader: the slower one of the two. */
  readonly recordsPerS: number;
  readonly bytesPerS: number;
  readonly cpuUsPerRecord: number;
}

export const run: Bench = ({ quick, rounds = quick ? 1 : 5 }) =>
  withLog(READERS, async (log, directory) => {
    await fill(log, quick ? 60_000 : 4_000_000);
    const readers = await Promise.all(Array.from({ length: READERS }, (_, n) => startReader(directory, n)));
    const read = async (mode: ReadMode, isCold: boolean): Promise<Round> => {
      if (isCold) await dropFromCache(directory);
      return slower(await Promise.all(readers.map((reader, n) => ask(reader, { mode, mark: markOf(log, n) }))));
    };
    try {
      // Once without counting: the compiler of JavaScript warms up.
      await read('records', false);
      const results = await inTurns<Round>(
        rounds,
        () => read('records', false),
        () => read('batches', false),
        () => read('bare', false),
        () => read('records', true),
        () => read('batches', true),
        () => read('bare', true),
      );
      return report(results, rounds);
    } finally {
      for (const reader of readers) reader.disconnect();
    }
  });

function report(results: readonly Round[][], rounds: number) {
  const middle = (index: number, figure: keyof Round) => median((results[index] ?? []).map((round) => round[figure]));
  const recordBytes = middle(1, 'bytesPerS') / middle(1, 'recordsPerS');
  const perS = (index: number) => ({ value: Math.round(middle(index, 'bytesPerS') / recordBytes), unit: 'records/s' });
  const beside = (index: number, bare: number, name: string) => {
    const [own, peer] = [perS(index), perS(bare)];
    return { ...own, peer: { name, value: peer.value }, ratio: hundredths(own.value / peer.value) };
  };
  const [warm, cold] = ['bare reading, warm', 'bare reading, cold'];
  return {
    ...perS(0),
    target: TARGET,
    rows: {
      'warm, checksums and every record': beside(0, 2, warm),
      'warm, batches with their checksums': beside(1, 2, warm),
      [`cold, checksums and every record, at least ${COLD_SHARE} of bare`]: beside(3, 5, cold),
      [`cold, batches with their checksums, at least ${COLD_SHARE} of bare`]: beside(4, 5, cold),
      'CPU of a record, warm, batches': { value: hundredths(middle(1, 'cpuUsPerRecord')), unit: 'us' },
      'CPU of a record, warm, every record': { value: hundredths(middle(0, 'cpuUsPerRecord')), unit: 'us' },
    },
    notes: [
      `Medians of ${rounds} rounds; of the two readers, which run at the same time, the slower one counts.`,
      `A record takes ${Math.round(recordBytes)} bytes with what the collector knows about it; bare reading is counted in such records.`,
      'What limits it, warm, is that a reader reads, takes checksums and looks at records one after another: in a profile of one reader 49 % of the time went by waiting for reads out of the page cache, 25 % with the walk over the records, 19 % with checksums. Cold it is the disk.',
    ],
  };
}

async function fill(log: TestLog, records: number): Promise<void> {
  for (let partition = 0; partition < READERS; partition++) {
    const writer = await log.queue.openWriter({ topic: 'raw', partition });
    await appendWhile(writer, () => writer.nextOffset < records);
  }
}

function markOf(log: TestLog, partition: number) {
  const mark = log.marks.get({ topic: 'raw', partition });
  if (mark === undefined) throw new Error(`nobody has said where partition ${partition} ends`);
  return mark;
}

async function startReader(directory: string, partition: number): Promise<ChildProcess> {
  const args = ['--directory', directory, '--partition', String(partition)];
  const reader = spawnScript('bench/load/reader-process.ts', args);
  await once(reader, 'message');
  return reader;
}

async function ask(reader: ChildProcess, task: ReadTask): Promise<ReadAnswer> {
  reader.send(task);
  const [answer] = (await once(reader, 'message')) as [ReadAnswer];
  if (task.mode !== 'bare' && answer.records !== task.mark.endOffset) {
    throw new Error(`a reader found ${answer.records} records of ${task.mark.endOffset}`);
  }
  return answer;
}

function slower(answers: readonly ReadAnswer[]): Round {
  const rounds = answers.map(({ records, bytes, seconds, cpuS }) => ({
    recordsPerS: records / seconds,
    bytesPerS: bytes / seconds,
    cpuUsPerRecord: (cpuS * 1e6) / records,
  }));
  const [first, ...others] = rounds.sort((a, b) => a.bytesPerS - b.bytesPerS);
  if (first === undefined || others.length !== READERS - 1) throw new Error('a reader gave no answer');
  return first;
}
