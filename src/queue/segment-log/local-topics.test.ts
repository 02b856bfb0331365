import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { keepAtRandom, keepEverything, keepNothing } from '../../lib/memory-disk-crash.ts';
import { Random } from '../../lib/random.ts';
import { changeTopic, type TopicSettings } from '../created/catalogue.ts';
import { batchOf, readAll, TestMember, values } from '../test-records.ts';
import { CatalogueFile } from './catalogue-file.ts';
import { LocalCoordinator } from './coordinator.ts';
import { createdTopicOptions, LocalTopics } from './local-topics.ts';
import { MarkBoard } from './marks.ts';
import { openSegmentLog } from './queue.ts';

const DIRECTORY = '/queue';
const TOPIC = 'shop.orders';
const AT = { topic: TOPIC, partition: 0 };
const GROUP = 'shop.billing';
const HOUR_MS = 3_600_000;
const log = pino({ level: 'silent' });
const settings = (change: Partial<TopicSettings> = {}): TopicSettings => ({
  partitions: 1,
  retention: { maxAgeMs: HOUR_MS, maxBytes: 2 ** 40 },
  requiredGroups: [],
  ...change,
});

async function open(disk: MemoryDisk, now: () => number = () => 1_000) {
  const clock = { now };
  const file = await CatalogueFile.open(disk, DIRECTORY);
  const common = { directory: DIRECTORY, disk, log, clock };
  const coordinator = await LocalCoordinator.open({ ...common, floor: () => file.state.floor });
  const marks = new MarkBoard();
  const created = (topic: string) => createdTopicOptions(file.state, topic);
  const queue = openSegmentLog({ ...common, topics: {}, created, coordinator, marks, segmentBytes: 1 });
  await queue.prepare();
  const topics = await LocalTopics.open({ ...common, file, coordinator });
  const close = async () => {
    await queue.close();
    await topics.close();
    await coordinator.close();
  };
  const remove = async (topic: string) => {
    await topics.beginDeletion(topic);
    await topics.endDeletion(topic);
    marks.forget(topic);
  };
  return { queue, topics, coordinator, marks, file, close, remove };
}

