import { randomBytes } from 'node:crypto';
import { Registry } from 'prom-client';
import { describe, expect, it, vi } from 'vitest';
import {
  DEAD_LETTER_KEY,
  deadLetterPartitions,
  EARLIER_DEAD_LETTERS,
  encodeDeadLetterReason,
} from '../event/dead-letter.ts';
import { encodeProgress, PROGRESS_KEY } from '../event/progress.ts';
import { encodeHeaders, NO_HEADERS, RecordBatchBuilder } from '../event/record-batch.ts';
import { TOPICS } from '../event/topics.ts';
import { PROCESS_LIMITS, QUEUE_LIMITS } from '../lib/limits.ts';
import { MemoryDisk } from '../lib/memory-disk.ts';
import { keepEverything, keepNothing } from '../lib/memory-disk-crash.ts';
import { type AssignedPartition, type JoinOptions, offset, type Queue, type TopicPartition } from '../queue/port.ts';
import type { TestLog } from '../queue/segment-log/test-log.ts';
import { TestMember } from '../queue/test-records.ts';
import {
  addUp,
  openWorld,
  RECEIVED,
  readBack,
  type SentRecord,
  SYSLOG,
  send,
  startProcessor,
} from './testing/world.ts';

const MINUTE_MS = 60_000;
const WAIT = { timeout: 30_000, interval: 20 };
/** Of the operations of the disk, each so many-th is where the power goes; another one in each run. */
const EVERY = 4;

/** `count` lines: every seventh is poison, every fifth noise. */
function lines(count: number): SentRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const what = i % 7 === 6 ? 'poison' : i % 5 === 4 ? 'noise' : 'fine';
    return { value: `<13>1 2026-11-23T19:42:54.${String(i).padStart(3, '0')}Z web app ${i} - - ${what} ${i}` };
  });
}

const kindsOf = (count: number) => lines(count).map(({ value }) => /poison|noise|fine/.exec(String(value))?.[0]);
const idsOf = (count: number, kind: string): string[] =>
  kindsOf(count).flatMap((found, i) => (found === kind ? [`local.raw.0.${i}.0`] : []));

function recordOf(value: string, headers: Buffer, key?: Buffer): Buffer {
  const builder = new RecordBatchBuilder();
  const bytes = Buffer.from(value);
  builder.append(bytes, 0, bytes.length, RECEIVED, headers, key);
  return builder.finish();
}

async function processAll(world: TestLog, count: number): Promise<void> {
  const processor = startProcessor(world.queue);
  await processor.taken(count);
  await processor.stop();
}

