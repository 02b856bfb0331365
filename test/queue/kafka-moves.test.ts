/** Partitions that are added to a topic while several processes append to it, on real brokers. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fence, findLanded } from '../../src/queue/kafka/fence.ts';
import { KafkaReader } from '../../src/queue/kafka/partition-reader.ts';
import type { KafkaQueue } from '../../src/queue/kafka/queue.ts';
import type { KafkaQueueOptions } from '../../src/queue/kafka/queue-options.ts';
import { newProducer } from '../../src/queue/kafka/take-over.ts';
import { offset } from '../../src/queue/port.ts';
import { readAll, values } from '../../src/queue/test-records.ts';
import {
  kafkaOptions,
  lacksKafka,
  openKafka,
  openSpooling,
  quietLog,
  removeTopics,
  startKafka,
  type TestKafka,
} from '../support/kafka.ts';

const LONG_MS = 120_000;
const PATIENCE = { timeout: 30_000 };
const topics = { raw: { partitions: 2, compression: 'none', writers: 'many' } } as const;
const at = (partition: number) => ({ topic: 'raw', partition });
const ENDS = [0, 0, 0].map(offset);

describe.skipIf(lacksKafka('moves on Kafka'))('a topic that several processes append to', () => {
  let kafka: TestKafka;
  let options: KafkaQueueOptions;
  let directory: string;
  const queues: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    kafka = await startKafka();
    options = kafkaOptions(kafka.brokers, { topics });
    directory = await mkdtemp(join(tmpdir(), 'spillway-moves-'));
  }, LONG_MS);
  afterEach(async () => {
    for (const queue of queues.splice(0)) await queue.close();
    await removeTopics(options);
    options = kafkaOptions(kafka.brokers, { topics });
  }, LONG_MS);
  afterAll(async () => {
    await kafka?.stop();
    await rm(directory, { recursive: true, force: true });
  }, LONG_MS);

  const open = async (id: string, before?: string): Promise<KafkaQueue> => {
    const queue = await openKafka({ ...options, appends: { topic: 'raw', id, before } });
    queues.push(queue);
    queue.mapsTo('raw', queue.partitionCount('raw'));
    return queue;
  };
  const textsOf = async (queue: KafkaQueue, partition: number) => {
    const reader = queue.openReader(at(partition));
    const found = await readAll(reader, 0);
    await reader.close();
    return found.map(({ value }) => value);
  };

  it(
    'takes nothing in added partitions before all have moved, and nothing any more of one that does not answer',
    async () => {
      const [slow, quick] = [await open('slow'), await open('quick')];
      const [slowWriter, slowOther] = [await slow.openWriter(at(0)), await slow.openWriter(at(1))];
      const quickWriter = await quick.openWriter(at(0));
      await slowWriter.append(values('a'));
      await quickWriter.append(values('b'));
      expect(quick.appenderCount).toBe(2);

      await quick.raisePartitions({ raw: 3 });
      const added = await quick.openWriter(at(2));
      quick.mapsTo('raw', 3);
      let isTaken = false;
      const append = added.append(values('d')).then(() => {
        isTaken = true;
      });
      const moved = quick.registerBarrier('raw', ENDS);
      // The slow one does not know it yet.
      await slowWriter.append(values('c'));
      expect(isTaken).toBe(false);
      let wasToldFirst = false;
      slow.onOut(() => {
        wasToldFirst = true;
      });
      await moved;
      await append;
      const [addition] = quick.record.topic('raw')?.additions ?? [];
      expect(addition).toEqual({ first: 2, barrier: [4, 1] });
      const told = await slowOther.append(values('late')).catch(({ code }) => ({ code, wasToldFirst }));
      expect(told).toEqual({ code: 'QUEUE_FENCED', wasToldFirst: true });
      await expect(slowWriter.append(values('late'))).rejects.toMatchObject({ code: 'QUEUE_FENCED' });
      expect([await textsOf(quick, 0), await textsOf(quick, 1), await textsOf(quick, 2)]).toEqual([
        ['a', 'b', 'c'],
        [],
        ['d'],
      ]);
      expect(quick.appenderCount).toBe(1);

      // Begun again it is another one, and knows all.
      const again = await open('slow again', 'slow');
      await (await again.openWriter(at(2))).append(values('e'));
      expect(await textsOf(again, 2)).toEqual(['d', 'e']);
    },
    LONG_MS,
  );

  it(
    'moves within a moment where all answer, one after another addition, and forgets who leaves',
    async () => {
      const all = [await open('1'), await open('2'), await open('3')];
      for (const queue of all) await Promise.all([0, 1].map((partition) => queue.openWriter(at(partition))));
      for (const partitions of [3, 4]) {
        await all[0]?.raisePartitions({ raw: partitions });
        const begunMs = performance.now();
        await Promise.all(
          all.map(async (queue, i) => {
            await expect.poll(() => queue.partitionCount('raw'), PATIENCE).toBe(partitions);
            const writer = await queue.openWriter(at(partitions - 1));
            queue.mapsTo('raw', partitions);
            const appended = writer.append(values(`${i}`));
            await queue.registerBarrier(
              'raw',
              Array.from({ length: partitions }, () => offset(0)),
            );
            await appended;
          }),
        );
        console.info(`${partitions} partitions after ${Math.round(performance.now() - begunMs)} ms`);
        expect((await textsOf(all[0] as KafkaQueue, partitions - 1)).sort()).toEqual(['0', '1', '2']);
      }
      // None had to be fenced: the ends are those of records alone.
      expect(all[0]?.record.topic('raw')?.additions).toEqual([
        { first: 2, barrier: [0, 0] },
        { first: 3, barrier: [0, 0, 3] },
      ]);
      await queues.pop()?.close();
      await all[0]?.refreshLayouts();
      expect(all[0]?.appenderCount).toBe(2);
    },
    LONG_MS,
  );

  it(
    'says what was taken of a producer before it was fenced, and shows readers nothing of that',
    async () => {
      const queue = await open('fenced');
      const writer = await queue.openWriter(at(0));
      for (const text of ['a', 'b', 'c']) await writer.append(values(text));
      const place = { topic: queue.nameOf('raw'), partition: 0 };
      const reader = new KafkaReader({
        ...{ at: place, as: place, cluster: queue.cluster, log: quietLog, showsFences: true },
        ...{ onCorrupt: () => {}, onLost: () => {}, onClose: () => {}, onFetched: () => {}, aheadBytes: () => 0 },
      });
      const [own] = Object.values(queue.record.state.appenders ?? {});
      const { id = '0', epoch = 0 } = own?.producers['0'] ?? {};
      const producer = { id: BigInt(id), epoch };
      const other = await newProducer(queue.cluster, place);
      for (let i = 0; i < 2; i++) await fence(queue.cluster, place, producer);
      await fence(queue.cluster, place, other);
      const found = await findLanded(reader, 1, producer, [1, 2, 3], AbortSignal.timeout(LONG_MS));
      expect([...found]).toEqual([
        [1, 1],
        [2, 2],
      ]);
      await reader.close();
      await expect(writer.append(values('d'))).rejects.toMatchObject({ code: 'QUEUE_FENCED' });
      expect(await textsOf(queue, 0)).toEqual(['a', 'b', 'c']);
      expect(await queue.endOffset(at(0))).toBe(5);
    },
    LONG_MS,
  );

  it(
    'keeps what is appended again by a process that is out, and tells whoever can send it elsewhere',
    async () => {
      const queue = await open('out');
      const spooling = await openSpooling(queue, join(directory, 'out'));
      queues.splice(queues.indexOf(queue), 1, spooling);
      const writer = await spooling.openWriter(at(0));
      await writer.append(values('a'));
      const [own] = Object.values(queue.record.state.appenders ?? {});
      const { id = '0', epoch = 0 } = own?.producers['0'] ?? {};
      await fence(queue.cluster, { topic: queue.nameOf('raw'), partition: 0 }, { id: BigInt(id), epoch });
      await expect(writer.append(values('b'))).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterS: 1 });
      await writer.append(values('b'));
      expect(spooling.spooling).toBe(1);
      await queues.pop()?.close();

      const next = await open('next', 'out');
      const again = await openSpooling(next, join(directory, 'out'));
      queues.splice(queues.indexOf(next), 1, again);
      await again.openWriter(at(0));
      await again.settled(LONG_MS);
      expect(await textsOf(next, 0)).toEqual(['a', 'b']);
    },
    LONG_MS,
  );
});
