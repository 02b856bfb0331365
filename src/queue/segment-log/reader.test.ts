import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { keepBytes } from '../../lib/memory-disk-crash.ts';
import { offset } from '../port.ts';
import { batchOf, readAll, TestMember, values } from '../test-records.ts';
import { type Mark, MarkBoard } from './marks.ts';
import { groupStates, topicStates } from './state.ts';
import { openTestLog } from './test-log.ts';

const AT = { topic: 'raw', partition: 0 };

async function markOf(marks: MarkBoard): Promise<Mark> {
  const mark = marks.get(AT);
  if (mark === undefined) throw new Error('no mark');
  return mark;
}

describe('a reader in another process', () => {
  it('never reads past the mark that it was told, although the bytes are there', async () => {
    const log = await openTestLog({ disk: new MemoryDisk() });
    const writer = await log.queue.openWriter(AT);
    const board = new MarkBoard();
    const reader = log.elsewhere(board).openReader(AT);
    for (let i = 0; i < 3; i++) await writer.append(values(`${i}`));
    board.set(await markOf(log.marks));
    for (let i = 3; i < 6; i++) await writer.append(values(`${i}`));
    expect(await readAll(reader, 0)).toHaveLength(3);
    expect(await reader.endOffset()).toBe(3);
    expect(await reader.offsetAtTime(5_000)).toBe(3);
    board.set(await markOf(log.marks));
    expect(await readAll(reader, 0)).toHaveLength(6);
    await log.close();
  });

  it('without a mark reads what earlier segments prove to be durable, and waits for the rest', async () => {
    const log = await openTestLog({ disk: new MemoryDisk(), segmentBytes: 1 });
    const writer = await log.queue.openWriter(AT);
    for (let i = 0; i < 4; i++) await writer.append(values(`${i}`));
    const board = new MarkBoard();
    const reader = log.elsewhere(board).openReader(AT);
    expect(await readAll(reader, 0)).toHaveLength(3);
    const waited = reader.waitFor(offset(3), new AbortController().signal);
    board.set(await markOf(log.marks));
    await waited;
    expect(await readAll(reader, 3)).toHaveLength(1);
    await log.close();
  });

  it('follows rolls and takeovers', async () => {
    const log = await openTestLog({ disk: new MemoryDisk(), segmentBytes: 200 });
    const reader = log.elsewhere(log.marks).openReader(AT);
    const seen: string[] = [];
    let next = offset(0);
    for (let owner = 0; owner < 3; owner++) {
      const writer = await log.queue.openWriter(AT);
      for (let i = 0; i < 10; i++) {
        await writer.append(values(`${owner}.${i}`));
        const records = await readAll(reader, next);
        seen.push(...records.map(({ value }) => value));
        next = offset(next + records.length);
      }
    }
    expect(seen).toEqual([0, 1, 2].flatMap((owner) => Array.from({ length: 10 }, (_, i) => `${owner}.${i}`)));
    await log.close();
  });

  it('takes batches larger than its first read', async () => {
    const log = await openTestLog({ disk: new MemoryDisk() });
    const writer = await log.queue.openWriter(AT);
    await writer.append(values('small'));
    await writer.append(values('l'.repeat(1_000_000)));
    await writer.append(values('small again'));
    const lengths = (await readAll(log.queue.openReader(AT), 0)).map(({ value }) => value.length);
    expect(lengths).toEqual([5, 1_000_000, 11]);
    await log.close();
  });

  it('finds offsets by number and time in the middle of long segments', async () => {
    const log = await openTestLog({ disk: new MemoryDisk(), segmentBytes: 400_000 });
    const writer = await log.queue.openWriter(AT);
    const text = 'x'.repeat(9_000);
    for (let i = 0; i < 100; i++) await writer.append(batchOf([{ value: `${i} ${text}`, timestampMs: i * 10 }]));
    const reader = log.queue.openReader(AT);
    for (const at of [99, 50, ...Array.from({ length: 100 }, (_, i) => 99 - i), 1]) {
      expect((await reader.read(offset(at), { maxBytes: 1 })).batches[0]?.baseOffset).toBe(at);
      expect(await reader.offsetAtTime(at * 10)).toBe(at);
      expect(await reader.offsetAtTime(at * 10 - 5)).toBe(at);
    }
    expect(await reader.offsetAtTime(991)).toBe(100);
    await log.close();
  });
});

