/** The queue on Kafka behind a wire that is slow, cuts connections in the middle of what is on them, or goes silent. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KAFKA_LIMITS } from '../../src/lib/limits.ts';
import type { KafkaQueue } from '../../src/queue/kafka/queue.ts';
import type { PartitionReader } from '../../src/queue/port.ts';
import { readAll, TestMember, values } from '../../src/queue/test-records.ts';
import { FaultyWire } from '../support/faulty-wire.ts';
import { kafkaOptions, lacksKafka, openKafka, openSpooling, startKafka } from '../support/kafka.ts';
import { seededRandom } from '../support/seeded.ts';

const LONG_MS = 180_000;
const CUTS = 15;
const raw = { topic: 'raw', partition: 0 };

describe.skipIf(lacksKafka('Kafka behind a bad wire', { own: true }))('a queue on Kafka behind a bad wire', () => {
  let proxy: FaultyWire;
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  let directory: string;
  const queues: KafkaQueue[] = [];
  beforeAll(async () => {
    proxy = await FaultyWire.start();
    directory = await mkdtemp(join(tmpdir(), 'spillway-network-'));
    // What it tells clients is the address of the wire, never its own.
    kafka = await startKafka({ own: true, settings: { 'advertised.listeners': `PLAINTEXT://${proxy.address}` } });
    proxy.target = Number(kafka.brokers[0]?.split(':')[1]);
  }, LONG_MS);
  afterEach(async () => {
    proxy.faults = {};
    await Promise.all(queues.splice(0).map((queue) => queue.close()));
  }, LONG_MS);
  afterAll(async () => {
    await kafka?.stop();
    await proxy?.close();
    await rm(directory, { recursive: true, force: true });
  }, LONG_MS);

  const open = async (writers: 'one' | 'many' = 'many') => {
    const topics = { raw: { partitions: 2, compression: 'none', writers } } as const;
    const queue = await openKafka(kafkaOptions([proxy.address], { topics, renewMs: 100 }));
    queues.push(queue);
    return queue;
  };
  const texts = async (reader: PartitionReader) => (await readAll(reader, 0)).map(({ value }) => value);
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);

  it.each(['one', 'many'] as const)(
    'has every record once and in order over connections that are cut anywhere, for %s writer(s)',
    async (writers) => {
      const random = seededRandom();
      const queue = await open(writers);
      const writer = await queue.openWriter(raw);
      const reader = queue.openReader(raw);
      const before = proxy.cuts;
      proxy.faults = { cutAfterBytes: () => random.between(200, random.chance(0.8) ? 50_000 : 4_000_000) };
      proxy.cut();
      let count = 0;
      let isWritten = false;
      const read: Promise<string[]> = (async () => {
        const found: string[] = [];
        for (let next = 0; !isWritten || found.length < count; ) {
          const records = await readAll(reader, next);
          found.push(...records.map(({ value }) => value.slice(0, value.indexOf(' '))));
          next = (records.at(-1)?.offset ?? next - 1) + 1;
        }
        return found;
      })();
      while (proxy.cuts - before < CUTS) {
        const sizes = Array.from({ length: 30 }, () => random.below(5_000));
        await Promise.all(sizes.map((size) => writer.append(values(`${count++} ${'x'.repeat(size)}`))));
      }
      isWritten = true;
      expect(await read).toEqual(numbers(count));
    },
    LONG_MS,
  );

  it(
    'is slow where the wire is slow: all of it, in order, with no repetition and no takeover of a group',
    async () => {
      const queue = await open();
      const writer = await queue.openWriter(raw);
      const member = await TestMember.join(queue, 'store');
      const { generation } = member.held(raw);
      proxy.faults = { delayMs: 100 };
      await Promise.all(numbers(30).map((text) => writer.append(values(text))));
      expect(await texts(queue.openReader(raw))).toEqual(numbers(30));
      await member.commit(raw, 30);
      expect(await member.committed(raw)).toBe(30);
      expect([member.held(raw).isLost, member.held(raw).generation]).toEqual([false, generation]);
    },
    LONG_MS,
  );

  it(
    'keeps accepting while nothing comes through, and has all of it in order and once afterwards',
    async () => {
      const queue = await open();
      const spooling = await openSpooling(queue, join(directory, 'spool'));
      const writer = await spooling.openWriter(raw);
      await writer.append(values('0'));
      proxy.faults = { silent: true };
      await Promise.all(
        numbers(20)
          .slice(1)
          .map((text) => writer.append(values(text))),
      );
      expect(spooling.troubles().join()).toContain('raw/0');
      // Longer than a request may take, so that what was under way is sent again.
      await expect
        .poll(() => queue.troubledForMs, { timeout: 3 * KAFKA_LIMITS.requestMs })
        .toBeGreaterThan(KAFKA_LIMITS.requestMs);
      proxy.faults = {};
      await expect.poll(() => spooling.spooling, { timeout: 60_000 }).toBe(0);
      expect(spooling.troubles()).toEqual([]);
      expect(await texts(queue.openReader(raw))).toEqual(numbers(20));
      await writer.close();
      await spooling.close();
    },
    LONG_MS,
  );
});
