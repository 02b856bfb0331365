import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeDisk } from '../../lib/disk.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { readAll, TestMember, values } from '../test-records.ts';
import { checkSegment } from './check-segment.ts';
import { makeGolden } from './golden.fixture.ts';
import { FORMAT_VERSION } from './names.ts';
import { openTestLog } from './test-log.ts';

const golden = (version: number): string => join(import.meta.dirname, `../../../test/golden/queue-v${version}`);
const TEXTS = [0, 1, 2, 3, 4].flatMap((i) => [`line ${i}`, `é ${i}`]);

describe.each([1, 2])('a queue folder of format version %i', (version) => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spillway-golden-'));
    await cp(golden(version), directory, { recursive: true });
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is read whole: records, committed offsets, epochs', async () => {
    const log = await openTestLog({ directory, disk: nodeDisk });
    const raw = await readAll(log.queue.openReader({ topic: 'raw', partition: 0 }), 0);
    expect(raw.map(({ value }) => value)).toEqual(TEXTS);
    expect(raw.slice(0, 6).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5]);
    const events = await readAll(log.queue.openReader({ topic: 'events', partition: 1 }), 0);
    expect(events).toEqual([{ offset: 0, value: '{"id":"local.raw.0.0.0"}' }]);
    const at = { topic: 'events', partition: 1 };
    expect(await log.coordinator.committed('store', at)).toBe(1);
    expect(await log.coordinator.nextEpoch({ topic: 'raw', partition: 0 })).toBe(3);
    expect(log.corrupt).toEqual([]);
    if (version > 1) {
      expect(log.queue.layout('raw')).toEqual({ partitions: 3, firstPartitions: 2, unbarred: [] });
      expect(log.queue.layout('events')).toEqual({ partitions: 3, firstPartitions: 2, unbarred: [2] });
    }
    await log.close();
  });

  it('is written on', async () => {
    const log = await openTestLog({ directory, disk: nodeDisk });
    const writer = await log.queue.openWriter({ topic: 'raw', partition: 0 });
    await writer.append(values('now'));
    const texts = (await readAll(log.queue.openReader({ topic: 'raw', partition: 0 }), 0)).map(({ value }) => value);
    expect(texts).toEqual([...TEXTS, 'now']);
    const member = await TestMember.join(log.queue, 'store', ['events']);
    expect(await member.held({ topic: 'events', partition: 1 }).committed()).toBe(1);
    await member.commit({ topic: 'events', partition: 1 }, 2);
    await log.reopen();
    expect(await log.coordinator.committed('store', { topic: 'events', partition: 1 })).toBe(2);
    await log.close();
    expect(await readFile(join(directory, 'format'), 'utf8')).toBe(`spillway-queue ${FORMAT_VERSION}\n`);
  });

  it('has no problem in any of its segments', async () => {
    const folder = join(golden(version), 'raw/0');
    const names = (await nodeDisk.list(folder)).filter((name) => name.endsWith('.log'));
    expect(names.length).toBeGreaterThanOrEqual(3);
    for (const name of names) expect((await checkSegment(join(folder, name))).problems).toEqual([]);
  });
});

describe('a queue folder', () => {
  it('is what this program writes, byte for byte: a change of the format needs a new version', async () => {
    expect(FORMAT_VERSION).toBe(2);
    const disk = await makeGolden();
    const made = disk.files().filter((path) => !path.includes('/events/'));
    for (const path of made) {
      const kept = await readFile(join(golden(FORMAT_VERSION), path.slice('/queue/'.length)));
      expect(disk.content(path).toString('hex'), path).toBe(kept.toString('hex'));
    }
  });

  it('of a version that is not known is refused with a sentence', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk });
    await log.queue.openWriter({ topic: 'raw', partition: 0 });
    await log.close();
    disk.corrupt('/queue/format', () => Buffer.from('spillway-queue 99\n'));
    const later = await openTestLog({ disk });
    await expect(later.queue.openWriter({ topic: 'raw', partition: 0 })).rejects.toThrow(/'spillway-queue 99'/);
  });
});
