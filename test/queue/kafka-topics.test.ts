/** Somebody removes, makes again or changes topics of a queue on Kafka, before and while it is used. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { KafkaQueue } from '../../src/queue/kafka/queue.ts';
import type { KafkaQueueOptions } from '../../src/queue/kafka/queue-options.ts';
import { offset } from '../../src/queue/port.ts';
import { batchOf, readAll, values } from '../../src/queue/test-records.ts';
import {
  alterTopic,
  kafkaOptions,
  lacksKafka,
  makeTopic,
  openKafka,
  openSpooling,
  quietLog,
  removeTopic,
  removeTopics,
  startKafka,
  type TestKafka,
} from '../support/kafka.ts';

const raw = { topic: 'raw', partition: 0 };
const LONG_MS = 120_000;
const GONE = { code: 'QUEUE_TOPIC_INVALID', message: expect.stringContaining('was removed by somebody') };
const LARGE = { 'max.message.bytes': '2097152' };
const PATIENCE = { timeout: 60_000 };

describe.skipIf(lacksKafka('topics of Kafka that change'))('topics of Kafka', { timeout: LONG_MS }, () => {
  let kafka: TestKafka;
  let directory: string;
  const opened: { queue: KafkaQueue; options: KafkaQueueOptions }[] = [];
  beforeAll(async () => {
    kafka = await startKafka();
    directory = await mkdtemp(join(tmpdir(), 'spillway-topics-'));
  }, 180_000);
  afterEach(async () => {
    const all = opened.splice(0);
    await Promise.all(all.map(({ queue }) => queue.close()));
    await Promise.all(all.map(({ options }) => removeTopics(options)));
  });
  afterAll(async () => {
    await kafka?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const topics = {
    raw: { partitions: 1, compression: 'none', writers: 'many' },
    events: { partitions: 1, compression: 'zstd', writers: 'one' },
  } as const;
  const open = async (options: Partial<KafkaQueueOptions> = {}) => {
    const registry = new Registry();
    const all = kafkaOptions(kafka.brokers, { topics, registry, ...options });
    const queue = await openKafka(all);
    opened.push({ queue, options: all });
    return { queue, prefix: all.prefix, name: `${all.prefix}raw`, registry };
  };
  /** Another topic in the place of `raw`, which somebody else has written to. */
  const replacement = async (prefix: string, isToBeMade = true) => {
    if (isToBeMade) {
      await removeTopic(kafka.brokers, `${prefix}raw`);
      await makeTopic(kafka.brokers, `${prefix}raw`, 1, LARGE);
    }
    const { queue } = await open({ prefix: `${prefix}ra`, topics: { w: topics.raw } });
    await (await queue.openWriter({ topic: 'w', partition: 0 })).append(values('stranger', 'stranger'));
  };
  const figure = async (registry: Registry, name: string, labels = 'topic="raw",partition="0"') => {
    const line = (await registry.metrics()).split('\n').find((text) => text.startsWith(`${name}{${labels}`));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  };

  it('that are gone are not made again at a start: it is refused, and says what to do', async () => {
    const { queue, prefix, name } = await open();
    await (await queue.openWriter(raw)).append(values('a', 'b'));
    await queue.close();
    await removeTopic(kafka.brokers, name);
    await expect(open({ prefix })).rejects.toMatchObject(GONE);
    await makeTopic(kafka.brokers, name, 1);
    await expect(open({ prefix })).rejects.toMatchObject({
      code: 'QUEUE_TOPIC_INVALID',
      message: expect.stringMatching(/made again.*queue\.prefix/),
    });
  });

  it('that are removed and made again while they are used are neither read nor written in their place', async () => {
    const { queue, name, prefix, registry } = await open();
    const writer = await queue.openWriter(raw);
    const reader = queue.openReader(raw);
    for (const text of ['a', 'b', 'c']) await writer.append(values(text));
    expect(await readAll(reader, 0)).toHaveLength(3);
    await removeTopic(kafka.brokers, name);
    const waiting = writer.append(values('d'));
    waiting.catch(() => {});
    await expect.poll(() => queue.troubledForMs, PATIENCE).toBeGreaterThan(0);
    await makeTopic(kafka.brokers, name, 1, LARGE);
    await expect(waiting).rejects.toMatchObject(GONE);
    await expect(writer.append(values('e'))).rejects.toMatchObject(GONE);
    expect(await figure(registry, 'spillway_queue_stopped')).toBe(1);
    await replacement(prefix, false);
    await expect(reader.read(offset(1))).rejects.toMatchObject(GONE);
    await expect(reader.waitFor(offset(3), new AbortController().signal)).rejects.toMatchObject(GONE);
  });

  it('that are replaced between two appends take the second one for nobody', async () => {
    const { queue, prefix } = await open({ layoutMs: 60_000 });
    const writer = await queue.openWriter(raw);
    for (const text of ['a', 'b', 'c']) await writer.append(values(text));
    await replacement(prefix);
    await expect(writer.append(values('d'))).rejects.toMatchObject(GONE);
  });

  it('that are gone leave what is accepted meanwhile on the disk of the collector', async () => {
    const { queue, name, prefix } = await open();
    const spooling = await openSpooling(queue, join(directory, 'gone'));
    const writer = await spooling.openWriter(raw);
    await writer.append(values('a'));
    await removeTopic(kafka.brokers, name);
    // Brokers take for a moment what goes away with the topic.
    let number = 0;
    const isSpooled = async () => {
      await writer.append(values(`b${++number}`));
      return spooling.spooling > 0;
    };
    await expect.poll(isSpooled, PATIENCE).toBe(true);
    await writer.append(values('c'));
    await makeTopic(kafka.brokers, name, 1);
    await expect.poll(() => spooling.troubles().join(), PATIENCE).toContain('was removed by somebody');
    for (const text of ['d', 'e']) await writer.append(values(text));
    await writer.close();
    await spooling.close();
    // With topics of other names, as the error says.
    const { queue: fresh } = await open({ prefix: `${prefix}again.` });
    const again = await openSpooling(fresh, join(directory, 'gone'));
    const next = await again.openWriter(raw);
    await expect.poll(() => again.spooling, PATIENCE).toBe(0);
    await next.append(values('f'));
    const found = (await readAll(fresh.openReader(raw), 0)).map(({ value }) => value);
    expect(found).toEqual([`b${number}`, 'c', 'd', 'e', 'f']);
    await next.close();
    await again.close();
  });

  it('that are replaced between two appends leave the second one, acknowledged, on the disk of the collector', async () => {
    const { queue, prefix } = await open({ layoutMs: 60_000 });
    const spooling = await openSpooling(queue, join(directory, 'replaced'), { spoolAfterMs: 60_000 });
    const writer = await spooling.openWriter(raw);
    for (const text of ['a', 'b', 'c']) await writer.append(values(text));
    await replacement(prefix);
    await Promise.all(['d', 'e'].map((text) => writer.append(values(text))));
    expect(spooling.troubles().join()).toContain('was removed by somebody');
    await writer.append(values('f'));
    await writer.close();
    await spooling.close();
    const { queue: fresh } = await open({ prefix: `${prefix}again.` });
    const again = await openSpooling(fresh, join(directory, 'replaced'));
    const next = await again.openWriter(raw);
    await expect.poll(() => again.spooling, PATIENCE).toBe(0);
    expect((await readAll(fresh.openReader(raw), 0)).map(({ value }) => value)).toEqual(['d', 'e', 'f']);
    await next.close();
    await again.close();
  });

  it.each([
    ['max.message.bytes', '1000', values('x'.repeat(20_000))],
    ['message.timestamp.before.max.ms', '1000', batchOf([{ value: 'x'.repeat(20_000), timestampMs: 1 }])],
  ])(
    'whose %s was lowered keep what they refuse waiting, say so, and take it in order when it is mended',
    async (setting, value, refused) => {
      const errors: string[] = [];
      const log = Object.assign(Object.create(quietLog), { error: (_: object, text: string) => errors.push(text) });
      const { queue, name, registry } = await open({ log });
      const writer = await queue.openWriter(raw);
      await writer.append(batchOf([{ value: 'a', timestampMs: Date.now() }]));
      await alterTopic(kafka.brokers, name, { [setting]: value });
      // Until the broker has heard of it, it takes them.
      const waiting: Promise<unknown>[] = [];
      await expect
        .poll(async () => {
          waiting.push(writer.append(Buffer.from(refused)));
          const isTaken = await Promise.race([
            waiting.at(-1)?.then(() => true),
            new Promise((resolve) => setTimeout(resolve, 500)),
          ]);
          if (isTaken === true) waiting.pop();
          return waiting.length;
        }, PATIENCE)
        .toBe(1);
      waiting.push(writer.append(batchOf([{ value: 'b', timestampMs: Date.now() }])));
      await expect.poll(() => errors.join()).toContain(setting);
      expect(await figure(registry, 'spillway_queue_trouble_seconds')).toBeGreaterThan(0);
      await alterTopic(kafka.brokers, name, { [setting]: setting.startsWith('max') ? '2097152' : undefined });
      await Promise.all(waiting);
      const found = (await readAll(queue.openReader(raw), 0)).map(({ value: text }) => text.slice(0, 1));
      expect(found.slice(-2)).toEqual(['x', 'b']);
      expect(found.filter((text) => text === 'b')).toHaveLength(1);
      expect(await figure(registry, 'spillway_queue_trouble_seconds')).toBe(0);
      expect(await figure(registry, 'spillway_queue_append_retries_total')).toBeGreaterThan(0);
    },
  );

  it.each([
    ['message.timestamp.type', 'LogAppendTime'],
    ['max.message.bytes', '1000'],
    ['cleanup.policy', 'compact'],
  ])('that have %s=%s are refused at the start', async (setting, value) => {
    const { prefix } = kafkaOptions(kafka.brokers);
    await makeTopic(kafka.brokers, `${prefix}raw`, 1, { 'max.message.bytes': '2097152', [setting]: value });
    await expect(open({ prefix })).rejects.toMatchObject({
      code: 'QUEUE_TOPIC_INVALID',
      message: expect.stringContaining(setting),
    });
    await removeTopic(kafka.brokers, `${prefix}raw`);
  });

  it('are counted: records, batches, bytes, time to the acknowledgement, and connections to brokers', async () => {
    const { queue, registry } = await open();
    const writer = await queue.openWriter(raw);
    const batches = [values('a', 'b'), values('c')];
    const bytes = batches.reduce((sum, { length }) => sum + length, 0);
    for (const batch of batches) await writer.append(batch);
    expect(await figure(registry, 'spillway_queue_appended_records_total')).toBe(3);
    expect(await figure(registry, 'spillway_queue_appended_batches_total')).toBe(2);
    expect(await figure(registry, 'spillway_queue_appended_bytes_total')).toBe(bytes);
    expect(await figure(registry, 'spillway_queue_append_seconds_count', 'topic="raw"')).toBe(2);
    expect(await figure(registry, 'spillway_queue_pending_bytes')).toBe(0);
    expect(await figure(registry, 'spillway_queue_stopped')).toBe(0);
    const connections = () => figure(registry, 'spillway_queue_broker_connections', 'broker=');
    expect(await connections()).toBeGreaterThan(0);
    await queue.close();
    await expect.poll(connections).toBe(0);
  });
});
