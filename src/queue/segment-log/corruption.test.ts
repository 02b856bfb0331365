import { describe, expect, it, vi } from 'vitest';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { keepEverything } from '../../lib/memory-disk-crash.ts';
import { offset } from '../port.ts';
import { readAll, values } from '../test-records.ts';
import { checkSegment } from './check-segment.ts';
import { readDurablePoint } from './durable-point.ts';
import { MarkBoard } from './marks.ts';
import { openTestLog } from './test-log.ts';

const AT = { topic: 'raw', partition: 0 };
const TEXTS = ['zero', 'one', 'two', 'three', 'four'];

interface Stored {
  readonly disk: MemoryDisk;
  readonly path: string;
  /** Where each batch begins, and the end. */
  readonly starts: readonly number[];
}

/** Five groups of one batch of one record each, in one segment; the writer was killed or closed. */
async function stored(end: 'killed' | 'closed'): Promise<Stored> {
  const disk = new MemoryDisk();
  const log = await openTestLog({ disk });
  const writer = await log.queue.openWriter(AT);
  const path = disk.files().find((name) => name.endsWith('.log')) ?? '';
  const starts = [0];
  for (const text of TEXTS) {
    await writer.append(values(text));
    starts.push(disk.content(path).length);
  }
  if (end === 'closed') await log.close();
  return { disk: disk.afterCrash(keepEverything), path, starts };
}

const flip = (at: number) => (content: Buffer) => {
  content[at] = (content[at] ?? 0) ^ 0x10;
  return content;
};

async function reopened(disk: MemoryDisk) {
  const log = await openTestLog({ disk });
  const writer = await log.queue.openWriter(AT);
  const records = await readAll(log.queue.openReader(AT), 0);
  return { log, writer, records };
}

describe('a flipped bit', () => {
  it('in a group that had been durable is corruption at every byte: reported, never cut, the rest is read', async () => {
    const { disk: original, path, starts } = await stored('killed');
    for (let at = 0; at < (starts[4] ?? 0); at++) {
      const hit = starts.findIndex((_, i) => at < (starts[i + 1] ?? 0));
      const disk = original.afterCrash(keepEverything);
      disk.corrupt(path, flip(at));
      const before = disk.content(path);
      const { log, writer, records } = await reopened(disk);
      // The base offset and the epoch are not under the checksum: a batch with a wrong one is not this segment's.
      expect(
        records.map(({ value }) => value),
        `byte ${at}`,
      ).toEqual(TEXTS.filter((_, i) => i !== hit));
      expect(disk.content(path), `byte ${at}`).toEqual(before);
      expect(log.corrupt, `byte ${at}`).toMatchObject([
        { file: path, position: starts[hit], fromOffset: hit, nextOffset: hit + 1 },
      ]);
      expect(log.logged.some(({ msg }) => msg.startsWith('QUEUE_CORRUPT'))).toBe(true);
      expect(writer.nextOffset).toBe(5);
      await log.close();
    }
  });

  it('in a length leads nobody past what is whole, wherever reading begins', async () => {
    const { disk: original, path, starts } = await stored('closed');
    const length = (batch: number) => starts[batch + 1] ?? 0;
    for (const claimed of [length(0) - 1, length(0) + 1, length(1), length(2), length(2) + 7, length(4) + 1, 900_000]) {
      const disk = original.afterCrash(keepEverything);
      // The batch's length counts from behind itself.
      disk.corrupt(path, (content) => {
        content.writeInt32BE(claimed - 12, 8);
        return content;
      });
      for (let from = 1; from < TEXTS.length; from++) {
        const { log } = await reopened(disk);
        const found = await readAll(log.elsewhere(log.marks).openReader(AT), from);
        expect(
          found.map(({ value }) => value),
          `${claimed} bytes, from ${from}`,
        ).toEqual(TEXTS.slice(from));
        await log.close();
      }
    }
  });

  it('in the very last group looks like a torn tail: it is cut with an alarm and a copy', async () => {
    const { disk: original, path, starts } = await stored('killed');
    const [from = 0, to = 0] = starts.slice(4);
    for (let at = from; at < to; at++) {
      const disk = original.afterCrash(keepEverything);
      disk.corrupt(path, flip(at));
      const bad = disk.content(path).subarray(from);
      const { log, writer, records } = await reopened(disk);
      expect(records.map(({ value }) => value)).toEqual(TEXTS.slice(0, 4));
      expect(disk.content(path).length).toBe(from);
      expect(disk.content(`${path.slice(0, -4)}.torn-${from}`)).toEqual(bad);
      expect(log.logged.some(({ msg }) => msg.includes('torn'))).toBe(true);
      expect(writer.nextOffset).toBeGreaterThan(5);
      expect(log.corrupt).toEqual([]);
      await log.close();
    }
  });

  it('in the very last group of a partition that was closed is told from a torn tail', async () => {
    const { disk: original, path, starts } = await stored('closed');
    const [from = 0, to = 0] = starts.slice(4);
    for (let at = from; at < to; at++) {
      const disk = original.afterCrash(keepEverything);
      disk.corrupt(path, flip(at));
      const before = disk.content(path);
      const { log, writer, records } = await reopened(disk);
      expect(records.map(({ value }) => value)).toEqual(TEXTS.slice(0, 4));
      expect(disk.content(path)).toEqual(before);
      expect(log.logged.some(({ msg }) => msg.startsWith('QUEUE_CORRUPT'))).toBe(true);
      expect(writer.nextOffset).toBeGreaterThanOrEqual(5);
      await log.close();
    }
  });

  it('at the end of a full segment costs a reader that does not know of the next one nothing after it', async () => {
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk, segmentBytes: 100 });
    const writer = await log.queue.openWriter(AT);
    await writer.append(values('zero'));
    const reader = log.queue.openReader(AT);
    expect(await readAll(reader, 0)).toHaveLength(1);
    for (const text of TEXTS.slice(1)) await writer.append(values(text));
    const path = disk.files().find((name) => name.endsWith('.log')) ?? '';
    disk.corrupt(path, flip(disk.content(path).length - 1));
    expect((await readAll(reader, 1)).map(({ value }) => value)).toEqual(TEXTS.slice(2));
    expect(log.corrupt).toMatchObject([{ file: path, fromOffset: 1, nextOffset: 2 }]);
    await log.close();
  });

  it('is passed over once by a reader that goes on, and by one that asks for the lost record', async () => {
    const { disk, path, starts } = await stored('killed');
    disk.corrupt(path, flip((starts[2] ?? 0) + 70));
    const { log, writer } = await reopened(disk);
    const reader = log.queue.openReader(AT);
    const read = await reader.read(offset(2), { maxBytes: 1 });
    expect(read.batches[0]?.baseOffset).toBe(3);
    expect(read.corrupt).toMatchObject([{ fromOffset: 2, nextOffset: 3 }]);
    await writer.append(values('five'));
    const texts = (await readAll(reader, 3)).map(({ value }) => value);
    expect(texts).toEqual(['three', 'four', 'five']);
    await log.close();
  });
});

