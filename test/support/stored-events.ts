/** Looks into a stopped Spillway's search engine and queue with their own tools, past everything that is tested. */
import { join } from 'node:path';
import { nodeDisk } from '../../src/lib/disk.ts';
import { createLog } from '../../src/lib/log.ts';
import type { PartitionReader } from '../../src/queue/port.ts';
import { LocalCoordinator } from '../../src/queue/segment-log/coordinator.ts';
import { MarkBoard } from '../../src/queue/segment-log/marks.ts';
import { openSegmentLog } from '../../src/queue/segment-log/queue.ts';
import { engineDrained, openSessions } from '../../src/search/clickhouse/sessions.ts';

/** Runs one SELECT on the engine of a data folder; rows as arrays. Names no table: `events` is the one. */
export async function selectStored(dataFolder: string, statements: readonly string[]): Promise<unknown[][][]> {
  const stored = await openStored(dataFolder);
  const answers: unknown[][][] = [];
  for (const statement of statements) answers.push(await stored.ask(statement));
  await stored.close();
  return answers;
}

export interface RawPartition {
  readonly records: number;
  /** After the last record. Where a torn tail was cut, its offsets are not given again: so it may be more than records. */
  readonly end: number;
}

/** What each partition of `raw` holds, read from its files, whole. */
export async function rawPartitions(dataFolder: string, partitions: number): Promise<readonly RawPartition[]> {
  const directory = join(dataFolder, 'queue');
  const log = createLog('test', 'warn');
  const coordinator = await LocalCoordinator.open({ directory, disk: nodeDisk, log });
  const topics = { raw: { partitions, compression: 'none' } } as const;
  const queue = openSegmentLog({ directory, topics, coordinator, marks: new MarkBoard(), log, offline: true });
  const found: RawPartition[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    found.push(await readThrough(queue.openReader({ topic: 'raw', partition })));
  }
  await queue.close();
  await coordinator.close();
  return found;
}

async function readThrough(reader: PartitionReader): Promise<RawPartition> {
  let records = 0;
  let end = 0;
  for (let next = await reader.earliestOffset(); ; ) {
    const { batches, nextOffset, corrupt = [] } = await reader.read(next);
    if (corrupt.length > 0) throw new Error(`raw/${reader.partition} is damaged: ${JSON.stringify(corrupt)}`);
    for (const { recordCount } of batches) records += recordCount;
    end = batches.at(-1)?.nextOffset ?? end;
    if (nextOffset === next) return { records, end };
    next = nextOffset;
  }
}

export interface StoredTable {
  ask(statement: string): Promise<unknown[][]>;
  close(): Promise<void>;
}

/** The engine of a data folder for many statements, one after another. */
export async function openStored(dataFolder: string): Promise<StoredTable> {
  const open = await openSessions(join(dataFolder, 'search/engine'));
  const session = await open();
  return {
    ask: (statement) => session.run(statement),
    close: async () => {
      session.close();
      await engineDrained();
    },
  };
}
