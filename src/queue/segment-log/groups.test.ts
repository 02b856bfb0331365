/**
 * Workers that come, go, die and come back as zombies at random, while records arrive and partitions are added: a minute
 * of a driven clock in each run. What counts is what they could commit: that must be every record once, in order, also
 * for each source over its move to another partition. SPILLWAY_TEST_GROUPS_SECONDS is how long there are new runs,
 * SPILLWAY_TEST_SEED repeats one.
 */
import { expect, it } from 'vitest';
import { RecordCursor } from '../../event/record-batch.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { Random } from '../../lib/random.ts';
import {
  type AssignedPartition,
  type GroupMember,
  offset,
  type PartitionReader,
  type PartitionWriter,
} from '../port.ts';
import { values } from '../test-records.ts';
import type { Coordinator } from './coordinator.ts';
import { openSegmentLog, type SegmentLogQueue } from './queue.ts';
import { openTestLog, recordingLog, type TestLog } from './test-log.ts';

const SECONDS = Number(process.env.SPILLWAY_TEST_GROUPS_SECONDS ?? 3);
const WORKERS = 8;
const SOURCES = 40;
const MINUTE_MS = 60_000;
const GROUP = 'store';
const TOPICS = { raw: { partitions: 5, compression: 'none' } } as const;
/** How many partitions there are from which part of the minute on. */
const ADDITIONS = [
  [0.3, 9],
  [0.6, 14],
] as const;

/** A worker's line to the coordinator; nothing passes while it is cut. */
function lineTo(coordinator: Coordinator, line: { isCut: boolean }): Coordinator {
  const through = <T>(ask: () => Promise<T>): Promise<T> =>
    line.isCut ? Promise.reject(new SpillwayError('UNAVAILABLE', 'the line is cut')) : ask();
  return {
    nextEpoch: (at) => through(() => coordinator.nextEpoch(at)),
    layout: (topic) => coordinator.layout(topic),
    onLayout: (listener) => coordinator.onLayout(listener),
    raisePartitions: (counts) => through(() => coordinator.raisePartitions(counts)),
    registerBarrier: (topic, ends) => through(() => coordinator.registerBarrier(topic, ends)),
    join: (group, topics) => through(() => coordinator.join(group, topics)),
    heartbeat: (group, member) => through(() => coordinator.heartbeat(group, member)),
    release: (group, at, generation) => through(() => coordinator.release(group, at, generation)),
    leave: (group, member) => through(() => coordinator.leave(group, member)),
    onNews: (listener) => coordinator.onNews((group, member) => line.isCut || listener(group, member)),
    committed: (group, at) => through(() => coordinator.committed(group, at)),
    commit: (group, at, generation, position) => through(() => coordinator.commit(group, at, generation, position)),
  };
}

interface Work {
  readonly assigned: AssignedPartition;
  readonly reader: PartitionReader;
  committed: number;
  position: number;
  values: string[];
}

/** What was committed, and by whom: all that must be right. */
class Account {
  /** By partition, the offset up to which records were committed. */
  readonly ends = new Map<number, number>();
  /** By partition, the newest generation that anybody was given. */
  readonly #newest = new Map<number, number>();
  readonly #given = new Set<string>();
  readonly bySource = new Map<string, number>();
  records = 0;
  fenced = 0;