describe('a topic that a user created', () => {
  it('has the partitions that were added to it, and groups read them, wherever a crash came between', async () => {
    const disk = new MemoryDisk();
    const before = await open(disk);
    await before.topics.createTopic(TOPIC, settings());
    await before.topics.addGroup(GROUP, [TOPIC]);
    const member = await TestMember.join(before.queue, GROUP, [TOPIC]);
    await before.topics.changeTopic(TOPIC, { partitions: 3 });
    const all = [0, 1, 2].map((partition) => `${TOPIC}/${partition}`);
    await vi.waitFor(() => expect(member.keys).toEqual(all), { timeout: 30_000 });
    // Again changes nothing; fewer are refused.
    await before.topics.changeTopic(TOPIC, { partitions: 3 });
    await expect(before.topics.changeTopic(TOPIC, { partitions: 2 })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    // The catalogue was written, and the power went before anything else was.
    await before.file.change((state) => changeTopic(state, TOPIC, { partitions: 5 }));
    await before.close();
    const after = await open(disk);
    expect(after.queue.layout(TOPIC)).toMatchObject({ partitions: 5, unbarred: [] });
    await (await after.queue.openWriter({ topic: TOPIC, partition: 4 })).append(values('a'));
    const next = await TestMember.join(after.queue, GROUP, [TOPIC]);
    const more = [...all, `${TOPIC}/3`, `${TOPIC}/4`];
    await vi.waitFor(() => expect(next.keys).toEqual(more), { timeout: 30_000 });
    await after.close();
  });

  it('is there after a restart, with its records, its settings and what groups have committed', async () => {
    const disk = new MemoryDisk();
    const before = await open(disk);
    await before.topics.createTopic(TOPIC, settings());
    await before.topics.addGroup(GROUP, [TOPIC]);
    const writer = await before.queue.openWriter(AT);
    await writer.append(values('a', 'b'));
    const member = await TestMember.join(before.queue, GROUP, [TOPIC]);
    await member.commit(AT, 1);
    await before.close();
    const after = await open(disk);
    expect(after.topics.catalogue.topics[TOPIC]).toMatchObject(settings());
    await after.queue.openWriter(AT);
    expect(await readAll(after.queue.openReader(AT), 0)).toMatchObject([{ value: 'a' }, { value: 'b' }]);
    expect(await after.coordinator.committed(GROUP, AT)).toBe(1);
    await after.close();
  });

  it('that is deleted is gone for its members, and one of the same name shares nothing with it', async () => {
    const disk = new MemoryDisk();
    const { queue, topics, coordinator, marks, remove, close } = await open(disk);
    await topics.createTopic(TOPIC, settings());
    const first = await queue.openWriter(AT);
    await first.append(values('old'));
    const member = await TestMember.join(queue, GROUP, [TOPIC]);
    const old = member.held(AT);
    await member.commit(AT, 1);
    const epoch = marks.get(AT)?.epoch ?? 0;
    await first.close();
    await remove(TOPIC);
    await expect.poll(() => old.isLost).toBe(true);
    expect(disk.files().filter((name) => name.includes(TOPIC))).toEqual([]);
    await expect(queue.openWriter(AT)).rejects.toMatchObject({ code: 'NOT_FOUND' });

    await topics.createTopic(TOPIC, settings());
    const second = await queue.openWriter(AT);
    expect(marks.get(AT)?.epoch).toBeGreaterThan(epoch);
    expect(second.nextOffset).toBe(0);
    expect(await coordinator.committed(GROUP, AT)).toBeUndefined();
    await second.append(values('new'));
    expect(await readAll(queue.openReader(AT), 0)).toMatchObject([{ offset: 0, value: 'new' }]);
    await expect.poll(() => member.held(AT).generation).toBeGreaterThan(old.generation);
    await expect(old.commit(1 as never)).rejects.toMatchObject({ code: 'QUEUE_FENCED' });
    await close();
  });

  it('keeps what a required group has not read, and only that of a required one', async () => {
    let nowMs = 0;
    const disk = new MemoryDisk();
    const { queue, topics, close } = await open(disk, () => nowMs);
    await topics.createTopic(TOPIC, settings({ requiredGroups: [GROUP] }));
    await topics.addGroup(GROUP, [TOPIC]);
    const writer = await queue.openWriter(AT);
    for (let hour = 0; hour < 6; hour++) {
      nowMs = hour * HOUR_MS;
      await writer.append(batchOf([{ value: `${hour}`, timestampMs: nowMs }]));
    }
    const reader = queue.openReader(AT);
    nowMs = 100 * HOUR_MS;
    await queue.retain();
    expect(await reader.earliestOffset()).toBe(0);
    const member = await TestMember.join(queue, GROUP, [TOPIC]);
    await member.commit(AT, 4);
    await queue.retain();
    expect(await reader.earliestOffset()).toBe(4);
    await topics.changeTopic(TOPIC, { requiredGroups: [] });
    await queue.retain();
    expect(await reader.earliestOffset()).toBe(6);
    await close();
  });

  it('has a group that is set and forgotten only while it has no members', async () => {
    const { queue, topics, coordinator, close } = await open(new MemoryDisk());
    await topics.createTopic(TOPIC, settings());
    await topics.resetOffset(GROUP, AT, 7);
    expect(await coordinator.committed(GROUP, AT)).toBe(7);
    const member = await TestMember.join(queue, GROUP, [TOPIC]);
    await expect(topics.resetOffset(GROUP, AT, 0)).rejects.toMatchObject({ code: 'GROUP_IN_USE' });
    await expect(topics.removeGroup(GROUP)).rejects.toMatchObject({ code: 'GROUP_IN_USE' });
    const { id } = member.member;
    const { generation } = member.held(AT);
    await member.leave();
    await topics.removeGroup(GROUP);
    expect(await coordinator.committed(GROUP, AT)).toBeUndefined();
    const again = await TestMember.join(queue, GROUP, [TOPIC]);
    // A member of before can be taken for none of now.
    expect(again.member.id).not.toBe(id);
    expect(again.held(AT).generation).toBeGreaterThan(generation);
    await close();
  });
});

describe('a power cut at any operation', () => {
  /** What was told to be done, in order. */
  async function work(disk: MemoryDisk, done: string[]): Promise<void> {
    const opened = await open(disk).catch(() => undefined);
    if (opened === undefined) return;
    const { queue, topics, remove, close } = opened;
    try {
      await topics.createTopic(TOPIC, settings());
      done.push('created');
      await topics.addGroup(GROUP, [TOPIC]);
      const writer = await queue.openWriter(AT);
      await writer.append(values('kept'));
      done.push('appended');
      await topics.resetOffset(GROUP, AT, 1);
      done.push('committed');
      await writer.close();
      await remove(TOPIC);
      done.push('deleted');
      await topics.createTopic(TOPIC, settings({ partitions: 2 }));
      done.push('created again');
    } catch {
      disk.cutPower();
    }
    await close().catch(() => undefined);
  }

  async function check(disk: MemoryDisk, done: readonly string[]): Promise<void> {
    const { queue, topics, coordinator, close } = await open(disk);
    const known = topics.catalogue.topics[TOPIC];
    const last = done.at(-1);
    if (last === 'created again') expect(known?.partitions).toBe(2);
    if (last === 'created' || last === 'appended') expect(known?.partitions).toBe(1);
    if (known === undefined) {
      expect([undefined, 'committed', 'deleted']).toContain(last);
      expect(await coordinator.committed(GROUP, AT)).toBeUndefined();
      expect(disk.files().filter((name) => name.includes(`${TOPIC}/`))).toEqual([]);
    } else {
      expect(known.isDeleting).toBe(false);
      await queue.openWriter(AT);
      const found = (await readAll(queue.openReader(AT), 0)).map(({ value }) => value);
      if (known.partitions === 2) expect(found).toEqual([]);
      else if (done.includes('appended')) expect(found).toEqual(['kept']);
      if (known.partitions === 1 && done.includes('committed')) expect(await coordinator.committed(GROUP, AT)).toBe(1);
      if (known.partitions === 2) expect(await coordinator.committed(GROUP, AT)).toBeUndefined();
    }
    // Whatever it was, it can be done to its end.
    if (known !== undefined) {
      await queue.close();
      await topics.beginDeletion(TOPIC);
      await topics.endDeletion(TOPIC);
    }
    await topics.createTopic(TOPIC, settings());
    await close();
  }

  it('leaves a topic that is there with all of it, or is not there at all', async () => {
    const whole = new MemoryDisk();
    const all: string[] = [];
    await work(whole, all);
    expect(all.at(-1)).toBe('created again');
    const seed = Date.now() % 1_000_000;
    for (let operation = 1; operation <= whole.operations; operation++) {
      for (const when of ['before', 'after'] as const) {
        const random = new Random(seed * 10_000 + operation).next;
        for (const [name, keep] of Object.entries({ keepNothing, keepEverything, random: keepAtRandom(random) })) {
          const disk = new MemoryDisk({ fault: ({ number }) => (number === operation ? { crash: when } : undefined) });
          const done: string[] = [];
          await work(disk, done);
          await check(disk.afterCrash(keep), done).catch((cause: unknown) => {
            throw new Error(`crash ${when} operation ${operation}, ${name}, seed ${seed}, done: ${done}`, { cause });
          });
        }
      }
    }
    console.info(`power cuts at ${whole.operations} operations, seed ${seed}`);
  }, 180_000);
});