describe('the processor', () => {
  it('makes one event of each record, in order, with its origin as id', async () => {
    const world = await openWorld(new MemoryDisk());
    await send(world.queue, lines(23));
    await processAll(world, 23);
    const { events, letters, markers } = await readBack(world.queue);
    expect(events.map(({ id }) => id)).toEqual(idsOf(23, 'fine'));
    expect(events[0]).toMatchObject({ tenant: 'default', message: 'fine 0', received: RECEIVED, source: 'app:web' });
    expect(letters.map(({ origin }) => origin)).toEqual(idsOf(23, 'poison'));
    expect(letters[0]).toMatchObject({ code: 'STAGE_FAILED', value: String(lines(7)[6]?.value) });
    expect(markers.at(-1)).toMatchObject({ rawOffset: 23, receivedTo: RECEIVED });
    await world.close();
  });

  it.each(['with', 'without'])(
    'counts what retention took before it was processed, %s its own marker to go on from',
    async (marker) => {
      const world = await openWorld(new MemoryDisk());
      await send(world.queue, lines(5));
      await processAll(world, 5);
      const [raw, events] = [
        { topic: TOPICS.raw, partition: 0 },
        { topic: TOPICS.events, partition: 0 },
      ] as const;
      if (marker === 'without') {
        // The marker is in the segment before the one that another owner begins.
        const writer = await world.queue.openWriter(events);
        await world.queue.retain();
        await writer.close();
      }
      await send(world.queue, lines(10));
      const writer = await world.queue.openWriter(raw);
      await world.queue.retain();
      await writer.close();
      await send(world.queue, lines(3));
      const registry = new Registry();
      const processor = startProcessor(world.queue, undefined, registry);
      await processor.taken(3);
      await processor.stop();
      expect(await registry.metrics()).toContain('spillway_process_lost_records_total{partition="0"} 10');
      const { events: found } = await readBack(world.queue);
      expect(found.at(-1)?.id).toBe('local.raw.0.17.0');
      await world.close();
    },
  );

  it('starts although another one that starts at the same moment is given what it is just opening', async () => {
    const world = await openWorld(new MemoryDisk(), 2);
    const { queue } = world;
    const assigned: AssignedPartition[] = [];
    const gate = Promise.withResolvers<void>();
    const slow = Object.assign(Object.create(queue) as Queue, {
      joinGroup: (group: string, options: JoinOptions) =>
        queue.joinGroup(group, {
          ...options,
          onAssigned: (partition) => {
            assigned.push(partition);
            options.onAssigned(partition);
          },
        }),
      openWriter: async (at: TopicPartition) => {
        await gate.promise;
        return queue.openWriter(at);
      },
      openReader: (at: TopicPartition) => queue.openReader(at),
      partitionCount: (topic: string) => queue.partitionCount(topic),
      layout: (topic: string) => queue.layout(topic),
    });
    const processor = startProcessor(slow);
    await vi.waitFor(() => expect(assigned).toHaveLength(2), WAIT);
    const other = await TestMember.join(queue, 'processor');
    await vi.waitFor(() => expect(assigned.filter(({ revoked }) => revoked.aborted)).toHaveLength(1), WAIT);
    gate.resolve();
    await processor.started;
    await vi.waitFor(() => expect(other.keys).toHaveLength(1), WAIT);
    await processor.stop();
    await other.leave();
    await world.close();
  });

  it('passes what cannot be read at the end of raw with a marker, so that completeness moves on', async () => {
    const disk = new MemoryDisk();
    const world = await openWorld(disk);
    await send(world.queue, lines(5));
    const kept = disk.files().filter((name) => name.includes('/raw/0/') && name.endsWith('.log'));
    await send(world.queue, lines(5));
    const path = disk.files().find((name) => /raw.0.*log$/.test(name) && !kept.includes(name)) ?? '';
    disk.corrupt(path, (content) => content.fill(0));
    const processor = startProcessor(world.queue);
    await processor.taken(5);
    await vi.waitFor(async () => expect((await readBack(world.queue)).markers.at(-1)?.rawOffset).toBe(10), WAIT);
    await processor.stop();
    await world.close();
  });

  it('accounts for every record by tenant, minute and rule', async () => {
    const world = await openWorld(new MemoryDisk());
    const shop = { ...SYSLOG, tenant: 'shop' };
    const records = [
      { value: 'one' },
      { value: 'noise' },
      { value: 'two', meta: shop },
      { value: 'poison', meta: shop },
      { value: 'three', meta: shop, receivedMs: RECEIVED + MINUTE_MS },
    ];
    await send(world.queue, records, 5);
    await processAll(world, 5);
    const { markers } = await readBack(world.queue);
    const minute = RECEIVED / MINUTE_MS;
    expect(markers.flatMap(({ ledger }) => ledger)).toEqual([
      { tenant: 'default', minute, taken: 2, out: 1, dropped: { noise: 1 }, deadLettered: 0 },
      { tenant: 'shop', minute, taken: 2, out: 1, dropped: {}, deadLettered: 1 },
      { tenant: 'shop', minute: minute + 1, taken: 1, out: 1, dropped: {}, deadLettered: 0 },
    ]);
    await world.close();
  });

  it('moves on where every record is dropped', async () => {
    const world = await openWorld(new MemoryDisk());
    await send(world.queue, [{ value: 'noise' }, { value: 'noise' }]);
    await processAll(world, 2);
    const { events, markers } = await readBack(world.queue);
    expect(events).toEqual([]);
    expect(markers.at(-1)).toMatchObject({ rawOffset: 2, receivedTo: RECEIVED });
    await world.close();
  });

  it('goes on where its predecessor stopped and writes nothing twice', async () => {
    const world = await openWorld(new MemoryDisk());
    for (const round of [1, 2, 3]) {
      await send(world.queue, lines(10));
      await processAll(world, 10);
      await world.reopen();
      expect((await readBack(world.queue)).markers.at(-1)?.rawOffset).toBe(10 * round);
    }
    const { events, letters, markers } = await readBack(world.queue);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(addUp(markers.flatMap(({ ledger }) => ledger))).toEqual({
      taken: 30,
      out: events.length,
      dropped: 3 * idsOf(10, 'noise').length,
      dead: letters.length,
    });
    await world.close();
  });

  it('writes no letter again that an earlier version wrote to the partition which it had for all', async () => {
    const world = await openWorld(new MemoryDisk());
    await send(world.queue, [{ value: 'poison' }, { value: 'poison' }]);
    const earlier = await world.queue.openWriter({
      topic: TOPICS.deadLetter,
      partition: EARLIER_DEAD_LETTERS.processor,
    });
    const reason = { code: 'STAGE_FAILED', reason: '', origin: 'local.raw.0.0.0', chunk: 0, last: true } as const;
    await earlier.append(recordOf('poison', encodeHeaders([[DEAD_LETTER_KEY, encodeDeadLetterReason(reason)]])));
    const events = await world.queue.openWriter({ topic: TOPICS.events, partition: 0 });
    const marker = encodeProgress({ version: 1, rawOffset: 0, receivedTo: 0, ledger: [], deadLetterOffset: 0 });
    await events.append(recordOf(marker.toString(), NO_HEADERS, Buffer.from(PROGRESS_KEY)));
    await processAll(world, 2);
    const { letters, markers } = await readBack(world.queue);
    expect(letters.map(({ origin }) => origin)).toEqual(['local.raw.0.1.0']);
    expect(markers.at(-1)).toMatchObject({ rawOffset: 2, letterOffset: 1 });
    await world.close();
  });

  it('commits its position for retention and lag', async () => {
    const world = await openWorld(new MemoryDisk());
    await send(world.queue, lines(10));
    await processAll(world, 10);
    expect(await world.coordinator.committed('processor', { topic: 'raw', partition: 0 })).toBe(10);
    await world.close();
  });

  it('dead-letters a record whose event is too large for a batch, and goes on after it', async () => {
    const world = await openWorld(new MemoryDisk());
    // Bytes that are no UTF-8 are kept twice, as message and as base64, and these do not compress.
    const noise = randomBytes(1_000_000);
    await send(world.queue, [{ value: 'before' }, { value: noise }, { value: 'after' }], 1);
    await processAll(world, 3);
    const { events, letters } = await readBack(world.queue);
    expect(events.map(({ message }) => message)).toEqual(['before', 'after']);
    expect(letters.map(({ code }) => code)).toEqual(['MESSAGE_TOO_LARGE']);
    await world.close();
  });

  it('takes a message of the largest size as an event of its own batch', async () => {
    const world = await openWorld(new MemoryDisk());
    const large = 'x'.repeat(1_000_000);
    await send(world.queue, [{ value: 'before' }, { value: `${large} ` }, { value: 'after' }], 1);
    await processAll(world, 3);
    const { events } = await readBack(world.queue);
    expect(events.map(({ message }) => message?.length)).toEqual([6, 1_000_001, 5]);
    await world.close();
  });

  it('bounds its batches by bytes and by ledger entries', async () => {
    const world = await openWorld(new MemoryDisk());
    const many = PROCESS_LIMITS.ledgerEntries + 1;
    const tenants = Array.from({ length: many }, (_, i) => ({ value: 'x', meta: { ...SYSLOG, tenant: `t${i}` } }));
    await send(world.queue, tenants, many);
    await processAll(world, many);
    const { markers } = await readBack(world.queue);
    expect(Math.max(...markers.map(({ ledger }) => ledger.length))).toBe(PROCESS_LIMITS.ledgerEntries);
    expect(PROCESS_LIMITS.batchBytes).toBeLessThan(QUEUE_LIMITS.batchBytes);
    await world.close();
  });
});

