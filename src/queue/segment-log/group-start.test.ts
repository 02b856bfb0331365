import { expect, it } from 'vitest';
import { readBatchHeader } from '../../event/record-batch.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { values } from '../test-records.ts';
import { openTestLog } from './test-log.ts';

it('each batch states where the durable data before its group ended, across rolls', async () => {
  const disk = new MemoryDisk();
  const log = await openTestLog({ disk, segmentBytes: 1_000 });
  const writer = await log.queue.openWriter({ topic: 'raw', partition: 0 });
  // Where each durable group ended, as the disk was told.
  const ends = new Map<string, Set<number>>();
  disk.options = {
    fault: ({ kind, path }) => {
      if (kind === 'dataSync') ends.set(path, (ends.get(path) ?? new Set([0])).add(disk.content(path).length));
      return undefined;
    },
  };
  const appends: Promise<unknown>[] = [];
  for (let i = 0; i < 200; i++) {
    appends.push(writer.append(values(`${i}${'.'.repeat(i)}`)));
    // Now and then the disk gets a few turns: appends meet groups under way, also such that fill a segment.
    for (let turn = 0; turn < i % 4; turn++) await Promise.resolve();
  }
  await Promise.all(appends);
  const segments = disk.files().filter((path) => path.endsWith('.log'));
  expect(segments.length).toBeGreaterThan(5);
  for (const path of segments) {
    const content = disk.content(path);
    const groups = [...(ends.get(path) ?? [])];
    for (let at = 0; at < content.length; ) {
      const header = readBatchHeader(content, at);
      expect(header?.groupStart).toBe(groups.filter((end) => end <= at).at(-1));
      at += header?.sizeBytes ?? content.length;
    }
  }
  await log.close();
});
