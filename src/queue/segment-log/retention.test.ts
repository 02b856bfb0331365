import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { keepAtRandom } from '../../lib/memory-disk-crash.ts';
import { offset } from '../port.ts';
import { batchOf, readAll, TestMember, values } from '../test-records.ts';
import { countExpired, type RetentionPolicy } from './retention.ts';
import { openTestLog } from './test-log.ts';

const AT = { topic: 'raw', partition: 0 };
const HOUR_MS = 3_600_000;

interface Setting {
  readonly retention: RetentionPolicy;
  readonly requiredGroups?: readonly string[];
  readonly requiredOffset?: () => number | undefined;
}

/** One record per segment, an hour apart, from 0 on. */
async function hourly(hours: number, setting: Setting) {
  let nowMs = 0;
  const disk = new MemoryDisk();
  const { retention, requiredGroups = [], requiredOffset } = setting;
  const log = await openTestLog({
    disk,
    segmentBytes: 1,
    clock: { now: () => nowMs },
    topics: { raw: { partitions: 1, compression: 'none', retention, requiredGroups } },
    ...(requiredOffset === undefined ? {} : { requiredOffset }),
  });
  const writer = await log.queue.openWriter(AT);
  for (let hour = 0; hour < hours; hour++) {
    nowMs = hour * HOUR_MS;
    await writer.append(batchOf([{ value: `${hour}`, timestampMs: nowMs }]));
  }
  const segments = () => disk.files().filter((name) => name.endsWith('.log')).length;
  return {
    disk,
    log,
    writer,
    segments,
    later: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe('retention', () => {
  it('removes whole segments that are too old, and keeps the others', async () => {
    const { log, segments } = await hourly(10, { retention: { maxAgeMs: 3 * HOUR_MS } });
    await log.queue.retain();
    const reader = log.queue.openReader(AT);
    expect(await reader.earliestOffset()).toBe(6);
    expect(segments()).toBe(4);
    expect((await readAll(reader, 6)).map(({ value }) => value)).toEqual(['6', '7', '8', '9']);
    expect(log.marks.get(AT)).toMatchObject({ earliestOffset: 6, segments: 4, oldestMs: 6 * HOUR_MS });
    await log.close();
  });

  it('removes the oldest while a topic is too large, counting all of its partitions', async () => {
    const { log, segments } = await hourly(10, { retention: { maxBytes: 250 } });
    const batchBytes = (log.marks.get(AT)?.bytes ?? 0) / 10;
    await log.queue.retain();
    expect(segments()).toBe(Math.floor(250 / batchBytes));
    expect(log.marks.get(AT)?.bytes).toBeLessThanOrEqual(250);
    await log.close();
  });

  it('never removes what a required group has not read, however old', async () => {
    const { log, later } = await hourly(10, {
      retention: { maxAgeMs: 1, maxBytes: 1 },
      requiredGroups: ['store', 'archive'],
    });
    later(1_000 * HOUR_MS);
    const reader = log.queue.openReader(AT);
    await log.queue.retain();
    expect(await reader.earliestOffset()).toBe(0);
    const [store, archive] = [await TestMember.join(log.queue, 'store'), await TestMember.join(log.queue, 'archive')];
    await store.commit(AT, 10);
    await log.queue.retain();
    expect(await reader.earliestOffset()).toBe(0);
    await archive.commit(AT, 4);
    await log.queue.retain();
    expect(await reader.earliestOffset()).toBe(4);
    expect(await readAll(reader, 4)).toHaveLength(6);
    await log.close();
  });

  it('never removes what the caller says is needed', async () => {
    let floor: number | undefined = 3;
    const { log } = await hourly(10, { retention: { maxAgeMs: 1 }, requiredOffset: () => floor });
    await log.queue.retain();
    expect(log.marks.get(AT)?.earliestOffset).toBe(3);
    floor = undefined;
    await log.queue.retain();
    expect(log.marks.get(AT)?.earliestOffset).toBe(9);
    await log.close();
  });

  it('closes a segment whose records are all too old, so that they can go', async () => {
    const { log, later, writer } = await hourly(1, { retention: { maxAgeMs: HOUR_MS } });
    await log.queue.retain();
    expect(log.marks.get(AT)?.earliestOffset).toBe(0);
    later(2 * HOUR_MS);
    await log.queue.retain();
    expect(log.marks.get(AT)).toMatchObject({ earliestOffset: 1, endOffset: 1, bytes: 0 });
    expect(log.marks.get(AT)?.oldestMs).toBeUndefined();
    expect(await writer.append(values('new'))).toEqual({ baseOffset: 1, nextOffset: 2 });
    expect(await readAll(log.queue.openReader(AT), 1)).toEqual([{ offset: 1, value: 'new' }]);
    await log.close();
  });

  it('tells a reader below the start what is the earliest and how much it lost', async () => {
    const { log } = await hourly(10, { retention: { maxAgeMs: 3 * HOUR_MS } });
    const reader = log.queue.openReader(AT);
    await reader.read(offset(0), { maxBytes: 1 });
    await log.queue.retain();
    await expect(reader.read(offset(1))).rejects.toMatchObject({
      code: 'QUEUE_OFFSET_OUT_OF_RANGE',
      details: { earliest: 6, lost: 5 },
    });
    expect(await readAll(reader, 6)).toHaveLength(4);
    await log.close();
  });

  it('lets readers of other processes go on while segments go', async () => {
    const { log } = await hourly(10, { retention: { maxAgeMs: 5 * HOUR_MS } });
    const other = log.elsewhere(log.marks).openReader(AT);
    await other.read(offset(4), { maxBytes: 1 });
    await log.queue.retain();
    expect((await readAll(other, 5)).map(({ value }) => value)).toEqual(['5', '6', '7', '8', '9']);
    expect(await other.offsetAtTime(0)).toBe(4);
    await log.close();
  });

  it('leaves no hole when the power goes on the way', async () => {
    for (let cut = 0; cut < 40; cut++) {
      const { disk, log } = await hourly(6, { retention: { maxAgeMs: 2 * HOUR_MS } });
      const last = disk.operations + cut;
      disk.options = { fault: ({ number }) => (number === last ? { crash: 'before' } : undefined) };
      await log.queue.retain().catch(() => undefined);
      let state = cut + 1;
      const random = () => {
        state = (state * 16_807) % 2_147_483_647;
        return state / 2_147_483_647;
      };
      const again = await openTestLog({ disk: disk.afterCrash(keepAtRandom(random)) });
      await again.queue.openWriter(AT);
      const reader = again.queue.openReader(AT);
      const earliest = await reader.earliestOffset();
      const found = await readAll(reader, earliest);
      expect(found.map(({ value }) => Number(value))).toEqual(
        Array.from({ length: 6 - earliest }, (_, i) => earliest + i),
      );
      expect(earliest).toBeLessThanOrEqual(3);
      expect(again.corrupt).toEqual([]);
      await again.close();
    }
  });

  it('never counts the last segment', async () => {
    const segments = [0, 1, 2].map((base) => ({ name: `${base}`, base, epoch: 1, sizeBytes: 10 }));
    const question = { policy: { maxBytes: 0 }, nowMs: 0, requiredOffset: undefined, newestMs: async () => 0 };
    expect(await countExpired(segments, question)).toBe(2);
    expect(await countExpired(segments.slice(2), question)).toBe(0);
    expect(await countExpired([], question)).toBe(0);
    expect(await countExpired(segments, { ...question, requiredOffset: 1 })).toBe(1);
    expect(await countExpired(segments, { ...question, policy: {} })).toBe(0);
  });
});