/** Lines so large that a batch of events takes three. */
function largeLines(): SentRecord[] {
  return lines(12).map(({ value }) => ({ value: `${value} ${'x'.repeat(PROCESS_LIMITS.batchBytes / 3 - 1_000)}` }));
}

/** One life of the processor that ends with a power cut at the given operation; the answer is how many there were. */
async function liveUntil(disk: MemoryDisk, operation: number, when: 'before' | 'after'): Promise<number> {
  const world = await openWorld(disk);
  let cut = (): void => {};
  const isCut = new Promise<void>((resolve) => {
    cut = resolve;
  });
  const before = disk.operations;
  disk.options = {
    fault: ({ number }) => {
      if (number !== before + operation) return undefined;
      cut();
      return { crash: when };
    },
  };
  const processor = startProcessor(world.queue);
  await Promise.race([isCut, processor.taken(12)]);
  const operations = disk.operations - before;
  disk.cutPower();
  await processor.stop().catch(() => undefined);
  await world.close().catch(() => undefined);
  return operations;
}

describe('a power cut while it runs', () => {
  it('neither loses nor repeats an event or a dead letter, wherever it happens', { timeout: 240_000 }, async () => {
    const full = new MemoryDisk();
    const filling = await openWorld(full);
    await send(filling.queue, largeLines(), 1);
    await filling.close();
    const total = await liveUntil(full.afterCrash(keepEverything), Number.POSITIVE_INFINITY, 'before');
    const left = new Set<number>();
    const first = 1 + (Date.now() % EVERY);
    for (let operation = first; operation <= total; operation += EVERY) {
      for (const when of ['before', 'after'] as const) {
        const disk = full.afterCrash(keepEverything);
        await liveUntil(disk, operation, when);
        const world = await openWorld(disk.afterCrash(operation % 2 === 0 ? keepNothing : keepEverything));
        // A takeover may find more than was marked as durable: what was left to do is not known before.
        const successor = startProcessor(world.queue);
        await vi.waitFor(async () => expect((await readBack(world.queue)).markers.at(-1)?.rawOffset).toBe(12), WAIT);
        await successor.stop();
        const { events, letters, markers } = await readBack(world.queue);
        const place = `${when} operation ${operation} of ${total}`;
        expect(
          events.map(({ id }) => id),
          place,
        ).toEqual(idsOf(12, 'fine'));
        expect(
          letters.map(({ origin }) => origin),
          place,
        ).toEqual(idsOf(12, 'poison'));
        expect(addUp(markers.flatMap(({ ledger }) => ledger)).taken, place).toBe(12);
        left.add(addUp(successor.ledger).taken);
        await world.close();
      }
    }
    console.info(`power cuts at every ${EVERY}th of ${total} operations from ${first} on`);
    // Cut before anything was durable, between batches and after the last one.
    expect(left.size).toBeGreaterThan(2);
  });
});

