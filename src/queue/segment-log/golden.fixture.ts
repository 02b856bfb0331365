/**
 * Makes the folder that test/golden/queue-v2 keeps: the same bytes each time. Run it with a folder to write there, for
 * a new version of the format only: what is kept is kept for ever.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { batchOf, TestMember } from '../test-records.ts';
import { openTestLog } from './test-log.ts';

const START_MS = 1_750_000_000_000;

/** Two epochs and three segments of `raw`, a torn tail cut on the way, `events` compressed, committed offsets, added partitions. */
export async function makeGolden(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const log = await openTestLog({ disk, segmentBytes: 200, clock: { now: () => START_MS } });
  const raw = { topic: 'raw', partition: 0 };
  const headers = [['m', Buffer.from('{"t":"default","i":"http"}')]] as const;
  const append = async (from: number, to: number) => {
    const writer = await log.queue.openWriter(raw);
    for (let i = from; i < to; i++) {
      const timestampMs = START_MS + i * 1_000;
      await writer.append(
        batchOf([
          { value: `line ${i}`, timestampMs, headers },
          { value: `é ${i}`, timestampMs, key: 'k' },
        ]),
      );
    }
  };
  await append(0, 3);
  await log.reopen();
  const last =
    disk
      .files()
      .filter((path) => path.startsWith('/queue/raw/0/') && path.endsWith('.log'))
      .sort()
      .at(-1) ?? '';
  disk.corrupt(last, (content) => Buffer.concat([content, Buffer.from('half of a gro')]));
  await append(3, 5);
  const events = await log.queue.openWriter({ topic: 'events', partition: 1 });
  await events.append(batchOf([{ value: '{"id":"local.raw.0.0.0"}', timestampMs: START_MS }], 'zstd'));
  const member = await TestMember.join(log.queue, 'store', ['events']);
  await member.commit({ topic: 'events', partition: 1 }, 1);
  await log.coordinator.raisePartitions({ raw: 3, events: 3 });
  await log.coordinator.registerBarrier('raw', [10, 0, 0]);
  await log.close();
  return disk;
}

if (import.meta.main) {
  const [, , folder = ''] = process.argv;
  const disk = await makeGolden();
  for (const path of disk.files()) {
    const target = join(folder, path.slice('/queue/'.length));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, disk.content(path));
  }
}
