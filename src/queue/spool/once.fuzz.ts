/**
 * Processes that keep records while their queue stands still, and stop, are killed, or lose their power at any moment: what
 * was acknowledged is in the queue once and in order, whatever of it the queue had taken without being able to say so.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SPOOL_LIMITS } from '../../lib/limits.ts';
import { createLog } from '../../lib/log.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { keepAtRandom, keepEverything } from '../../lib/memory-disk-crash.ts';
import { Random } from '../../lib/random.ts';
import type { PartitionWriter, Queue } from '../port.ts';
import { values } from '../test-records.ts';
import { SpoolingQueue } from './spooling-queue.ts';
import { IdempotentPartition, PartitionDirectWriter } from './testing/idempotent-partition.ts';

const FIRST_SEED = Number(process.env.SPILLWAY_TEST_SEED ?? Date.now() % 1_000_000_000);
const SEEDS = Number(process.env.SPILLWAY_TEST_SEEDS ?? 60);
const LIVES = 4;
const log = createLog('test', 'fatal');
const raw = { topic: 'raw', partition: 0 };

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

/** One process: its queue, and what it accepts. */
async function open(direct: PartitionDirectWriter, disk: MemoryDisk) {
  const queue: Partial<Queue> = {
    partitionCount: () => 1,
    layout: () => ({ partitions: 1, firstPartitions: 1, unbarred: [] }),
    openWriter: async () => direct,
    close: async () => {},
  };
  const opened = { queue: queue as Queue, directory: '/', topics: ['raw'], log, disk, spoolAfterMs: 1 };
  const spooling = await SpoolingQueue.open(opened);
  return { spooling, writer: await spooling.openWriter(raw) };
}

class World {
  readonly partition = new IdempotentPartition();
  readonly acknowledged: number[] = [];
  readonly random: Random;
  /** Its disk has no room now and then. What is sent cannot be noted then, so it may be there twice. */
  readonly isShort: boolean;
  disk = new MemoryDisk();
  #next = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.isShort = this.random.chance(0.3);
  }

  async live(): Promise<void> {
    const { random } = this;
    const direct = new PartitionDirectWriter(this.partition);
    let cutAt = random.chance(0.4) ? random.between(1, 250) : 0;
    const fullFrom = this.isShort && random.chance(0.5) ? random.between(1, 250) : Number.POSITIVE_INFINITY;
    const fullTo = fullFrom + random.below(20);
    // Of its own: operations may come in another order the next time.
    const ofDisk = new Random(random.below(1_000_000));
    this.disk.options = {
      fault: ({ number, kind, path }) => {
        const isNote = path.includes('producers.json');
        // What is under way is put into the log just then.
        if (isNote && kind === 'rename' && ofDisk.chance(0.15)) cutAt = number + ofDisk.between(1, 6);
        if (number === cutAt) {
          direct.kill();
          return { crash: 'after' };
        }
        const isFull = isNote ? this.isShort && ofDisk.chance(0.3) : number >= fullFrom && number < fullTo;
        return kind === 'write' && isFull ? { error: 'ENOSPC' } : undefined;
      },
    };
    const process = await open(direct, this.disk).catch(() => undefined);
    if (process !== undefined) {
      await this.#accept(process.writer);
      if (random.chance(0.5)) await process.spooling.close().catch(() => {});
    }
    direct.kill();
    this.disk.cutPower();
    // Nothing of it comes to the disk or the queue any more.
    await process?.spooling.close().catch(() => {});
    vi.clearAllTimers();
    this.disk = this.disk.afterCrash(random.chance(0.5) ? keepEverything : keepAtRandom(random.next));
  }

  async #accept(writer: PartitionWriter): Promise<void> {
    const { random, partition } = this;
    for (let step = 0; step < 30; step++) {
      if (random.chance(0.2)) partition.isPaused = !partition.isPaused;
      if (random.chance(0.5)) vi.advanceTimersByTime(SPOOL_LIMITS.lookMs);
      const count = random.below(8);
      for (let i = 0; i < count; i++) {
        const records = Array.from({ length: random.between(1, 3) }, () => this.#next++);
        const batch = values(...records.map(String));
        void writer.append(batch).then(
          () => this.acknowledged.push(...records),
          () => {},
        );
      }
      for (let turns = random.below(12); turns > 0; turns--) await nextTurn();
    }
  }

  /** What is there in the end. */
  async settle(): Promise<number[]> {
    const { partition } = this;
    this.disk.options = {};
    partition.isPaused = false;
    const { spooling } = await open(new PartitionDirectWriter(partition), this.disk);
    for (let i = 0; spooling.spooling > 0 && i < 10_000; i++) await nextTurn();
    await partition.settled();
    expect(spooling.spooling).toBe(0);
    await spooling.close();
    return partition.texts.map(Number);
  }
}

it(`what was acknowledged is there once and in order, over ${LIVES} lives that end anyhow`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const world = new World(seed);
    for (let life = 0; life < LIVES; life++) await world.live();
    const all = await world.settle();
    const found = world.isShort ? [...new Set(all)] : all;
    const acknowledged = new Set(world.acknowledged);
    const expected = [...acknowledged].sort((a, b) => a - b);
    expect(
      found.filter((record) => acknowledged.has(record)),
      `SPILLWAY_TEST_SEED=${seed}`,
    ).toEqual(expected);
    expect(world.partition.renewed, `sequences that did not fit, SPILLWAY_TEST_SEED=${seed}`).toBe(0);
  }
}, 60_000);
