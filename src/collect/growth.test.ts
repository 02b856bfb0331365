/** Partitions of `raw` that are added while senders go on. */
import type { Socket } from 'node:net';
import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { RecordCursor } from '../event/record-batch.ts';
import { TOPICS } from '../event/topics.ts';
import { type AssignedPartition, offset, type Queue } from '../queue/port.ts';
import { connectTo, type Fixture, type FixtureOptions, startCollector } from './collector.fixture.ts';
import { Growth } from './growth.ts';
import type { Lane } from './lane.ts';
import { type Outlet, RawOutlets } from './outlets.ts';

const SOURCES = 24;
const WAIT = { timeout: 20_000, interval: 10 };
let fixture: Fixture;
const sockets: Socket[] = [];

async function start(options: FixtureOptions): Promise<void> {
  fixture = await startCollector({ syslog: [{ tcp: true, udp: true }], ...options });
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await fixture.stop();
  await fixture.remove();
});

/** Reads what it is assigned, commits after each batch, and keeps the texts in the order of the commits. */
async function consume(queue: Queue, texts: string[], signal: AbortSignal): Promise<void> {
  const runs: Promise<void>[] = [];
  const run = async (assigned: AssignedPartition) => {
    const reader = queue.openReader(assigned);
    for (let next = (await assigned.committed()) ?? offset(0); !signal.aborted; ) {
      const { batches, nextOffset } = await reader.read(next, { maxBytes: 2_000 });
      for (const { bytes } of batches) {
        const record = new RecordCursor(bytes);
        while (record.next()) if (record.offset >= next) texts.push(record.value().toString());
      }
      await assigned.commit(nextOffset);
      next = nextOffset;
      await reader.waitFor(next, signal);
    }
  };
  await queue.joinGroup('reader', { topics: [TOPICS.raw], onAssigned: (assigned) => void runs.push(run(assigned)) });
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  await Promise.all(runs);
}

describe('partitions that are added while it runs', () => {
  it('take their share of the sources, of open connections too, and the order of each is kept', async () => {
    await start({ partitions: 2 });
    const stop = new AbortController();
    const texts: string[] = [];
    const consuming = consume(fixture.queue, texts, stop.signal);
    for (let source = 0; source < SOURCES; source++) {
      sockets.push(await connectTo(fixture.port('syslog TCP'), `127.0.3.${source + 1}`));
    }
    const sent = sockets.map(() => 0);
    const send = (lines: number) => {
      for (const [source, socket] of sockets.entries()) {
        const first = sent[source] ?? 0;
        const numbers = Array.from({ length: lines }, (_, i) => first + i);
        socket.write(numbers.map((number) => `<13>s${source} ${number}\n`).join(''));
        sent[source] = first + lines;
      }
    };
    for (const partitions of [5, 9]) {
      send(40);
      await fixture.coordinator.raisePartitions({ [TOPICS.raw]: partitions });
      const sending = setInterval(() => send(5), 1);
      await vi.waitFor(() => {
        expect(fixture.queue.partitionCount(TOPICS.raw)).toBe(partitions);
        expect(fixture.queue.layout(TOPICS.raw).unbarred).toEqual([]);
      }, WAIT);
      clearInterval(sending);
      send(40);
    }
    const total = () => sent.reduce((sum, count) => sum + count, 0);
    await vi.waitFor(() => expect(texts).toHaveLength(total()), WAIT);
    stop.abort();
    await consuming;
    const numbers = Map.groupBy(texts, (text) => text.slice(4).split(' ')[0]);
    expect(numbers.size).toBe(SOURCES);
    for (const [source, of] of numbers) {
      expect(
        of.map((text) => Number(text.split(' ')[1])),
        `order of ${source}`,
      ).toEqual(Array.from({ length: of.length }, (_, i) => i));
    }
    const used = new Set((await fixture.records()).map(({ partition }) => partition));
    expect([...used].some((partition) => partition >= 2 && partition < 5)).toBe(true);
    expect([...used].some((partition) => partition >= 5)).toBe(true);
  });

  it('have the ends that are recovered as their barrier, where the collector had not registered one', async () => {
    await start({ partitions: 2 });
    const { folder } = fixture;
    await fetch(`${fixture.url}/api/logs`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'a\nb' });
    await fixture.stop();
    await start({ partitions: 4, folder });
    await vi.waitFor(() => expect(fixture.queue.layout(TOPICS.raw).unbarred).toEqual([]), WAIT);
    expect(fixture.queue.layout(TOPICS.raw)).toMatchObject({ partitions: 4, firstPartitions: 2 });
    // Nobody may read what was added before the two records are committed.
    const held: AssignedPartition[] = [];
    await fixture.queue.joinGroup('reader', {
      topics: [TOPICS.raw],
      onAssigned: (assigned) => void held.push(assigned),
    });
    expect(held.map(({ partition }) => partition)).toEqual([0, 1]);
    for (const assigned of [...held]) {
      const reader = fixture.queue.openReader(assigned);
      await assigned.commit(await reader.endOffset());
      await reader.close();
    }
    await fixture.queue.heartbeat();
    expect(held.map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
  });

  it('are finished with an Idempotency-Key over a restart', async () => {
    await start({ partitions: 1, keysFile: true });
    const { folder } = fixture;
    await fixture.coordinator.raisePartitions({ [TOPICS.raw]: 6 });
    await vi.waitFor(() => expect(fixture.queue.layout(TOPICS.raw).unbarred).toEqual([]), WAIT);
    const post = (app: string) =>
      fetch(`${fixture.url}/api/logs?app=${app}`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain', 'idempotency-key': app },
        body: `from ${app}`,
      });
    const apps = Array.from({ length: 20 }, (_, i) => `app${i}`);
    for (const app of apps) expect((await post(app)).status).toBe(200);
    await fixture.stop();
    await start({ partitions: 1, folder, keysFile: true });
    for (const app of apps) expect((await post(app)).status).toBe(200);
    expect((await fixture.records()).map(({ text }) => text).sort()).toEqual(apps.map((app) => `from ${app}`).sort());
  });
});

