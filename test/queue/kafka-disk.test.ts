/** The disk of a broker is full. */
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KafkaQueue } from '../../src/queue/kafka/queue.ts';
import { readAll, values } from '../../src/queue/test-records.ts';
import { status, up } from '../../tools/engines/lifecycle.ts';
import { TestDisks, takeSpace } from '../support/disks.ts';
import { kafkaOptions, lacksKafka, openKafka, openSpooling, startKafka } from '../support/kafka.ts';
import { lacks } from '../support/needs.ts';

const LONG_MS = 180_000;
const LEFT_BYTES = 4 * 1024 * 1024;
const raw = { topic: 'raw', partition: 0 };
const suite = 'a full disk of Kafka';
const needs = { root: true, mounts: 'tmpfs' } as const;

describe.skipIf(lacksKafka(suite, { own: true }) || lacks(suite, needs))('a queue on Kafka', () => {
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  let disks: TestDisks;
  let disk: string;
  let directory: string;
  let queue: KafkaQueue;
  beforeAll(async () => {
    disks = new TestDisks();
    disk = disks.tmpfs('broker', '64m');
    kafka = await startKafka({ own: true, settings: { 'log.dirs': disk } });
    directory = await mkdtemp(join(tmpdir(), 'spillway-disk-'));
  }, LONG_MS);
  afterAll(async () => {
    await queue?.close();
    await kafka?.stop();
    disks?.dispose();
    await rm(directory, { recursive: true, force: true });
  }, LONG_MS);

  const runs = async () => (await status('kafka', kafka.data)).every(({ isRunning }) => isRunning);

  it(
    'keeps accepting while the disk of its broker is full, and has all of it in order and once when there is room',
    async () => {
      const topics = { raw: { partitions: 1, compression: 'none', writers: 'many' } } as const;
      queue = await openKafka(kafkaOptions(kafka.brokers, { topics }));
      const spooling = await openSpooling(queue, join(directory, 'spool'));
      const writer = await spooling.openWriter(raw);
      const { bavail, bsize } = await statfs(disk);
      const others = join(disk, 'others');
      takeSpace(others, bavail * bsize - LEFT_BYTES);
      const text = 'x'.repeat(100_000);
      let count = 0;
      const append = () => writer.append(values(`${count++} ${text}`));
      // More than there is room for.
      for (let sent = 0; sent < 3 * LEFT_BYTES; sent += text.length) await append();
      await expect.poll(() => spooling.spooling, { timeout: 30_000 }).toBe(1);
      // Its only log folder is gone for the broker: it ends, and an operator makes room and starts it again.
      await expect.poll(runs, { timeout: 60_000 }).toBe(false);
      await append();
      await rm(others);
      await up('kafka', { data: kafka.data, settings: { 'log.dirs': disk } });
      await expect.poll(() => spooling.spooling, { timeout: 60_000 }).toBe(0);
      await append();
      const found = (await readAll(queue.openReader(raw), 0)).map(({ value }) => Number(value.split(' ')[0]));
      expect(found).toEqual(Array.from({ length: count }, (_, i) => i));
      await writer.close();
      await spooling.close();
    },
    LONG_MS,
  );
});
