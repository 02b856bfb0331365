/** What a queue on Kafka promises beyond the contract: retention, partitions that are added, and several writers. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { groupHeartbeat } from '../../src/queue/kafka/protocol.ts';
import type { KafkaQueue } from '../../src/queue/kafka/queue.ts';
import type { KafkaQueueOptions } from '../../src/queue/kafka/queue-options.ts';
import { groupStatesOf, topicStatesOf } from '../../src/queue/kafka/state.ts';
import { offset } from '../../src/queue/port.ts';
import { batchOf, readAll, TestMember, values } from '../../src/queue/test-records.ts';
import { kafkaOptions, lacksKafka, openKafka, removeTopics, startKafka, type TestKafka } from '../support/kafka.ts';

const DAY_MS = 86_400_000;
const raw = { topic: 'raw', partition: 0 };
const added = { topic: 'raw', partition: 2 };

describe.skipIf(lacksKafka('the queue on Kafka'))('a queue on Kafka', () => {
  let kafka: TestKafka;
  const opened: { queue: KafkaQueue; options: KafkaQueueOptions }[] = [];
  beforeAll(async () => {
    kafka = await startKafka();
  }, 180_000);
  afterEach(async () => {
    vi.useRealTimers();
    const all = opened.splice(0);
    await Promise.all(all.map(({ queue }) => queue.close()));
    await Promise.all(all.map(({ options }) => removeTopics(options)));
  });
  afterAll(() => kafka?.stop());

  const open = async (options: Partial<KafkaQueueOptions> = {}) => {
    const all = kafkaOptions(kafka.brokers, options);
    const queue = await openKafka(all);
    opened.push({ queue, options: all });
    return { queue, prefix: all.prefix };
  };

  it('removes what is old, but nothing that a required group has not read', async () => {
    const retention = { maxAgeMs: 60_000 };
    const topic = {
      partitions: 1,
      compression: 'none',
      writers: 'many',
      retention,
      requiredGroups: ['store'],
    } as const;
    const { queue } = await open({ topics: { raw: topic } });
    const writer = await queue.openWriter(raw);
    for (const value of ['a', 'b', 'c']) await writer.append(batchOf([{ value, timestampMs: 1_000 }]));
    await writer.append(batchOf([{ value: 'new', timestampMs: Date.now() }]));
    const reader = queue.openReader(raw);
    await queue.retain();
    expect(await reader.earliestOffset()).toBe(0);
    const store = await TestMember.join(queue, 'store');
    await store.commit(raw, 2);
    await queue.retain();
    expect(await reader.earliestOffset()).toBe(2);
    await store.commit(raw, 4);
    await queue.retain();
    expect(await reader.earliestOffset()).toBe(3);
    await expect(reader.read(offset(1))).rejects.toMatchObject({
      code: 'QUEUE_OFFSET_OUT_OF_RANGE',
      details: { earliest: 3, lost: 2 },
    });
    expect(await readAll(reader, 3)).toEqual([{ offset: 3, value: 'new' }]);
  });

  it.each([
    ['before', -3],
    ['after', 3],
  ])('does not ask a broker what time it is: with a clock that is days %s theirs all is as ever', async (_, days) => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + days * DAY_MS });
    const retention = { maxAgeMs: DAY_MS };
    const topics = { raw: { partitions: 1, compression: 'none', writers: 'many', retention } } as const;
    const { queue } = await open({ topics });
    const writer = await queue.openWriter(raw);
    const now = Date.now();
    for (const [value, ageDays] of Object.entries({ old: 1.5, young: 0.5, new: 0 })) {
      await writer.append(batchOf([{ value, timestampMs: now - ageDays * DAY_MS }]));
    }
    const reader = queue.openReader(raw);
    expect(await reader.offsetAtTime(now - DAY_MS)).toBe(1);
    expect(await reader.offsetAtTime(now)).toBe(2);
    const member = await TestMember.join(queue, 'store');
    await member.commit(raw, 1);
    await queue.retain();
    await expect(reader.read(offset(0))).rejects.toMatchObject({ code: 'QUEUE_OFFSET_OUT_OF_RANGE' });
    expect((await readAll(reader, 1)).map(({ value }) => value)).toEqual(['young', 'new']);
    expect(await member.committed(raw)).toBe(1);
  });

  it('lets several processes append to one partition, each in its order', async () => {
    const topics = { raw: { partitions: 1, compression: 'none', writers: 'many' } } as const;
    const { queue, prefix } = await open({ topics });
    const { queue: other } = await open({ topics, prefix });
    const writers = [await queue.openWriter(raw), await other.openWriter(raw)];
    const appends = Array.from({ length: 50 }, (_, i) =>
      writers.map((writer, w) => writer.append(values(`${w}-${i}`))),
    );
    await Promise.all(appends.flat());
    const found = (await readAll(queue.openReader(raw), 0)).map(({ value }) => value);
    expect(found).toHaveLength(100);
    for (const w of [0, 1]) {
      const own = found.filter((value) => value.startsWith(`${w}-`));
      expect(own).toEqual(Array.from({ length: 50 }, (_, i) => `${w}-${i}`));
    }
  });

  it('gives an added partition to a group when it has read what sources wrote before they moved', async () => {
    const { queue, prefix } = await open();
    const { queue: other } = await open({ prefix });
    const writer = await queue.openWriter(raw);
    await writer.append(values('a', 'b'));
    const member = await TestMember.join(other, 'store');
    expect(member.keys).toEqual(['raw/0', 'raw/1']);
    let told = '';
    other.onPartitions((topic) => {
      told = topic;
    });
    await queue.raisePartitions({ raw: 3 });
    await expect.poll(() => told).toBe('raw');
    expect(other.layout('raw')).toEqual({ partitions: 3, firstPartitions: 2, unbarred: [2] });
    await queue.registerBarrier('raw', [offset(2), offset(0), offset(0)]);
    await member.commit(raw, 1);
    await (await queue.openWriter(added)).append(values('moved'));
    // It would have been given by then.
    await expect.poll(() => other.layout('raw').unbarred).toEqual([]);
    expect(member.keys).toEqual(['raw/0', 'raw/1']);
    await member.commit(raw, 2);
    await member.commit({ topic: 'raw', partition: 1 }, 0);
    await expect.poll(() => member.keys, { timeout: 20_000 }).toEqual(['raw/0', 'raw/1', 'raw/2']);
    expect(await readAll(other.openReader(added), 0)).toEqual([{ offset: 0, value: 'moved' }]);
  });

  it('knows of a topic as soon as it is asked for, also while it was just asking for others', async () => {
    const [{ queue }, { prefix }] = [await open(), await open()];
    const asking = queue.cluster.refresh();
    queue.cluster.follow([`${prefix}raw`]);
    await queue.cluster.refresh();
    expect(queue.cluster.topic(`${prefix}raw`)).toBeDefined();
    await asking;
  });

  it('says who is there, and lets members of a group write to one thing only', async () => {
    const { queue, prefix } = await open();
    const { queue: other } = await open({ prefix });
    expect(await queue.memberCount('store')).toBe(0);
    await queue.claim('store', 'index a');
    const member = await TestMember.join(queue, 'store');
    expect(await other.memberCount('store')).toBe(1);
    await other.claim('store', 'index a');
    await expect(other.claim('store', 'index b')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/index a.*index b/),
    });
    await member.leave();
    await other.claim('store', 'index b');
    expect([await queue.record.name('one'), await other.record.name('another')]).toEqual(['one', 'one']);
  });

  it('lets a process that is started again after a crash have at once what the one before had', async () => {
    const notes = await mkdtemp(join(tmpdir(), 'spillway-notes-'));
    const { queue, prefix } = await open({ notes });
    const crashed = await TestMember.join(queue, 'store');
    expect(crashed.keys).toEqual(['raw/0', 'raw/1']);
    // As after a crash: nobody says that it leaves.
    await queue.cluster.close();
    const { queue: again } = await open({ prefix, notes });
    const began = performance.now();
    const member = await TestMember.join(again, 'store');
    await expect.poll(() => member.keys, { timeout: 30_000 }).toEqual(['raw/0', 'raw/1']);
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(await again.memberCount('store')).toBe(1);

    // Brokers have taken it for dead: it joins as another one, for whom the next process says it then.
    const { id } = member.member;
    const group = again.nameOf('store');
    const leaving = [group, id, -1, null, null, -1, null, null, null, null] as const;
    await again.cluster.askCoordinator('group', group, { doing: 'leaving' }, groupHeartbeat, ...leaving);
    const noted = () => readFile(join(notes, 'member-of-store'), 'utf8');
    await expect.poll(noted, { timeout: 30_000 }).not.toBe(id);
    expect(await noted()).toBe(member.member.id);
    await expect.poll(() => member.keys, { timeout: 30_000 }).toEqual(['raw/0', 'raw/1']);
    expect(await again.memberCount('store')).toBe(1);
    await member.leave();
    expect(await readdir(notes)).toEqual([]);
    await rm(notes, { recursive: true });
  });

  it('adds partitions at a start only where that is allowed', async () => {
    const topics = (partitions: number) => ({ raw: { partitions, compression: 'none', writers: 'many' } }) as const;
    const { prefix } = await open({ topics: topics(1) });
    const { queue } = await open({ prefix, topics: topics(3), mayGrow: () => false });
    expect(queue.partitionCount('raw')).toBe(1);
    const { queue: grown } = await open({ prefix, topics: topics(3), mayGrow: () => Promise.resolve(true) });
    expect(grown.partitionCount('raw')).toBe(3);
  });

  it('says where topics are and how far groups have come', async () => {
    const { queue } = await open();
    await (await queue.openWriter(raw)).append(batchOf([{ value: 'a', timestampMs: 5_000 }, { value: 'b' }]));
    const member = await TestMember.join(queue, 'store');
    await member.commit(raw, 1);
    const topics = await topicStatesOf(queue);
    expect(topics.map(({ topic }) => topic)).toEqual(['events', 'raw']);
    expect(topics[1]?.partitions[0]).toMatchObject({ earliestOffset: 0, endOffset: 2, oldestMs: 5_000 });
    expect(topics[1]?.partitions[0]?.bytes).toBeGreaterThan(60);
    const [store] = await groupStatesOf(queue, { store: ['raw'] });
    expect(store).toMatchObject({ group: 'store', members: 1 });
    expect(store?.partitions[0]).toMatchObject({ committed: 1, endOffset: 2, lag: 1, member: member.member.id });
    expect(store?.partitions[0]?.lagMs).toBeGreaterThan(0);
  });
});
