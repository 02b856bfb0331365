/** What holds while the disk is above its high-water mark: nobody is lost in silence, nothing grows, it goes on by itself. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DiskSpace } from '../lib/disk-space.ts';
import { COLLECT_LIMITS } from '../lib/limits.ts';
import { recordingLog } from '../queue/segment-log/test-log.ts';
import { connectTo, type Fixture, startCollector } from './collector.fixture.ts';
import { HighWater } from './high-water.ts';

const EMPTY: DiskSpace = { usedPercent: 10, freeBytes: 1e9 };
const FULL: DiskSpace = { usedPercent: 90.1, freeBytes: 1e9 };

describe('the mark', () => {
  const logged: { level: number; msg: string }[] = [];
  let space: DiskSpace;
  let registry: Registry;
  const open = (highWaterPercent = 90, minFreeBytes = 1_000) => {
    logged.length = 0;
    registry = new Registry();
    const log = recordingLog(logged);
    const ask = async () => space;
    return new HighWater({
      folder: '/queue',
      ask,
      highWaterPercent,
      minFreeBytes,
      limits: COLLECT_LIMITS,
      log,
      registry,
    });
  };
  const at = async (mark: HighWater, usedPercent: number, freeBytes = 1e9) => {
    space = { usedPercent, freeBytes };
    await mark.look();
    return mark.blocked;
  };

  it('is passed above the share, and left a little below it', async () => {
    const mark = open();
    expect(await at(mark, 90)).toBe(false);
    expect(await at(mark, 90.1)).toBe(true);
    expect(await at(mark, 89.1)).toBe(true);
    expect(await at(mark, 89)).toBe(false);
    expect(await at(mark, 90)).toBe(false);
  });

  it('is passed below the free bytes, and left a little above them', async () => {
    const mark = open();
    expect(await at(mark, 1, 1_000)).toBe(false);
    expect(await at(mark, 1, 999)).toBe(true);
    expect(await at(mark, 1, 1_009)).toBe(true);
    expect(await at(mark, 1, 1_010)).toBe(false);
  });

  it('of 100 % and 0 bytes is never passed', async () => {
    expect(await at(open(100, 0), 100, 0)).toBe(false);
  });

  it('of 100 % is left when there are enough free bytes again', async () => {
    const mark = open(100, 1_000);
    expect(await at(mark, 100, 0)).toBe(true);
    expect(await at(mark, 99.9, 2_000)).toBe(false);
  });

  it('is logged when it changes, and not each time that it is looked at', async () => {
    const mark = open();
    for (const used of [10, 91, 92, 93, 10, 11]) await at(mark, used);
    expect(logged.map(({ msg }) => msg)).toEqual([
      expect.stringContaining('91 % full'),
      expect.stringContaining('inputs go on'),
    ]);
  });

  it('says which disk, how full it is, and what to do', async () => {
    const mark = open(90, 1024 ** 3);
    await at(mark, 93.24, 7 * 1024 ** 3);
    let thrown: unknown;
    try {
      mark.assertOpen();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      code: 'DISK_ALMOST_FULL',
      retryAfterS: COLLECT_LIMITS.highWaterRetryS,
      details: { disk: 'queue', usedPercent: 93.2, highWaterPercent: 90, minFreeBytes: 1024 ** 3 },
      message: expect.stringMatching(/disk of the queue is 93.2 % full, 7 GiB .*queue.highWater.*queue.minFree.*Free/),
    });
    expect(mark.reason).toEqual((thrown as Error).message);
    const text = await registry.metrics();
    expect(text).toContain('spillway_collect_high_water_refused_requests_total 1');
    expect(text).toContain('spillway_collect_inputs_paused 1');
    expect(text).toContain(`spillway_queue_disk_free_bytes ${7 * 1024 ** 3}`);
    expect(text).toMatch(/spillway_queue_disk_used_ratio 0\.932/);
  });

  it('stays where it was while the disk cannot be asked, and that is logged once', async () => {
    let fails = false;
    logged.length = 0;
    const mark = new HighWater({
      folder: '/queue',
      ask: async () => (fails ? Promise.reject(new Error('EIO')) : FULL),
      highWaterPercent: 90,
      minFreeBytes: 0,
      limits: COLLECT_LIMITS,
      log: recordingLog(logged),
      registry: new Registry(),
    });
    await mark.look();
    fails = true;
    for (let i = 0; i < 3; i++) await mark.look();
    expect(mark.blocked).toBe(true);
    expect(logged.filter(({ msg }) => msg.includes('cannot be asked'))).toHaveLength(1);
  });
});

describe('above the mark', () => {
  let fixture: Fixture;
  let space: DiskSpace;
  const sockets: Socket[] = [];
  const restart = async (limits = {}) => {
    space = EMPTY;
    fixture = await startCollector({
      syslog: [{ tcp: true, udp: true }],
      space: () => space,
      limits: { spaceEveryMs: 5, drainMs: 500, drainQuietMs: 20, ...limits },
    });
  };
  beforeEach(() => restart());
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await fixture.stop();
    await fixture.remove();
  });

  const connected = async () => {
    const socket = await connectTo(fixture.port('syslog TCP'));
    sockets.push(socket.on('error', () => {}));
    return socket;
  };
  const texts = async () => (await fixture.records()).map(({ text }) => text);
  const paused = (connections: number) =>
    vi.waitFor(async () => expect(await fixture.metric('spillway_collect_paused_connections')).toBe(connections));
  const isOver = (over: 0 | 1) =>
    vi.waitFor(async () => expect(await fixture.metric('spillway_collect_inputs_paused')).toBe(over));
  const post = async (body: string) => {
    const response = await fetch(`${fixture.url}/api/logs`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body,
    });
    const { code } = (await response.json()) as { code?: string };
    return { status: response.status, code, retryAfter: response.headers.get('retry-after') };
  };

  it('a TCP connection that was idle meanwhile is closed in its time once it is read again', async () => {
    await fixture.stop();
    await fixture.remove();
    await restart({ tcpIdleMs: 50 });
    space = FULL;
    await isOver(1);
    const socket = await connected();
    await paused(1);
    // Several times as long as its time.
    await once(socket.setTimeout(200).resume(), 'timeout');
    expect(socket.destroyed).toBe(false);
    space = EMPTY;
    await vi.waitFor(async () => expect(await fixture.metric('spillway_collect_idle_connections_total')).toBe(1));
  });

  it('TCP connections wait, those that were there and new ones, and lose nothing', async () => {
    const before = await connected();
    before.write('<13>before\n');
    await vi.waitFor(async () => expect(await texts()).toEqual(['<13>before']));
    space = FULL;
    await paused(1);
    before.write('<13>waits\n');
    const later = await connected();
    later.end('<13>later\n');
    await paused(2);
    expect(await post('refused')).toMatchObject({ status: 503, code: 'DISK_ALMOST_FULL', retryAfter: '10' });
    expect(await texts()).toEqual(['<13>before']);
    space = EMPTY;
    await vi.waitFor(async () => expect((await texts()).toSorted()).toEqual(['<13>before', '<13>later', '<13>waits']));
    await paused(0);
    expect(await post('taken')).toMatchObject({ status: 200 });
  });

  it('a connection that ends while it waits is not counted as paused any more', async () => {
    const socket = await connected();
    space = FULL;
    await paused(1);
    socket.resetAndDestroy();
    space = EMPTY;
    await paused(0);
    space = FULL;
    await isOver(1);
    await paused(0);
  });

  it('datagrams are counted as dropped, by name', async () => {
    space = FULL;
    await isOver(1);
    const datagrams = createSocket('udp4');
    for (let i = 0; i < 3; i++) datagrams.send('<13>lost', fixture.port('syslog UDP'), '127.0.0.1');
    const dropped = () => fixture.metric('spillway_collect_udp_dropped_datagrams_total', { by: 'high-water' });
    await vi.waitFor(async () => expect(await dropped()).toBe(3));
    space = EMPTY;
    await isOver(0);
    datagrams.send('<13>kept', fixture.port('syslog UDP'), '127.0.0.1');
    await vi.waitFor(async () => expect(await texts()).toEqual(['<13>kept']));
    expect(await dropped()).toBe(3);
    datagrams.close();
  });

  it('nothing of what senders have to say is taken into memory: the kernel holds it, and then they wait', async () => {
    space = FULL;
    await isOver(1);
    const received = () => fixture.metric('spillway_collect_received_bytes_total', { input: 'syslog-tcp' });
    const message = `<13>${'x'.repeat(996)}\n`;
    const senders = await Promise.all(Array.from({ length: 20 }, connected));
    await paused(20);
    for (const sender of senders) sender.write(message.repeat(16_384));
    expect(await post('x'.repeat(1_000_000))).toMatchObject({ status: 503 });
    // The senders cannot get rid of theirs.
    await vi.waitFor(() => expect(senders.every((sender) => sender.writableNeedDrain)).toBe(true));
    expect(await received()).toBe(0);
    expect(await fixture.metric('spillway_collect_received_bytes_total', { input: 'http' })).toBe(0);
  });

  it('a stop does not wait for the disk', async () => {
    const socket = await connected();
    space = FULL;
    await paused(1);
    socket.write('<13>not taken\n');
    const startedMs = performance.now();
    await fixture.collector.close();
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    expect(await texts()).toEqual([]);
  });

  it('is said to whoever asks for its health', async () => {
    expect(fixture.collector.troubles()).toEqual([]);
    space = FULL;
    await isOver(1);
    expect(fixture.collector.troubles()).toEqual([expect.stringContaining('90.1 % full')]);
  });
});