describe('the partitions of a processor', () => {
  const raw = (partition: number) => ({ topic: TOPICS.raw, partition });

  it('are given up committed, and taken again where its successor ended', async () => {
    const world = await openWorld(new MemoryDisk(), 2);
    await send(world.queue, lines(20), 5, 1);
    const processor = startProcessor(world.queue);
    await processor.started;
    const other = await TestMember.join(world.queue, 'processor');
    await vi.waitFor(() => expect(other.keys).toEqual(['raw/1']), WAIT);
    const markers = (await readBack(world.queue, 1)).markers;
    expect((await other.held(raw(1)).committed()) ?? 0).toBe(markers.at(-1)?.rawOffset ?? 0);
    await other.leave();
    await processor.taken(20);
    await processor.stop();
    const { events } = await readBack(world.queue, 1);
    expect(new Set(events.map(({ id }) => id)).size).toBe(idsOf(20, 'fine').length);
    expect(events).toHaveLength(idsOf(20, 'fine').length);
    await world.close();
  });

  it('that are added get a barrier in events where the earlier ones end then', async () => {
    const world = await openWorld(new MemoryDisk(), 1);
    await send(world.queue, lines(10));
    const processor = startProcessor(world.queue);
    await world.coordinator.raisePartitions({
      [TOPICS.raw]: 2,
      [TOPICS.events]: 2,
      [TOPICS.deadLetter]: deadLetterPartitions(2),
    });
    await send(world.queue, lines(5), 5, 1);
    await world.queue.registerBarrier(TOPICS.raw, [10, 0].map(offset));
    await processor.taken(15);
    expect(world.queue.layout(TOPICS.events).unbarred).toEqual([]);
    // The store may read what was added when it has the 10 records of before, and not sooner.
    const store = await TestMember.join(world.queue, 'store', [TOPICS.events]);
    expect(store.keys).toEqual(['events/0']);
    const end = world.marks.get({ topic: TOPICS.events, partition: 0 })?.endOffset ?? 0;
    await store.commit({ topic: TOPICS.events, partition: 0 }, end - 1);
    await world.queue.heartbeat();
    expect(store.keys).toEqual(['events/0']);
    await store.commit({ topic: TOPICS.events, partition: 0 }, end);
    await world.queue.heartbeat();
    expect(store.keys).toEqual(['events/0', 'events/1']);
    await processor.stop();
    await world.close();
  });
});
