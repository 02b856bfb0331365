/** All brokers away: what is accepted meanwhile is durable, and goes to Kafka in order, once. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { offset } from '../../src/queue/port.ts';
import { readAll, values } from '../../src/queue/test-records.ts';
import { down, status, up } from '../../tools/engines/lifecycle.ts';
import { kafkaOptions, lacksKafka, openKafka, openSpooling, startKafka } from '../support/kafka.ts';

const LONG_MS = 180_000;
const raw = { topic: 'raw', partition: 0 };

describe.skipIf(lacksKafka('the spool', { own: true }))('while all brokers are away', () => {
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  let directory: string;
  beforeAll(async () => {
    kafka = await startKafka({ own: true });
    directory = await mkdtemp(join(tmpdir(), 'spillway-spool-'));
  }, LONG_MS);
  afterAll(async () => {
    await kafka?.stop();
    await rm(directory, { recursive: true, force: true });
  }, LONG_MS);

  const topics = { raw: { partitions: 2, compression: 'none', writers: 'many' } } as const;
  const start = () => up('kafka', { data: kafka.data });

  it(
    'appends are acknowledged, and are in Kafka in order and once when they return',
    async () => {
      const drained: string[] = [];
      const queue = await openKafka(kafkaOptions(kafka.brokers, { topics }));
      const spooling = await openSpooling(queue, join(directory, 'a'), {
        onDrained: (_, bytes, { nextOffset }) => void drained.push(`${bytes.length > 0}${nextOffset}`),
      });
      const writer = await spooling.openWriter(raw);
      let next = 0;
      const append = (count: number) =>
        Promise.all(Array.from({ length: count }, () => writer.append(values(`${next++}`))));
      await append(10);
      await down('kafka', { data: kafka.data });
      // Under way when it was noticed, and after.
      await append(10);
      expect(spooling.spooling).toBe(1);
      await append(10);
      await append(10);
      await start();
      const during = append(10);
      await expect.poll(() => spooling.spooling, { timeout: 60_000 }).toBe(0);
      await during;
      await append(10);
      const reader = queue.openReader(raw);
      await reader.waitFor(offset(59), new AbortController().signal);
      const found = (await readAll(reader, 0)).map(({ value }) => value);
      expect(found).toEqual(Array.from({ length: 60 }, (_, i) => `${i}`));
      expect(drained.length).toBeGreaterThanOrEqual(30);
      // As a role ends: its writers first, then the queue.
      await writer.close();
      await spooling.close();
    },
    LONG_MS,
  );

  it(
    'what was acknowledged is there after the process has ended too',
    async () => {
      const options = kafkaOptions(kafka.brokers, { topics });
      const open = async () => openSpooling(await openKafka(options), join(directory, 'b'));
      let spooling = await open();
      let writer = await spooling.openWriter(raw);
      await writer.append(values('before'));
      await down('kafka', { data: kafka.data });
      const first = writer.append(values('under way'));
      await first;
      await writer.append(values('spooled'));
      await spooling.close();
      await start();
      spooling = await open();
      writer = await spooling.openWriter(raw);
      await writer.append(values('after'));
      await expect.poll(() => spooling.spooling, { timeout: 60_000 }).toBe(0);
      const found = (await readAll(spooling.openReader(raw), 0)).map(({ value }) => value);
      expect(found).toEqual(['before', 'under way', 'spooled', 'after']);
      await spooling.close();
    },
    LONG_MS,
  );

  it(
    'what brokers that stood still have taken after all, of what was sent by a process that has ended, is there once',
    async () => {
      const options = kafkaOptions(kafka.brokers, { topics });
      const open = async () => openSpooling(await openKafka(options), join(directory, 'c'));
      let spooling = await open();
      let writer = await spooling.openWriter(raw);
      await writer.append(values('0'));
      const pid = (await status('kafka', kafka.data))[0]?.pid ?? 0;
      process.kill(pid, 'SIGSTOP');
      try {
        // More than are sent at once.
        await Promise.all(Array.from({ length: 8 }, (_, i) => writer.append(values(`${i + 1}`))));
        await writer.append(values('9'));
        await spooling.close();
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      spooling = await open();
      const expected = Array.from({ length: 11 }, (_, i) => `${i}`);
      writer = await spooling.openWriter(raw);
      await writer.append(values('10'));
      await expect.poll(() => spooling.spooling, { timeout: 60_000 }).toBe(0);
      expect((await readAll(spooling.openReader(raw), 0)).map(({ value }) => value)).toEqual(expected);
      await spooling.close();
    },
    LONG_MS,
  );
});