  begun(partition: number, generation: number, at: number): void {
    // Exactly what was committed before: nothing is skipped, and only what was uncommitted is done again.
    expect(at, `start of generation ${generation} of ${partition}`).toBe(this.ends.get(partition) ?? 0);
    // No two have been given the same; an older one is a zombie's, who cannot commit.
    const key = `${partition} ${generation}`;
    expect(this.#given.has(key), `generation ${generation} of ${partition} was given before`).toBe(false);
    this.#given.add(key);
    this.#newest.set(partition, Math.max(generation, this.#newest.get(partition) ?? 0));
  }

  committed({ assigned: { partition, generation }, committed: from, position: to, values: texts }: Work): void {
    expect(generation, `commit of ${partition}`).toBe(this.#newest.get(partition));
    expect(from, `commit of ${partition}`).toBe(this.ends.get(partition) ?? 0);
    this.ends.set(partition, to);
    for (const text of texts) {
      const [source = '', number] = text.split(' ');
      expect(Number(number), `order of ${source}`).toBe(this.bySource.get(source) ?? 0);
      this.bySource.set(source, Number(number) + 1);
      this.records++;
    }
  }
}

class Worker {
  readonly #queue: SegmentLogQueue;
  readonly #account: Account;
  readonly #random: () => number;
  readonly #line: { isCut: boolean };
  readonly #work = new Map<number, Work>();
  #begun: AssignedPartition[] = [];
  #member: GroupMember | undefined;

  constructor(log: TestLog, account: Account, random: () => number) {
    this.#line = { isCut: false };
    this.#account = account;
    this.#random = random;
    const { marks, disk } = log;
    const coordinator = lineTo(log.coordinator, this.#line);
    this.#queue = openSegmentLog({
      directory: '/queue',
      topics: TOPICS,
      coordinator,
      marks,
      disk,
      log: recordingLog([]),
    });
  }

  async heartbeat(): Promise<void> {
    await this.#queue.heartbeat();
  }

  async step(mayLeave: boolean): Promise<void> {
    const dice = this.#random();
    if (this.#line.isCut) {
      // For longer than a session sometimes: then it comes back as a zombie.
      if (!mayLeave || dice < 0.01) {
        this.#line.isCut = false;
        for (const work of [...this.#work.values()]) await this.#commit(work);
      }
    } else if (this.#member === undefined) {
      if (!mayLeave || dice < 0.2) await this.#join();
    } else if (mayLeave && dice < 0.02) this.#line.isCut = true;
    else if (mayLeave && dice < 0.06) return this.#leave();
    await this.#workOn();
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }

  async #join(): Promise<void> {
    this.#member = await this.#queue.joinGroup(GROUP, {
      topics: ['raw'],
      onAssigned: (assigned) => void this.#begun.push(assigned),
    });
  }

  async #leave(): Promise<void> {
    for (const work of this.#work.values()) if (this.#random() < 0.7) await this.#commit(work);
    await this.#member?.leave();
    this.#member = undefined;
    this.#begun = [];
    this.#work.clear();
  }

  async #workOn(): Promise<void> {
    for (const assigned of this.#begun.splice(0)) await this.#begin(assigned);
    for (const work of [...this.#work.values()]) {
      if (work.assigned.revoked.aborted) await this.#giveUp(work);
      else if (this.#random() < 0.5) await this.#process(work);
    }
  }

  async #begin(assigned: AssignedPartition): Promise<void> {
    const { partition, generation } = assigned;
    if (this.#line.isCut) {
      this.#begun.push(assigned);
      return;
    }
    const committed = await assigned.committed();
    // It was taken away before it was begun.
    if (assigned.isLost) return;
    this.#account.begun(partition, generation, committed ?? 0);
    const reader = this.#queue.openReader({ topic: 'raw', partition });
    this.#work.set(partition, { assigned, reader, committed: committed ?? 0, position: committed ?? 0, values: [] });
  }

  async #process(work: Work): Promise<void> {
    const { batches } = await work.reader.read(offset(work.position), {
      maxBytes: 1 + Math.floor(this.#random() * 400),
    });
    for (const { bytes } of batches) {
      const record = new RecordCursor(bytes);
      while (record.next()) {
        if (record.offset < work.position) continue;
        work.values.push(record.value().toString());
        work.position = record.offset + 1;
      }
    }
    if (this.#random() < 0.6) await this.#commit(work);
  }

  async #giveUp(work: Work): Promise<void> {
    if (!work.assigned.isLost && this.#random() < 0.7) await this.#commit(work);
    this.#forget(work);
    await work.assigned.release();
  }

  #forget(work: Work): void {
    if (this.#work.get(work.assigned.partition) === work) this.#work.delete(work.assigned.partition);
  }

  async #commit(work: Work): Promise<void> {
    if (work.position === work.committed) return;
    try {
      await work.assigned.commit(offset(work.position));
      this.#account.committed(work);
      work.committed = work.position;
      work.values = [];
    } catch (thrown) {
      if (!(thrown instanceof SpillwayError)) throw thrown;
      if (thrown.code !== 'QUEUE_FENCED') return;
      this.#account.fenced++;
      this.#forget(work);
    }
  }
}

/** Sources write to the partition that they are mapped to; an addition moves some of them. */
class Sources {
  readonly #log: TestLog;
  readonly #random: () => number;
  readonly #writers: PartitionWriter[] = [];
  readonly #numbers = Array.from({ length: SOURCES }, () => 0);
  readonly #places = Array.from({ length: SOURCES }, (_, source) => source % TOPICS.raw.partitions);
  /** Ends that are the barrier, and are not registered yet. */
  #barrier: number[] | undefined;

