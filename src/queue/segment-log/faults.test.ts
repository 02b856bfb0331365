import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { type Fault, MemoryDisk, type Operation } from '../../lib/memory-disk.ts';
import { keepEverything, keepNothing } from '../../lib/memory-disk-crash.ts';
import { readAll, TestMember, values } from '../test-records.ts';
import { MarkBoard } from './marks.ts';
import { openPartition } from './open-partition.ts';
import { openTestLog, recordingLog } from './test-log.ts';

const AT = { topic: 'raw', partition: 0 };
const failing =
  (kind: Operation['kind'], error: string) =>
  (operation: Operation): Fault | undefined =>
    operation.kind === kind && operation.path.includes('/raw/') ? { error } : undefined;

describe('a sync that fails', () => {
  it('stops the partition for writing, and is never tried again', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk });
    const writer = await log.queue.openWriter(AT);
    await writer.append(values('durable'));
    let syncs = 0;
    disk.options = {
      fault: (operation) => {
        if (operation.kind !== 'dataSync') return undefined;
        syncs++;
        return syncs === 1 ? { error: 'EIO' } : undefined;
      },
    };
    const [first, waiting] = await Promise.allSettled([writer.append(values('a')), writer.append(values('b'))]);
    expect(first).toMatchObject({ reason: { code: 'QUEUE_PARTITION_STOPPED' } });
    expect(waiting).toMatchObject({ reason: { code: 'QUEUE_PARTITION_STOPPED' } });
    await expect(writer.append(values('c'))).rejects.toMatchObject({ code: 'QUEUE_PARTITION_STOPPED' });
    expect(syncs).toBe(1);
    expect(log.logged.some(({ msg }) => msg.includes('takes no more records'))).toBe(true);
    await log.close();
  });

  it('lets reading go on, up to what was durable', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk });
    const writer = await log.queue.openWriter(AT);
    await writer.append(values('durable'));
    disk.options = { fault: failing('dataSync', 'EIO') };
    await expect(writer.append(values('lost'))).rejects.toMatchObject({ code: 'QUEUE_PARTITION_STOPPED' });
    expect(await readAll(log.queue.openReader(AT), 0)).toEqual([{ offset: 0, value: 'durable' }]);
    await log.close();
  });

  it('does not make a later start believe that the data is on the disk', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk });
    const writer = await log.queue.openWriter(AT);
    disk.options = { fault: failing('dataSync', 'EIO') };
    await expect(writer.append(values('in memory only'))).rejects.toThrow();
    disk.options = {};
    // The process starts again: the page cache still shows the bytes, and calls them clean.
    await log.reopen();
    await log.queue.openWriter(AT);
    const found = await readAll(log.queue.openReader(AT), 0);
    const after = await openTestLog({ disk: disk.afterCrash(keepNothing) });
    await after.queue.openWriter(AT);
    expect(await readAll(after.queue.openReader(AT), 0)).toEqual(found);
  });

  it('is not believed by a start that saw the data, which the system has forgotten since', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk });
    const writer = await log.queue.openWriter(AT);
    await writer.append(values('durable'));
    disk.options = { fault: failing('dataSync', 'EIO') };
    await expect(writer.append(values('in memory only'))).rejects.toThrow();
    const path = disk.files().find((name) => name.endsWith('.log')) ?? '';
    let reads = 0;
    disk.options = {
      fault: (operation) => {
        // The scan has read the segment; now it is read again, to be written.
        if (operation.kind === 'read' && operation.path === path && ++reads === 2) disk.evict(path);
        return undefined;
      },
    };
    await log.reopen();
    await expect(log.queue.openWriter(AT)).rejects.toMatchObject({ code: 'QUEUE_PARTITION_STOPPED' });
    await log.queue.openWriter(AT);
    expect((await readAll(log.queue.openReader(AT), 0)).map(({ value }) => value)).toEqual(['durable']);
    expect(log.corrupt).toEqual([]);
    await log.close();
  });

  it('of a directory, when a segment is full, stops the partition before anything is acknowledged there', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk, segmentBytes: 1 });
    const writer = await log.queue.openWriter(AT);
    await writer.append(values('a'));
    disk.options = { fault: failing('syncDirectory', 'EIO') };
    await expect(writer.append(values('b'))).rejects.toMatchObject({ code: 'QUEUE_PARTITION_STOPPED' });
    expect(await readAll(log.queue.openReader(AT), 0)).toHaveLength(1);
    await log.close();
  });

  it('wakes whoever waits for room', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk });
    const writer = await log.queue.openWriter(AT);
    disk.options = { fault: failing('dataSync', 'EIO') };
    const appends: Promise<unknown>[] = [];
    while (!writer.saturated) appends.push(writer.append(values('x'.repeat(900_000))));
    const settled = Promise.allSettled(appends);
    await writer.drained();
    expect((await settled).every(({ status }) => status === 'rejected')).toBe(true);
    await log.close();
  });
});