describe('marks', () => {
  const mark = (changes: Partial<Mark>): Mark => ({
    ...AT,
    epoch: 1,
    earliestOffset: 0,
    endOffset: 10,
    bytes: 1,
    segments: 1,
    atMs: 100,
    ...changes,
  });

  it('do not go back when an old one comes late', async () => {
    const board = new MarkBoard();
    board.set(mark({}));
    board.set(mark({ endOffset: 9, atMs: 200 }));
    expect(board.get(AT)).toEqual(mark({}));
    board.set(mark({ epoch: 0, endOffset: 20 }));
    expect(board.get(AT)).toEqual(mark({}));
    board.set(mark({ atMs: 99 }));
    expect(board.get(AT)).toEqual(mark({}));
    board.set(mark({ atMs: 101 }));
    board.set(mark({ earliestOffset: 3 }));
    expect(board.get(AT)).toEqual(mark({ earliestOffset: 3 }));
  });

  it('of a new owner count, also where it found less', async () => {
    const board = new MarkBoard();
    board.set(mark({}));
    board.set(mark({ epoch: 2, endOffset: 4 }));
    expect(board.get(AT)?.endOffset).toBe(4);
  });

  it('are told to listeners until they do not want to know', async () => {
    const board = new MarkBoard();
    const heard: number[] = [];
    const stop = board.onChange(({ endOffset }) => heard.push(endOffset));
    board.set(mark({}));
    board.set(mark({ endOffset: 5 }));
    stop();
    board.set(mark({ endOffset: 11 }));
    expect(heard).toEqual([10]);
    expect(board.all()).toEqual([mark({ endOffset: 11 })]);
  });

  it('say since when the end is known: not past the arrival of what is still being written', async () => {
    let nowMs = 1_000;
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk, clock: { now: () => nowMs } });
    const writer = await log.queue.openWriter(AT);
    const appended = writer.append(values('a'));
    nowMs = 2_000;
    log.queue.heartbeat();
    expect(log.marks.get(AT)).toMatchObject({ endOffset: 0, atMs: 1_000 });
    await appended;
    nowMs = 3_000;
    log.queue.heartbeat();
    expect(log.marks.get(AT)).toMatchObject({ endOffset: 1, atMs: 3_000 });
    await log.close();
  });
});

describe('the state of topics and groups', () => {
  it('has offsets, sizes, lag in records and in time', async () => {
    const log = await openTestLog({ disk: new MemoryDisk(), clock: { now: () => 0 } });
    const writer = await log.queue.openWriter(AT);
    const events = await log.queue.openWriter({ topic: 'events', partition: 1 });
    await writer.append(batchOf([1_000, 2_000, 3_000].map((timestampMs) => ({ value: 'x', timestampMs }))));
    await events.append(values('e'));
    const member = await TestMember.join(log.queue, 'processor', ['raw', 'events']);
    await member.commit(AT, 1);
    await member.commit({ topic: 'events', partition: 1 }, 1);
    const [eventsState, rawState] = topicStates(log.marks.all());
    expect(eventsState).toMatchObject({ topic: 'events', partitions: [{ partition: 1, endOffset: 1, segments: 1 }] });
    expect(rawState).toMatchObject({ topic: 'raw', partitions: [{ partition: 0, endOffset: 3, oldestMs: 1_000 }] });
    const groups = await groupStates({
      queue: log.queue,
      positions: log.coordinator.positions(),
      endOffset: (at) => log.marks.get(at)?.endOffset,
      nowMs: 10_000,
    });
    const events0 = { topic: 'events', partition: 0, generation: 1, member: 'processor-1' };
    expect(groups).toEqual([
      {
        group: 'processor',
        members: 1,
        partitions: [
          { ...events0, committed: 0, endOffset: 0, lag: 0, lagMs: 0 },
          { ...events0, partition: 1, committed: 1, endOffset: 1, lag: 0, lagMs: 0 },
          { ...AT, generation: 1, member: 'processor-1', committed: 1, endOffset: 3, lag: 2, lagMs: 8_000 },
          { ...AT, partition: 1, generation: 1, member: 'processor-1', committed: 0, endOffset: 0, lag: 0, lagMs: 0 },
        ],
      },
    ]);
    await log.close();
  });
});

describe('a reader whose mark is late', () => {
  it('is told where the partition begins now, where retention was faster', async () => {
    const topics = { raw: { partitions: 1, compression: 'none', retention: { maxBytes: 150 } } } as const;
    const log = await openTestLog({ disk: new MemoryDisk(), segmentBytes: 1, topics });
    const writer = await log.queue.openWriter(AT);
    for (const text of ['a', 'b', 'c', 'd']) await writer.append(values(text));
    const late = new MarkBoard();
    for (const known of log.marks.all()) late.set(known);
    await log.queue.retain();
    const earliest = log.marks.get(AT)?.earliestOffset ?? 0;
    expect(earliest).toBeGreaterThan(0);
    const reader = log.elsewhere(late).openReader(AT);
    await expect(reader.read(offset(0))).rejects.toMatchObject({
      code: 'QUEUE_OFFSET_OUT_OF_RANGE',
      details: { earliest, lost: earliest },
    });
    expect(log.corrupt).toEqual([]);
    expect((await readAll(reader, earliest)).at(-1)).toEqual({ offset: 3, value: 'd' });
    await log.close();
  });

  it('is not led past offsets that are free again after a power cut', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk });
    const writer = await log.queue.openWriter(AT);
    disk.options = { fault: ({ kind }) => (kind === 'dataSync' ? { crash: 'before' } : undefined) };
    await expect(writer.append(values('torn'))).rejects.toThrow();
    const torn = disk.afterCrash(keepBytes(70));
    // The process ends when the new owner's segment has its name, which is not synced yet.
    const ends = torn.view({
      fault: ({ kind, path }) => (kind === 'rename' && path.endsWith('.log') ? { crash: 'after' } : undefined),
    });
    await expect((await openTestLog({ disk: ends })).queue.openWriter(AT)).rejects.toThrow();
    expect(torn.files().filter((name) => name.endsWith('.log'))).toHaveLength(2);
    const elsewhere = (await openTestLog({ disk: torn })).elsewhere(new MarkBoard());
    expect(await elsewhere.openReader(AT).endOffset()).toBe(0);
  });
});