  constructor(log: TestLog, random: () => number) {
    this.#log = log;
    this.#random = random;
  }

  get count(): number {
    return this.#numbers.reduce((sum, number) => sum + number, 0);
  }

  ends(): number[] {
    return this.#writers.map(({ nextOffset }) => nextOffset);
  }

  async open(partitions: number): Promise<void> {
    const before = this.#writers.length;
    if (before > 0) {
      await this.register();
      await this.#log.coordinator.raisePartitions({ raw: partitions });
    }
    while (this.#writers.length < partitions) {
      this.#writers.push(await this.#log.queue.openWriter({ topic: 'raw', partition: this.#writers.length }));
    }
    if (before === 0) return;
    for (const source of this.#places.keys()) {
      if (this.#random() < 0.4) this.#places[source] = before + Math.floor(this.#random() * (partitions - before));
    }
    this.#barrier = this.ends();
  }

  /** Some time after the move: meanwhile the sources go on. */
  async register(): Promise<void> {
    const barrier = this.#barrier;
    this.#barrier = undefined;
    if (barrier !== undefined) await this.#log.queue.registerBarrier('raw', barrier.map(offset));
  }

  async write(): Promise<void> {
    const appends: Promise<unknown>[] = [];
    for (const [source, place] of this.#places.entries()) {
      if (this.#random() > 0.3) continue;
      const number = this.#numbers[source] ?? 0;
      this.#numbers[source] = number + 1;
      appends.push(this.#writers[place]?.append(values(`s${source} ${number}`)) ?? Promise.resolve());
    }
    await Promise.all(appends);
  }
}

/** One minute; how many records there were, and how many commits of zombies were refused. */
async function liveOneMinute(seed: number): Promise<Account> {
  const random = new Random(seed).next;
  let nowMs = 0;
  const disk = new MemoryDisk();
  const log = await openTestLog({ disk, topics: TOPICS, clock: { now: () => nowMs } });
  const account = new Account();
  const sources = new Sources(log, random);
  await sources.open(TOPICS.raw.partitions);
  const workers = Array.from({ length: WORKERS }, () => new Worker(log, account, random));
  const additions = [...ADDITIONS];
  const round = async (mayLeave: boolean) => {
    nowMs += Math.floor(random() * 400);
    await log.coordinator.tick();
    for (const worker of workers) {
      if (random() < 0.5) await worker.heartbeat();
      if (random() < 0.6) await worker.step(mayLeave);
    }
  };
  while (nowMs < MINUTE_MS) {
    const [part, partitions] = additions[0] ?? [];
    if (part !== undefined && partitions !== undefined && nowMs > part * MINUTE_MS) {
      additions.shift();
      await sources.open(partitions);
    }
    if (random() < 0.5) await sources.write();
    if (random() < 0.05) await sources.register();
    await round(true);
  }
  await sources.register();
  const isDone = () => account.records === sources.count;
  for (let rounds = 0; !isDone() && rounds < 2_000; rounds++) await round(false);
  const ends = sources.ends();
  expect(ends.map((_, partition) => account.ends.get(partition) ?? 0)).toEqual(ends);
  expect(isDone()).toBe(true);
  for (const worker of workers) await worker.close();
  await log.close();
  return account;
}

it(
  `loses, repeats and disorders nothing with ${WORKERS} workers that join and leave at random`,
  async () => {
    const first = Number(process.env.SPILLWAY_TEST_SEED ?? Date.now() % 1_000_000);
    const endMs = performance.now() + SECONDS * 1_000;
    let runs = 0;
    let records = 0;
    let fenced = 0;
    do {
      const seed = first + runs++;
      const account = await liveOneMinute(seed).catch((cause: unknown) => {
        throw new Error(`SPILLWAY_TEST_SEED=${seed}: ${messageOf(cause)}`, { cause });
      });
      records += account.records;
      fenced += account.fenced;
    } while (runs < 5 || performance.now() < endMs);
    console.info(`${runs} minutes from seed ${first} on, ${records} records, ${fenced} commits refused`);
    expect(records).toBeGreaterThan(1_000 * runs);
    expect(fenced).toBeGreaterThan(0);
  },
  SECONDS * 1_000 + 60_000,
);