describe('a partition that came to rest', () => {
  it('knows its last group to be durable, also when it is killed later', async () => {
    let nowMs = 0;
    const disk = new MemoryDisk();
    const first = await openTestLog({ disk, clock: { now: () => nowMs } });
    const before = await first.queue.openWriter(AT);
    await before.append(values('zero'));
    const path = disk.files().find((name) => name.endsWith('.log')) ?? '';
    nowMs += QUEUE_LIMITS.restMs - 1;
    first.queue.heartbeat();
    expect(disk.files().some((name) => name.includes('/durable'))).toBe(false);
    nowMs += 1;
    await vi.waitFor(() => {
      first.queue.heartbeat();
      expect(disk.files()).toContain('/queue/raw/0/durable');
    });
    const killed = disk.afterCrash(keepEverything);
    killed.corrupt(path, flip(62));
    const { log } = await reopened(killed);
    expect(killed.files().some((name) => name.includes('torn'))).toBe(false);
    expect(log.logged.some(({ msg }) => msg.startsWith('QUEUE_CORRUPT'))).toBe(true);
    await log.close();
  });
});

describe('the end of a partition at rest', () => {
  it('is noted each time it comes to rest, and once while it is closed', async () => {
    let nowMs = 0;
    const disk = new MemoryDisk();
    const log = await openTestLog({ disk, clock: { now: () => nowMs } });
    const writer = await log.queue.openWriter(AT);
    for (const nextOffset of [1, 2, 3]) {
      await writer.append(values('one more'));
      nowMs += QUEUE_LIMITS.restMs;
      await vi.waitFor(async () => {
        log.queue.heartbeat();
        expect(await readDurablePoint(disk, '/queue/raw/0')).toMatchObject({ nextOffset });
      });
      // It rests on.
      log.queue.heartbeat();
    }
    await writer.append(values('the last'));
    nowMs += QUEUE_LIMITS.restMs;
    let isClosed = false;
    const closing = log.close().then(() => {
      isClosed = true;
    });
    for (; !isClosed; await new Promise(setImmediate)) log.queue.heartbeat();
    await closing;
    expect(await readDurablePoint(disk, '/queue/raw/0')).toMatchObject({ nextOffset: 4 });
    expect(log.logged.filter(({ msg }) => msg.includes('durable point'))).toEqual([]);
  });
});

