/**
 * What the search engine alone takes: the rows that a stopped Spillway has in its topic `events`, prepared as blocks of
 * Native format beforehand, inserted one file after another into the same table of an empty engine with the same
 * settings, each synced, until its merges have settled. Prints how long that took as JSON.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TOPICS } from '../../src/event/topics.ts';
import { nodeDisk } from '../../src/lib/disk.ts';
import { createLog } from '../../src/lib/log.ts';
import type { AssignedPartition } from '../../src/queue/port.ts';
import { LocalCoordinator } from '../../src/queue/segment-log/coordinator.ts';
import { MarkBoard } from '../../src/queue/segment-log/marks.ts';
import { openSegmentLog } from '../../src/queue/segment-log/queue.ts';
import { DraftFiles } from '../../src/search/clickhouse/draft-files.ts';
import { EventsTable } from '../../src/search/clickhouse/events-table.ts';
import { openSessions } from '../../src/search/clickhouse/sessions.ts';
import { SliceNumbers } from '../../src/search/clickhouse/slice-numbers.ts';
import { FileBatch, NativeBlock } from '../../src/search/clickhouse/writer.ts';
import { BlockBuilder } from '../../src/search/indexing/block-builder.ts';
import { Intake } from '../../src/search/indexing/intake.ts';
import { sharedPolicy } from '../../src/search/policy/slice-policy.ts';
import { DEFAULT_RETENTION } from '../../src/search/slices.ts';
import { cpuSeconds } from '../harness.ts';
import { settled } from './loaded-spillway.ts';

export interface BareInsert {
  readonly rows: number;
  /** Milliseconds until merges had settled. */
  readonly settledMs: number;
  readonly cpuS: number;
}

const { values } = parseArgs({ options: { data: { type: 'string' }, partitions: { type: 'string' } } });
const { data = '', partitions = '4' } = values;
const log = createLog('bare-insert', 'warn');
const folder = await mkdtemp(join(tmpdir(), 'spillway-bare-'));
const files = await DraftFiles.open(folder);
const numbers = await SliceNumbers.open(folder);
const policy = sharedPolicy(DEFAULT_RETENTION);
try {
  const { paths, rows } = await prepare();
  const session = await (await openSessions(join(folder, 'engine')))();
  const table = await EventsTable.open(session);
  const cpuBefore = await cpuSeconds(process.pid);
  const startedMs = Date.now();
  for (const path of paths) {
    await table.insertFile(path);
    await table.syncFolders();
    files.remove(path);
  }
  const settledMs = await settled([process.pid], startedMs);
  const answer: BareInsert = { rows, settledMs, cpuS: (await cpuSeconds(process.pid)) - cpuBefore };
  const [found] = await table.run('SELECT count() FROM events');
  if (Number(found?.[0]) !== rows) throw new Error(`${rows} rows were inserted and ${String(found?.[0])} are found`);
  session.close();
  process.stdout.write(`${JSON.stringify(answer)}\n`);
} finally {
  await files.close();
  await rm(folder, { recursive: true, force: true });
}

/** Nobody else reads this folder: the whole partition is the benchmark's. */
function unassigned(partition: number): AssignedPartition {
  return {
    topic: TOPICS.events,
    partition,
    group: 'bench',
    generation: 0,
    revoked: new AbortController().signal,
    isLost: false,
    isUncertain: false,
    confirmed: async () => {},
    committed: async () => undefined,
    commit: async () => {},
    release: async () => {},
  };
}

/** Blocks as large as the store makes them under load, from each partition in turn. */
async function prepare(): Promise<{ readonly paths: readonly string[]; readonly rows: number }> {
  const directory = join(data, 'queue');
  const coordinator = await LocalCoordinator.open({ directory, disk: nodeDisk, log });
  const topics = { events: { partitions: Number(partitions), compression: 'zstd' } } as const;
  const queue = openSegmentLog({ directory, topics, coordinator, marks: new MarkBoard(), log, offline: true });
  const intakes = Array.from({ length: Number(partitions) }, (_, partition) => {
    return new Intake(queue, unassigned(partition), 0, log, (lost) =>
      log.warn({ partition, lost }, 'records are gone'),
    );
  });
  const builder = new BlockBuilder(new NativeBlock(files, numbers), () => policy);
  const paths: string[] = [];
  let rows = 0;
  const finish = async (): Promise<void> => {
    const draft = await builder.finish();
    rows += draft.rows;
    if (draft.batch instanceof FileBatch) paths.push(draft.batch.path);
  };
  for (let any = true; any; ) {
    any = false;
    for (const intake of intakes) {
      if (await intake.fill(builder)) any = true;
      if (builder.isFull) await finish();
    }
  }
  if (!builder.isEmpty) await finish();
  for (const intake of intakes) await intake.close();
  await queue.close();
  await coordinator.close();
  return { paths, rows };
}
