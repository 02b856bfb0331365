/**
 * A process that reads one partition from its beginning to its end, once for each message {mark, mode}; its answer to
 * each is {records, bytes, seconds, cpuS}. Modes: `batches` reads batches and takes their checksums, as every reader does; `records`
 * also looks at every record; `bare` reads the same files with nothing done to them.
 *
 * Options: --directory D --partition N
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RecordCursor } from '../../src/event/record-batch.ts';
import { nodeDisk } from '../../src/lib/disk.ts';
import { QUEUE_LIMITS } from '../../src/lib/limits.ts';
import { createLog } from '../../src/lib/log.ts';
import { offset } from '../../src/queue/port.ts';
import { LocalCoordinator } from '../../src/queue/segment-log/coordinator.ts';
import { type Mark, MarkBoard } from '../../src/queue/segment-log/marks.ts';
import { openSegmentLog } from '../../src/queue/segment-log/queue.ts';
import { rawTopic } from './queue-log.ts';

export type ReadMode = 'batches' | 'records' | 'bare';
export interface ReadTask {
  readonly mode: ReadMode;
  readonly mark: Mark;
}
export interface ReadAnswer {
  readonly records: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuS: number;
}

const { values } = parseArgs({
  options: { directory: { type: 'string', default: '' }, partition: { type: 'string', default: '0' } },
});
const { directory } = values;
const at = { topic: 'raw', partition: Number(values.partition) };
const log = createLog('bench', 'warn');
const marks = new MarkBoard();
const coordinator = await LocalCoordinator.open({ directory: join(directory, 'reader'), disk: nodeDisk, log });
const queue = openSegmentLog({ directory, topics: rawTopic(at.partition + 1), coordinator, marks, log });

process.on('message', (task: ReadTask) => void answer(task));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

async function answer({ mode, mark }: ReadTask): Promise<void> {
  marks.set(mark);
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const read = mode === 'bare' ? await readBare() : await readThrough(mode === 'records');
  const seconds = (performance.now() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  process.send?.({ ...read, seconds, cpuS: (user + system) / 1e6 } satisfies ReadAnswer);
}

async function readThrough(walks: boolean): Promise<{ records: number; bytes: number }> {
  const reader = queue.openReader(at);
  let records = 0;
  let bytes = 0;
  for (let next = offset(0); ; ) {
    const read = await reader.read(next);
    if (read.nextOffset === next) break;
    next = read.nextOffset;
    for (const batch of read.batches) {
      bytes += batch.bytes.length;
      if (walks) records += walked(batch.bytes);
      else records += batch.recordCount;
    }
  }
  await reader.close();
  return { records, bytes };
}

function walked(batch: Buffer): number {
  const record = new RecordCursor(batch);
  let count = 0;
  while (record.next()) count++;
  return count;
}

async function readBare(): Promise<{ records: number; bytes: number }> {
  const folder = join(directory, at.topic, String(at.partition));
  const names = (await readdir(folder)).filter((name) => name.endsWith('.log')).sort();
  const buffer = Buffer.allocUnsafeSlow(QUEUE_LIMITS.readBytes);
  let bytes = 0;
  for (const name of names) {
    const file = await nodeDisk.open(join(folder, name), 'read');
    for (let position = 0; ; ) {
      const read = await file.read(buffer, 0, buffer.length, position);
      if (read === 0) break;
      position += read;
      bytes += read;
    }
    await file.close();
  }
  return { records: 0, bytes };
}