describe('the barrier of added partitions', () => {
  it.each([
    ['is registered where all partitions go on', false, [[7, 7]]],
    ['is left to the next collector where one has stopped: what it could not sync may turn out to be there', true, []],
  ])('%s', async (_, hasStopped, expected) => {
    await start({ partitions: 1 });
    const lane = { settled: async () => {}, hasStopped } as unknown as Lane;
    const healthy = { settled: async () => {}, hasStopped: false } as unknown as Lane;
    const registered: (readonly number[])[] = [];
    const queue = {
      onPartitions: () => () => {},
      partitionCount: () => 2,
      layout: () => ({ partitions: 2, firstPartitions: 1, unbarred: [1] }),
      registerBarrier: async (_topic: string, ends: readonly number[]) => void registered.push(ends),
    } as unknown as Queue;
    const growth = new Growth({
      queue,
      raw: new RawOutlets([{ sockets: lane, requests: healthy }], 1),
      open: async () => ({ sockets: healthy, requests: healthy }),
      endOf: () => 7,
      log: pino({ level: 'silent' }),
      retryMs: 1,
    });
    // All that it waits for here has settled.
    await new Promise((resolve) => setImmediate(resolve));
    await growth.close();
    expect(registered).toEqual(expected);
  });
});

describe('the mapping of sources', () => {
  const source = ['a'];

  /** Outlets whose lanes settle when they are told to. */
  function outlets(count: number) {
    const settled = Promise.withResolvers<void>();
    const lane = { settled: () => settled.promise } as unknown as Lane;
    return { settled, list: Array.from({ length: count }, (): Outlet => ({ sockets: lane, requests: lane })) };
  }

  it.each([
    ['requests', 'records'],
    ['records', 'requests'],
  ])('changes at once, and is settled only after the %s and then the %s of before', async (first) => {
    await start({ partitions: 1 });
    const [before, added] = [outlets(1), outlets(7)];
    const raw = new RawOutlets(before.list, 1);
    const route = raw.route(source);
    const request = raw.take(source);
    let isSettled = false;
    const settling = raw.add(added.list).then(() => {
      isSettled = true;
    });
    expect(raw.all).toHaveLength(8);
    expect(route.outlet).toBe(raw.take(source).outlet);
    const steps = [request.done, before.settled.resolve];
    if (first === 'records') steps.reverse();
    steps[0]?.();
    await new Promise(setImmediate);
    expect(isSettled).toBe(false);
    steps[1]?.();
    await settling;
  });
});