describe('a segment that is damaged in other ways', () => {
  it.each([
    ['is zeroed for 512 bytes', (content: Buffer, at: number) => content.fill(0, at, at + 512)],
    ['has garbage in the middle', (content: Buffer, at: number) => content.fill(0xa5, at, at + 100)],
    [
      'lacks bytes in the middle',
      (content: Buffer, at: number) => Buffer.concat([content.subarray(0, at), content.subarray(at + 10)]),
    ],
  ])('is read around the damage where it %s', async (_, damage) => {
    const disk = new MemoryDisk();
    const first = await openTestLog({ disk });
    const before = await first.queue.openWriter(AT);
    for (let i = 0; i < 40; i++) await before.append(values(`${i}`));
    const path = disk.files().find((name) => name.endsWith('.log')) ?? '';
    const killed = disk.afterCrash(keepEverything);
    killed.corrupt(path, (content) => damage(content, 700));
    const { log, writer, records } = await reopened(killed);
    const lost = log.corrupt.reduce((sum, range) => sum + range.nextOffset - range.fromOffset, 0);
    expect(lost).toBeGreaterThan(0);
    expect(records).toHaveLength(40 - lost);
    expect(records.at(-1)).toEqual({ offset: 39, value: '39' });
    expect(records.every(({ offset: at, value }) => value === String(at))).toBe(true);
    expect(writer.nextOffset).toBe(40);
    await log.close();
  });

  it('and is cut short although it was complete is reported, and its offsets are not given again', async () => {
    const { disk, path, starts } = await stored('closed');
    disk.corrupt(path, (content) => content.subarray(0, starts[3]));
    const { log, writer, records } = await reopened(disk);
    expect(records.map(({ value }) => value)).toEqual(TEXTS.slice(0, 3));
    expect(writer.nextOffset).toBeGreaterThanOrEqual(5);
    expect(log.logged.some(({ msg }) => msg.startsWith('QUEUE_CORRUPT'))).toBe(true);
    expect(log.corrupt).toMatchObject([{ fromOffset: 3 }]);
    await log.close();
  });

  it('and is gone is reported to readers, who go on in the next one', async () => {
    const disk = new MemoryDisk();
    const first = await openTestLog({ disk, segmentBytes: 1 });
    const before = await first.queue.openWriter(AT);
    for (const text of TEXTS) await before.append(values(text));
    const [, second = ''] = disk
      .files()
      .filter((name) => name.endsWith('.log'))
      .sort();
    await disk.remove(second);
    const { log, records } = await reopened(disk);
    expect(records.map(({ value }) => value)).toEqual(['zero', 'two', 'three', 'four']);
    expect(log.corrupt).toMatchObject([{ fromOffset: 1, nextOffset: 2 }]);
    await log.close();
  });

  it('by a message that looks like batches is not led astray', async () => {
    const disk = new MemoryDisk();
    const first = await openTestLog({ disk });
    const before = await first.queue.openWriter(AT);
    await before.append(values('zero'));
    // A sender puts a whole batch of this very segment, with plausible numbers, into a message.
    const path = disk.files().find((name) => name.endsWith('.log')) ?? '';
    const forged = disk.content(path);
    await before.append(values(forged.toString('latin1')));
    await before.append(values('two'));
    const killed = disk.afterCrash(keepEverything);
    killed.corrupt(path, flip(forged.length + 20));
    const { log, records } = await reopened(killed);
    expect(records.map(({ value }) => value)).toEqual(['zero', 'two']);
    await log.close();
  });
});

describe('segment check', () => {
  it('says that a whole segment is whole', async () => {
    const { disk, path, starts } = await stored('killed');
    expect(await checkSegment(path, disk)).toMatchObject({
      baseOffset: 0,
      epoch: 1,
      sizeBytes: starts[5],
      readableBytes: starts[5],
      batches: 5,
      records: 5,
      nextOffset: 5,
      problems: [],
    });
  });

  it('says where corruption is and what can be read', async () => {
    const { disk, path, starts } = await stored('killed');
    disk.corrupt(path, flip((starts[1] ?? 0) + 40));
    const report = await checkSegment(path, disk);
    expect(report).toMatchObject({
      batches: 4,
      records: 4,
      readableBytes: (starts[5] ?? 0) - (starts[2] ?? 0) + (starts[1] ?? 0),
    });
    expect(report.problems).toMatchObject([
      { kind: 'corrupt', from: starts[1], to: starts[2], fromOffset: 1, nextOffset: 2 },
    ]);
  });

  it('tells a torn tail from it', async () => {
    const { disk, path, starts } = await stored('killed');
    disk.corrupt(path, (content) => content.subarray(0, content.length - 3));
    const { problems } = await checkSegment(path, disk);
    expect(problems).toMatchObject([{ kind: 'torn', from: starts[4], fromOffset: 4 }]);
  });

  it('refuses files that are not segments', async () => {
    await expect(checkSegment('/queue/format', new MemoryDisk())).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});

describe('a log that nobody writes', () => {
  it('is read to its last whole batch offline, and only as far as is proven otherwise', async () => {
    const { disk, path } = await stored('killed');
    disk.corrupt(path, (content) => content.subarray(0, content.length - 3));
    const log = await openTestLog({ disk });
    expect(await readAll(log.elsewhere(new MarkBoard(), true).openReader(AT), 0)).toHaveLength(4);
    expect(await readAll(log.elsewhere(new MarkBoard()).openReader(AT), 0)).toHaveLength(0);
    await log.close();
    const closed = await openTestLog({ disk: (await stored('closed')).disk });
    expect(await readAll(closed.queue.openReader(AT), 0)).toHaveLength(5);
    await closed.close();
  });
});
