/** A queue whose brokers are all away when a process starts: what is accepted goes there in order and once, later. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SpillwayError } from '../../src/lib/errors.ts';
import { KafkaQueue } from '../../src/queue/kafka/queue.ts';
import type { KafkaQueueOptions } from '../../src/queue/kafka/queue-options.ts';
import { Arrival } from '../../src/queue/late/arrival.ts';
import { KnownLayouts } from '../../src/queue/late/known-layouts.ts';
import { LateQueue } from '../../src/queue/late/late-queue.ts';
import { type Offset, offset } from '../../src/queue/port.ts';
import type { SpoolingQueue } from '../../src/queue/spool/spooling-queue.ts';
import { readAll, values } from '../../src/queue/test-records.ts';
import { down, up } from '../../tools/engines/lifecycle.ts';
import { FaultyWire } from '../support/faulty-wire.ts';
import { kafkaOptions, lacksKafka, openKafka, openSpooling, quietLog, startKafka } from '../support/kafka.ts';

const LONG_MS = 180_000;
const PATIENCE = { timeout: 60_000 };
const raw = { topic: 'raw', partition: 0 };
const added = { topic: 'raw', partition: 2 };
const last = { topic: 'raw', partition: 3 };
const topics = { raw: { partitions: 2, compression: 'none', writers: 'many' } } as const;

describe.skipIf(lacksKafka('a late queue', { own: true }))('started while all brokers are away', () => {
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  let directory: string;
  let wire: FaultyWire;
  let settings: Record<string, string>;
  const opened: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    wire = await FaultyWire.start();
    // What the broker tells clients is the address of the wire, never its own.
    settings = { 'advertised.listeners': `PLAINTEXT://${wire.address}` };
    kafka = await startKafka({ own: true, settings });
    wire.target = Number(kafka.brokers[0]?.split(':')[1]);
    directory = await mkdtemp(join(tmpdir(), 'spillway-late-'));
  }, LONG_MS);
  afterEach(async () => {
    wire.faults = {};
    for (const queue of opened.splice(0).reverse()) await queue.close();
  }, LONG_MS);
  afterAll(async () => {
    await kafka?.stop();
    await wire?.close();
    await rm(directory, { recursive: true, force: true });
  }, LONG_MS);

  /** As far as anybody here can see; brokers take their time to start. */
  const away = () => {
    wire.faults = { refuse: true };
    wire.cut();
  };
  const back = () => {
    wire.faults = {};
  };

  interface Opened {
    readonly queue: KafkaQueue;
    readonly arrival: Arrival;
    readonly late: LateQueue;
    readonly spooling: SpoolingQueue;
  }

  /** As a collector does it. */
  const open = async (
    name: string,
    options: KafkaQueueOptions,
    { check = () => {}, passed }: { check?: () => void; passed?: (ends: readonly Offset[]) => Promise<void> } = {},
  ): Promise<Opened> => {
    const queue = new KafkaQueue(options);
    const layouts = await KnownLayouts.open(join(directory, `${name}.json`));
    const arrival = await Arrival.begin({
      arrive: async () => {
        await queue.prepare();
        check();
      },
      probe: () => queue.probe(),
      mayWait: () => layouts.topics.raw !== undefined,
      log: quietLog,
      retryMs: 100,
    });
    const late = new LateQueue({ queue, arrival, layouts: layouts.topics, log: quietLog });
    const spooling = await openSpooling(late, join(directory, name), {
      layouts,
      ...(passed === undefined ? {} : { passed: (_, ends) => passed(ends) }),
    });
    opened.push(spooling);
    return { queue, arrival, late, spooling };
  };
  const textsOf = async (queue: KafkaQueue, at = raw) => {
    const reader = queue.openReader(at);
    try {
      return (await readAll(reader, 0)).map(({ value }) => value);
    } finally {
      await reader.close();
    }
  };

  it(
    'what it appends is acknowledged, and is there in order and once after it has ended and begun again meanwhile',
    async () => {
      const options = kafkaOptions([wire.address], { topics });
      let { spooling } = await open('again', options);
      let writer = await spooling.openWriter(raw);
      let next = 0;
      const append = () => writer.append(values(`${next++}`));
      await append();
      await spooling.close();
      await down('kafka', { data: kafka.data });
      for (let life = 0; life < 2; life++) {
        const { late, arrival, ...again } = await open('again', options);
        spooling = again.spooling;
        expect(late.layout('raw')).toEqual({ partitions: 2, firstPartitions: 2, unbarred: [] });
        expect(arrival.waitsFor).toContain('did not answer');
        writer = await spooling.openWriter(raw);
        for (let i = 0; i < 5; i++) await append();
        expect(() => late.openReader(raw)).toThrow(SpillwayError);
        expect(spooling.troubles().join()).toContain('raw/0');
        if (life === 0) await spooling.close();
      }
      await up('kafka', { data: kafka.data, settings });
      await append();
      await expect.poll(() => spooling.spooling, PATIENCE).toBe(0);
      await append();
      const queue = await openKafka(options);
      opened.push(queue);
      expect(await textsOf(queue)).toEqual(Array.from({ length: next }, (_, i) => `${i}`));
      expect(writer.nextOffset).toBe(next);
    },
    LONG_MS,
  );

  it(
    'nothing of it goes to a queue that is found to be another one, until that is mended',
    async () => {
      const options = kafkaOptions([wire.address], { topics });
      await open('other', options);
      await opened.pop()?.close();
      away();
      let isOther = true;
      const { spooling, arrival, queue } = await open('other', options, {
        check: () => {
          if (isOther) throw new SpillwayError('QUEUE_CHANGED', 'This is another queue.');
        },
      });
      const writer = await spooling.openWriter(raw);
      await writer.append(values('kept'));
      back();
      await expect.poll(() => arrival.waitsFor, PATIENCE).toContain('another queue');
      expect(spooling.troubles().join()).toContain('another queue');
      expect(await textsOf(queue)).toEqual([]);
      isOther = false;
      await expect.poll(() => spooling.spooling, PATIENCE).toBe(0);
      expect(await textsOf(queue)).toEqual(['kept']);
    },
    LONG_MS,
  );

  it(
    'the barrier of partitions that were added meanwhile is behind what was kept here',
    async () => {
      const options = kafkaOptions([wire.address], { topics });
      const other = await openKafka(options);
      await open('barrier', options);
      await opened.pop()?.close();
      away();
      const { spooling } = await open('barrier', options);
      const writers = [await spooling.openWriter(raw), await spooling.openWriter({ ...raw, partition: 1 })];
      for (const text of ['a', 'b', 'c']) await writers[0]?.append(values(text));
      const told = new Promise((resolve) => spooling.onPartitions(resolve));
      back();
      await other.raisePartitions({ raw: 3 });
      await other.close();
      await told;
      await expect.poll(() => spooling.layout('raw').unbarred, PATIENCE).toEqual([2]);
      await spooling.openWriter(added);
      // As a collector does: what it knows of where the partitions end is from before they were there.
      await spooling.registerBarrier('raw', [offset(0), offset(0), offset(0)]);
      const again = await openKafka({ ...options, topics: { raw: { ...topics.raw, partitions: 3 } } });
      opened.push(again);
      expect(again.record.topic('raw')?.additions).toEqual([{ first: 2, barrier: [3, 0] }]);
      expect(await textsOf(again)).toEqual(['a', 'b', 'c']);
    },
    LONG_MS,
  );

  it(
    'what moves to partitions that others read already waits until what was kept here has been read, over restarts too',
    async () => {
      const options = kafkaOptions([wire.address], { topics });
      const other = await openKafka(options);
      await open('moved', options);
      await opened.pop()?.close();
      away();
      let isRead = Promise.withResolvers<void>();
      const asked: (readonly Offset[])[] = [];
      const passed = (ends: readonly Offset[]) => {
        asked.push(ends);
        return isRead.promise;
      };
      const first = await open('moved', options, { passed });
      const openAll = async ({ spooling }: Opened) =>
        Promise.all([0, 1].map((partition) => spooling.openWriter({ topic: 'raw', partition })));
      const [writer] = await openAll(first);
      for (const text of ['a', 'b']) await writer?.append(values(text));
      back();
      // Others have agreed on it without this one, which they could not see.
      await other.raisePartitions({ raw: 3 });
      await other.registerBarrier('raw', [offset(0), offset(0), offset(0)]);
      await expect.poll(() => first.spooling.layout('raw'), PATIENCE).toMatchObject({ partitions: 3, unbarred: [] });
      const moved = await first.spooling.openWriter(added);
      await moved.append(values('c'));
      await expect.poll(() => asked, PATIENCE).toEqual([[2, 0]]);
      expect(await textsOf(first.queue, added)).toEqual([]);

      // The next process finds nothing of the earlier partitions kept, and does not know whether that was read.
      await opened.pop()?.close();
      const second = await open('moved', options, { passed });
      await openAll(second);
      const movedAgain = await second.spooling.openWriter(added);
      await movedAgain.append(values('d'));
      await expect
        .poll(() => asked, PATIENCE)
        .toEqual([
          [2, 0],
          [2, 0],
        ]);
      expect(second.spooling.troubles().join()).toMatch(/raw\/2 .*has to be read first/);
      // Sources move once more meanwhile.
      await other.raisePartitions({ raw: 4 });
      await other.registerBarrier('raw', [offset(0), offset(0), offset(0), offset(0)]);
      await other.close();
      await expect.poll(() => second.spooling.layout('raw'), PATIENCE).toMatchObject({ partitions: 4, unbarred: [] });
      await (await second.spooling.openWriter(last)).append(values('e'));
      expect(second.spooling.spooling).toBe(2);
      expect([await textsOf(second.queue, added), await textsOf(second.queue, last)]).toEqual([[], []]);
      isRead.resolve();
      await expect.poll(() => second.spooling.spooling, PATIENCE).toBe(0);
      expect([await textsOf(second.queue, added), await textsOf(second.queue, last)]).toEqual([['c', 'd'], ['e']]);
      expect(asked.slice(2)).toEqual([[2, 0, 2]]);

      // Nothing is held any more: a start has nothing to wait for.
      await opened.pop()?.close();
      isRead = Promise.withResolvers();
      const third = await open('moved', options, { passed });
      await openAll(third);
      await (await third.spooling.openWriter(added)).append(values('f'));
      expect(third.spooling.spooling).toBe(0);
      expect(await textsOf(third.queue, added)).toEqual(['c', 'd', 'f']);
      expect(asked).toHaveLength(3);
    },
    LONG_MS,
  );
});
