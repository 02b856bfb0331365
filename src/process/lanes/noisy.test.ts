/** A noisy tenant and a small one in one partition of `raw`, through a processor whose store is a stand-in. */
import { Registry } from 'prom-client';
import { describe, expect, it, vi } from 'vitest';
import type { StoredEvent } from '../../event/event.ts';
import { TOPICS } from '../../event/topics.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { keepEverything, keepNothing } from '../../lib/memory-disk-crash.ts';
import type { Queue } from '../../queue/port.ts';
import type { TestLog } from '../../queue/segment-log/test-log.ts';
import { addUp, openWorld, readBack, type SentRecord, SYSLOG, send, startProcessor } from '../testing/world.ts';

const WAIT = { timeout: 60_000, interval: 50 };
const EVERY = 40;
/** So that few records make a read, and there are many. */
const LARGE = 'x'.repeat(4_000);
/** The small tenant's records are fewer than what makes one noisy. */
const WINDOW = 60;
const COUNT = 560;
const STORED_AT_ONCE = 20;

const tenantOf = (i: number): string => (i % EVERY === 3 ? 'small' : 'loud');

/** `count` records, some of the small tenant, one of eleven poison. */
function records(count: number): SentRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    value: `<13>1 2026-11-23T19:42:54Z web app ${i} - - ${i % 11 === 7 ? 'poison' : 'fine'} ${i} ${LARGE}`,
    meta: { ...SYSLOG, tenant: tenantOf(i) },
  }));
}

const idsOf = (count: number, tenant: string, what: 'poison' | 'fine'): string[] =>
  Array.from({ length: count }, (_, i) => i)
    .filter((i) => tenantOf(i) === tenant && (i % 11 === 7) === (what === 'poison'))
    .map((i) => `local.raw.0.${i}.0`);

const idsIn = (events: readonly StoredEvent[], tenant: string): string[] =>
  events.filter((event) => event.tenant === tenant).map(({ id }) => id);

/** Like a store that takes a few events between two questions. */
function followingStore(queue: Queue): (partition: number) => Promise<number | undefined> {
  let stored = 0;
  return async (partition) => {
    const reader = queue.openReader({ topic: TOPICS.events, partition });
    stored = Math.min(stored + STORED_AT_ONCE, await reader.endOffset());
    await reader.close();
    return stored;
  };
}

async function movesTo(registry: Registry, to: 'own' | 'shared'): Promise<number> {
  const found = new RegExp(`spillway_process_lane_moves_total\\{partition="0",to="${to}"\\} (\\d+)`);
  return Number(found.exec(await registry.metrics())?.[1] ?? 0);
}

async function worldWith(count: number, disk = new MemoryDisk()): Promise<TestLog> {
  const world = await openWorld(disk);
  await send(world.queue, records(count), 1);
  return world;
}

async function expectAllOf(world: TestLog, count: number, place?: string): Promise<void> {
  const { events, letters, markers } = await readBack(world.queue);
  for (const tenant of ['small', 'loud']) expect(idsIn(events, tenant), place).toEqual(idsOf(count, tenant, 'fine'));
  const origins = letters.map(({ origin }) => origin);
  expect(origins.toSorted(), place).toEqual(
    [...idsOf(count, 'small', 'poison'), ...idsOf(count, 'loud', 'poison')].toSorted(),
  );
  expect(addUp(markers.flatMap(({ ledger }) => ledger)), place).toEqual({
    taken: count,
    out: events.length,
    dropped: 0,
    dead: letters.length,
  });
  expect(markers.at(-1), place).toMatchObject({ version: 1, rawOffset: count });
}

const isDone = (world: TestLog, count: number) => async () =>
  expect((await readBack(world.queue)).markers.at(-1)).toMatchObject({ version: 1, rawOffset: count });