describe('a full disk', () => {
  it('refuses what does not fit, keeps what was acknowledged, and goes on when there is room', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk });
    const writer = await log.queue.openWriter(AT);
    await writer.append(values('kept'));
    const path = disk.files().find((name) => name.endsWith('.log')) ?? '';
    const before = disk.content(path);
    disk.options = { capacityBytes: disk.usedBytes + 100 };
    const refused = await Promise.allSettled([writer.append(values('y'.repeat(500))), writer.append(values('z'))]);
    expect(refused).toMatchObject([{ reason: { code: 'DISK_FULL' } }, { reason: { code: 'DISK_FULL' } }]);
    // What the disk took of the group is cut away again.
    expect(disk.content(path)).toEqual(before);
    expect(writer.nextOffset).toBe(1);
    expect(await readAll(log.queue.openReader(AT), 0)).toHaveLength(1);
    disk.options = {};
    expect(await writer.append(values('again'))).toEqual({ baseOffset: 1, nextOffset: 2 });
    const crashed = await openTestLog({ disk: disk.afterCrash(keepNothing) });
    await crashed.queue.openWriter(AT);
    expect((await readAll(crashed.queue.openReader(AT), 0)).map(({ value }) => value)).toEqual(['kept', 'again']);
  });

  it('at the start is said, and the next start goes on', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk });
    await (await log.queue.openWriter(AT)).append(values('a'));
    await log.coordinator.nextEpoch(AT);
    disk.options = { fault: failing('create', 'ENOSPC') };
    await expect(log.queue.openWriter(AT)).rejects.toMatchObject({ code: 'DISK_FULL' });
    disk.options = { fault: failing('rename', 'EIO') };
    await expect(log.queue.openWriter(AT)).rejects.toMatchObject({ code: 'QUEUE_PARTITION_STOPPED' });
    disk.options = {};
    const writer = await log.queue.openWriter(AT);
    expect(await writer.append(values('b'))).toEqual({ baseOffset: 1, nextOffset: 2 });
    await log.close();
  });

  it('where a segment begins refuses too, and goes on when there is room', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk, segmentBytes: 1 });
    const writer = await log.queue.openWriter(AT);
    await writer.append(values('a'));
    disk.options = { capacityBytes: 0 };
    await expect(writer.append(values('b'))).rejects.toMatchObject({ code: 'DISK_FULL' });
    disk.options = {};
    expect(await writer.append(values('c'))).toEqual({ baseOffset: 1, nextOffset: 2 });
    await log.close();
  });

  it('refuses commits of groups, keeps the committed ones, and goes on when there is room', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk });
    const member = await TestMember.join(log.queue, 'store');
    await member.commit(AT, 1);
    disk.options = { capacityBytes: 0 };
    await expect(member.commit(AT, 2)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await member.committed(AT)).toBe(1);
    disk.options = {};
    await member.commit(AT, 3);
    expect(await member.committed(AT)).toBe(3);
    await log.close();
  });
});

describe('a write that the system takes in pieces', () => {
  it('is finished piece by piece', async () => {
    const disk = new MemoryDisk({ writeAtMostBytes: 7 });
    const log = await openTestLog({ disk });
    const writer = await log.queue.openWriter(AT);
    await Promise.all([writer.append(values('a'.repeat(300))), writer.append(values('b'.repeat(300)))]);
    expect((await readAll(log.queue.openReader(AT), 0)).map(({ value }) => value[0])).toEqual(['a', 'b']);
    await log.close();
  });
});

describe('a process that lost its partition without knowing', () => {
  it('is not believed, although what it wrote is whole', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk });
    const zombie = await log.queue.openWriter(AT);
    await zombie.append(values('a'));
    const other = log.elsewhere(new MarkBoard());
    const owner = await other.openWriter(AT);
    await expect(zombie.append(values('zombie'))).rejects.toMatchObject({ code: 'QUEUE_FENCED' });
    await owner.append(values('b'));
    const again = await openTestLog({ disk: disk.afterCrash(keepEverything) });
    await again.queue.openWriter(AT);
    expect((await readAll(again.queue.openReader(AT), 0)).map(({ value }) => value)).toEqual(['a', 'b']);
    expect(again.corrupt).toEqual([]);
  });

  it('cannot come back with an epoch that is not newer', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk });
    await log.queue.openWriter(AT);
    const opened = openPartition(disk, '/queue/raw/0', 1, recordingLog([]));
    await expect(opened).rejects.toMatchObject({ code: 'QUEUE_FENCED' });
    await log.close();
  });
});

describe('the metrics', () => {
  it('show what was appended, refused, stopped and lost', async () => {
    const registry = new Registry();
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk, registry });
    const writer = await log.queue.openWriter(AT);
    await writer.append(values('a', 'b'));
    disk.options = { fault: failing('dataSync', 'EIO') };
    await expect(writer.append(values('c'))).rejects.toThrow();
    const text = await registry.metrics();
    expect(text).toContain('spillway_queue_appended_records_total{topic="raw",partition="0"} 2');
    expect(text).toContain('spillway_queue_stopped{topic="raw",partition="0"} 1');
    expect(text).toContain('{topic="raw",partition="0",code="QUEUE_PARTITION_STOPPED"} 1');
    expect(text).toContain('spillway_queue_group_seconds_count{topic="raw"} 1');
    await log.close();
  });
});