describe('a small tenant behind a noisy one', () => {
  it('has all its events while those of the noisy one still wait for the store', async () => {
    const count = COUNT;
    const world = await worldWith(count);
    const registry = new Registry();
    let stored = 0;
    // The clock stands still: the store is slow and not away.
    const lanes = { window: WINDOW, nowMs: () => 0, stored: async () => stored };
    const processor = startProcessor(world.queue, undefined, registry, false, lanes);
    await vi.waitFor(
      async () => expect(idsIn((await readBack(world.queue)).events, 'small')).toEqual(idsOf(count, 'small', 'fine')),
      WAIT,
    );
    const { events, markers } = await readBack(world.queue);
    // What came before it was held back: no more than the first read, whatever there is of it.
    expect(idsIn(events, 'loud').length).toBeLessThan(count / 2);
    expect(markers.at(-1)?.ahead).toMatchObject({ lanes: [{ tenant: 'loud' }] });
    const metrics = await registry.metrics();
    expect(metrics).toContain('spillway_process_lane_moves_total{partition="0",to="own"} 1');
    expect(metrics).toMatch(/spillway_process_lane_records\{partition="0",tenant="loud"\} [1-9]\d\d/);
    stored = Number.POSITIVE_INFINITY;
    await processor.stop();
    await world.close();
  });

  it('leaves the noisy one its order, and nothing is missing or doubled when both are through', async () => {
    const count = COUNT;
    const world = await worldWith(count);
    const registry = new Registry();
    const lanes = { window: WINDOW, stored: followingStore(world.queue) };
    const processor = startProcessor(world.queue, undefined, registry, false, lanes);
    await vi.waitFor(isDone(world, count), WAIT);
    await processor.stop();
    await expectAllOf(world, count);
    const { events } = await readBack(world.queue);
    const places = events.map(({ tenant }, at) => (tenant === 'small' ? at : -1)).filter((at) => at >= 0);
    // They have overtaken: in raw the last of them is at the end.
    expect(places.at(-1)).toBeLessThan(count / 2);
    const metrics = await registry.metrics();
    expect(metrics).toMatch(/spillway_process_lane_moves_total\{partition="0",to="shared"\} [1-9]/);
    expect(metrics).not.toContain('spillway_process_lane_records{');
    await world.close();
  });

  it('costs no second read of what was left to a lane, while there is memory for that', async () => {
    const world = await worldWith(COUNT);
    const opened = vi.spyOn(world.queue, 'openReader');
    const registry = new Registry();
    const lanes = { window: WINDOW, stored: followingStore(world.queue) };
    const processor = startProcessor(world.queue, undefined, registry, false, lanes);
    await processor.taken(COUNT);
    expect(await movesTo(registry, 'own')).toBeGreaterThan(0);
    expect(opened.mock.calls.filter(([{ topic }]) => topic === TOPICS.raw)).toHaveLength(1);
    await processor.stop();
    await world.close();
  });

  it('is not let past where lanes are turned off, but what a lane has begun is finished', async () => {
    const count = COUNT;
    const world = await worldWith(count);
    const lanes = { window: WINDOW, nowMs: () => 0, stored: async () => 0 };
    const processor = startProcessor(world.queue, undefined, undefined, false, lanes);
    await vi.waitFor(async () => expect((await readBack(world.queue)).markers.at(-1)?.version).toBe(2), WAIT);
    await processor.stop();
    const off = startProcessor(world.queue);
    await vi.waitFor(isDone(world, count), WAIT);
    await off.stop();
    await expectAllOf(world, count);
    await world.close();
  });
});

describe('a power cut while a tenant is held back', () => {
  const PLACES = 16;

  async function liveUntil(disk: MemoryDisk, operation: number, when: 'before' | 'after'): Promise<number> {
    const world = await openWorld(disk);
    const before = disk.operations;
    const { promise: isCut, resolve } = Promise.withResolvers<void>();
    disk.options = {
      fault: ({ number }) => {
        if (number !== before + operation) return undefined;
        resolve();
        return { crash: when };
      },
    };
    const lanes = { window: WINDOW, stored: followingStore(world.queue) };
    const processor = startProcessor(world.queue, undefined, undefined, false, lanes);
    await Promise.race([isCut, processor.taken(COUNT)]);
    const operations = disk.operations - before;
    disk.cutPower();
    await processor.stop().catch(() => undefined);
    await world.close().catch(() => undefined);
    return operations;
  }

  it('neither loses nor repeats nor reorders, wherever it happens', { timeout: 240_000 }, async () => {
    const full = new MemoryDisk();
    const filling = await worldWith(COUNT, full);
    await filling.close();
    const total = await liveUntil(full.afterCrash(keepEverything), Number.POSITIVE_INFINITY, 'before');
    const every = Math.ceil(total / PLACES);
    const first = 1 + (Date.now() % every);
    let heldBack = 0;
    for (let operation = first; operation <= total; operation += every) {
      const when = operation % 2 === 0 ? 'before' : 'after';
      const disk = full.afterCrash(keepEverything);
      await liveUntil(disk, operation, when);
      const world = await openWorld(disk.afterCrash(operation % 3 === 0 ? keepNothing : keepEverything));
      const lanes = { window: WINDOW, stored: followingStore(world.queue) };
      const registry = new Registry();
      const successor = startProcessor(world.queue, undefined, registry, false, lanes);
      await vi.waitFor(isDone(world, COUNT), WAIT);
      await successor.stop();
      // It has ended a lane that its predecessor began.
      if ((await movesTo(registry, 'shared')) > (await movesTo(registry, 'own'))) heldBack++;
      await expectAllOf(world, COUNT, `${when} operation ${operation} of ${total}`);
      await world.close();
    }
    console.info(`power cuts at every ${every}th of ${total} operations from ${first} on, ${heldBack} with a lane`);
    expect(heldBack).toBeGreaterThan(0);
  });
});
