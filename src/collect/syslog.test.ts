/** What senders of syslog may rely on, with util-linux's `logger` among them. */
import { execFile, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { lacks } from '../../test/support/needs.ts';
import { COLLECT_LIMITS } from '../lib/limits.ts';
import { connectTo, type Fixture, type FixtureOptions, startCollector } from './collector.fixture.ts';

const run = promisify(execFile);
const LIMIT = COLLECT_LIMITS.messageBytes;
let fixture: Fixture;
const sockets: Socket[] = [];

async function start(options: FixtureOptions = {}): Promise<void> {
  fixture = await startCollector({
    syslog: [{ tcp: true, udp: true, tenant: 'shop' }],
    ...options,
    limits: { drainMs: 500, drainQuietMs: 20, ...options.limits },
  });
}

async function open(localAddress?: string): Promise<Socket> {
  const socket = await connectTo(fixture.port('syslog TCP'), localAddress);
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await fixture.stop();
  await fixture.remove();
});

const texts = async (): Promise<string[]> => (await fixture.records()).map(({ text }) => text);

describe('over TCP', () => {
  it('keeps both framings of one connection in order, durable when counted', async () => {
    await start();
    const socket = await open();
    socket.end('<13>one\n10 <13>two\nxx<13>three\r\nno header\n\n<13>half');
    await once(socket, 'close');
    const counted = () => fixture.accepted.flatMap(({ counts }) => counts).reduce((sum, { count }) => sum + count, 0);
    await vi.waitFor(() => expect(counted()).toBe(5));
    const stored = await fixture.records();
    expect(stored.map(({ text }) => text)).toEqual(['<13>one', '<13>two\nxx', '<13>three', 'no header', '<13>half']);
    expect(new Set(stored.map(({ partition }) => partition)).size).toBe(1);
    expect(stored[0]?.meta).toMatchObject({ tenant: 'shop', input: 'syslog-tcp', format: 'syslog' });
    expect(stored[0]?.meta.remote).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(await fixture.metric('spillway_collect_records_total', { input: 'syslog-tcp' })).toBe(5);
  });

  it('keeps the order of one source over several connections in one partition', async () => {
    await start({ partitions: 4 });
    for (let i = 0; i < 5; i++) {
      const socket = await open();
      socket.end(`<13>connection ${i}\n`);
      await vi.waitFor(async () => expect(await texts()).toHaveLength(i + 1));
    }
    expect(await texts()).toEqual([0, 1, 2, 3, 4].map((i) => `<13>connection ${i}`));
  });

  it('spreads sources over the partitions', async () => {
    await start({ partitions: 4 });
    for (let i = 1; i <= 40; i++) (await open(`127.0.0.${i}`)).end('<13>x\n');
    await vi.waitFor(async () => expect(await texts()).toHaveLength(40));
    expect(new Set((await fixture.records()).map(({ partition }) => partition)).size).toBe(4);
  });

  it.each([
    ['by line feeds', (message: string) => `${message}\n`],
    ['by a count', (message: string) => `${message.length} ${message}`],
  ])(
    'keeps a message past the limit, framed %s, as a dead letter, and the rest of its connection goes on',
    async (_, framed) => {
      await start();
      const longest = `<13>${'x'.repeat(LIMIT - 4)}`;
      const socket = await open();
      socket.end([`${longest}`, `${longest}y`, '<13>after'].map(framed).join(''));
      await vi.waitFor(async () => expect(await texts()).toHaveLength(2));
      expect((await texts()).map(({ length }) => length)).toEqual([LIMIT, 9]);
      await vi.waitFor(async () => expect(await fixture.letters()).toHaveLength(1));
      const [letter] = await fixture.letters();
      expect(letter?.bytes.toString()).toBe(`${longest}y`);
      expect(letter?.reason).toMatchObject({ code: 'MESSAGE_TOO_LARGE', last: true });
      const dead = fixture.deadLettered.flatMap(({ counts }) => counts).reduce((sum, { count }) => sum + count, 0);
      expect(dead).toBe(1);
    },
  );

  it('keeps the first bytes of a message beyond all limits, and counts the rest', async () => {
    await start();
    const socket = await open();
    const total = 100 * 1_024 * 1_024;
    const block = Buffer.alloc(1_024 * 1_024, 'z');
    const other = await open();
    for (let sent = 0; sent < total; sent += block.length) {
      if (!socket.write(block)) await once(socket, 'drain');
      if (sent === total / 2) other.write('<13>from another\n');
    }
    socket.end('\n<13>after\n');
    await vi.waitFor(async () => expect(await texts()).toHaveLength(2), { timeout: 10_000 });
    await vi.waitFor(async () => expect(await fixture.letters()).toHaveLength(1), { timeout: 10_000 });
    const [letter] = await fixture.letters();
    expect(letter?.bytes.length).toBe(COLLECT_LIMITS.oversizedBytes);
    expect(letter?.reason.discardedBytes).toBe(total - COLLECT_LIMITS.oversizedBytes);
    expect(await fixture.metric('spillway_collect_discarded_bytes_total')).toBe(total - COLLECT_LIMITS.oversizedBytes);
  });

  it('keeps garbage as a dead letter, with every byte, and the others go on', async () => {
    await start();
    const garbage = Buffer.from([0x16, 0x03, 0x01, 0x00, 0xff, 0xfe, 0x0a, 0x01]);
    (await open()).end(Buffer.concat([garbage, Buffer.from('\n')]));
    (await open()).end('<13>fine\n');
    await vi.waitFor(async () => expect(await texts()).toEqual(['<13>fine']));
    await vi.waitFor(async () => expect(await fixture.letters()).toHaveLength(1));
    const [letter] = await fixture.letters();
    expect(letter?.bytes).toEqual(garbage);
    expect(letter?.reason.code).toBe('FRAME_INVALID');
  });

  it('keeps invalid UTF-8 and NULs inside a message as they were sent', async () => {
    await start();
    const message = Buffer.from([0x3c, 0x31, 0x3e, 0xff, 0x00, 0xc3, 0x28]);
    (await open()).end(Buffer.concat([message, Buffer.from('\n')]));
    await vi.waitFor(async () => expect((await fixture.records()).map(({ bytes }) => bytes)).toEqual([message]));
  });

  it('keeps what a sender sent before it was reset', async () => {
    await start();
    const socket = await open();
    await new Promise<void>((resolve) => socket.write('<13>a\n<13>half', () => resolve()));
    await vi.waitFor(async () => expect(await texts()).toEqual(['<13>a']));
    socket.resetAndDestroy();
    await vi.waitFor(async () => expect(await texts()).toEqual(['<13>a', '<13>half']));
  });

  it('closes connections that are idle for too long, and counts them', async () => {
    await start({ limits: { tcpIdleMs: 100 } });
    const socket = await open();
    socket.write('<13>half');
    socket.resume();
    await once(socket, 'close');
    await vi.waitFor(async () => expect(await texts()).toEqual(['<13>half']));
    expect(await fixture.metric('spillway_collect_idle_connections_total')).toBe(1);
  });

  it('takes connections up to the limit and refuses one more', async () => {
    await start({ limits: { tcpConnections: 3 } });
    const held = [await open(), await open(), await open()];
    await vi.waitFor(async () => expect(await fixture.metric('spillway_collect_connections')).toBe(3));
    const refused = await open();
    refused.resume();
    await once(refused, 'close');
    expect(await fixture.metric('spillway_collect_refused_connections_total')).toBe(1);
    held[0]?.end();
    await vi.waitFor(async () => expect(await fixture.metric('spillway_collect_connections')).toBe(2));
    (await open()).end('<13>taken\n');
    await vi.waitFor(async () => expect(await texts()).toEqual(['<13>taken']));
  });

  const lacksFiles = lacks('5,000 connections', { openFiles: 11_000 });
  it.skipIf(lacksFiles)(
    'holds 5,000 connections that say nothing, or half a message, while others are served',
    async () => {
      await start();
      for (let i = 0; i < 5_000; i++) (await open(`127.0.0.${1 + (i % 20)}`)).write(i % 2 === 0 ? '' : '<13>half');
      await vi.waitFor(async () => expect(await fixture.metric('spillway_collect_connections')).toBe(5_000));
      const sent = Array.from({ length: 10_000 }, (_, i) => `<13>line ${i}`);
      (await open()).end(sent.join('\n'));
      await vi.waitFor(async () => expect(await texts()).toEqual(sent));
    },
  );

  it('finishes what was received when it closes', async () => {
    await start();
    const socket = await open();
    // The system opens connections before we have heard of them.
    socket.write('<13>first\n');
    await vi.waitFor(async () => expect(await texts()).toHaveLength(1));
    const sent = Array.from({ length: 20_000 }, (_, i) => `<13>line ${i}`);
    await new Promise<void>((resolve) => socket.write(`${sent.join('\n')}\n<13>half`, () => resolve()));
    await fixture.collector.close();
    expect(await texts()).toEqual(['<13>first', ...sent, '<13>half']);
  });
});

describe('over UDP', () => {
  it('keeps each datagram as one record, without its line feed', async () => {
    await start();
    const socket = createSocket('udp4');
    for (const text of ['<13>one\n', '<13>two', '', '\n']) socket.send(text, fixture.port('syslog UDP'), '127.0.0.1');
    await vi.waitFor(async () => expect(await texts()).toHaveLength(2));
    socket.close();
    expect((await texts()).sort()).toEqual(['<13>one', '<13>two']);
    expect((await fixture.records())[0]?.meta).toMatchObject({ tenant: 'shop', input: 'syslog-udp' });
  });

  it('keeps the longest datagram there is', async () => {
    await start();
    const socket = createSocket('udp4');
    socket.send(Buffer.alloc(65_507, 'x'), fixture.port('syslog UDP'), '127.0.0.1');
    await vi.waitFor(async () => expect((await texts()).map(({ length }) => length)).toEqual([65_507]));
    socket.close();
  });

  it('counts what the kernel dropped: kept and dropped are all that was sent', async () => {
    await start({ limits: { udpReceiveBufferBytes: 8_192 } });
    const sent = 500;
    const script = `const s = require('dgram').createSocket('udp4'); let left = ${sent};
      for (let i = 0; i < ${sent}; i++) s.send('<13>' + 'x'.repeat(500), ${fixture.port('syslog UDP')}, '127.0.0.1', () => --left || s.close());`;
    // Synchronous on purpose: nothing is read meanwhile.
    spawnSync(process.execPath, ['-e', script]);
    const dropped = () => fixture.metric('spillway_collect_udp_dropped_datagrams_total', { by: 'kernel' });
    await vi.waitFor(async () => expect((await texts()).length + (await dropped())).toBe(sent));
    expect(await dropped()).toBeGreaterThan(0);
  });
});

describe.skipIf(lacks('logger', { programs: { logger: 'bsdutils' } }))('logger', () => {
  const formats = [
    ['RFC 5424 over UDP', ['--udp', '--rfc5424'], 'syslog UDP', /^<\d+>1 .* it works 5424$/, 'it works 5424'],
    [
      'RFC 3164 over UDP',
      ['--udp', '--rfc3164'],
      'syslog UDP',
      /^<\d+>\w{3} [ \d]\d .* it works 3164$/,
      'it works 3164',
    ],
    ['RFC 5424 over TCP', ['--tcp', '--rfc5424'], 'syslog TCP', /^<\d+>1 .* over TCP$/, 'over TCP'],
    ['RFC 3164 over TCP', ['--tcp', '--rfc3164'], 'syslog TCP', /^<\d+>\w{3} .* over TCP$/, 'over TCP'],
    ['octet counts', ['--tcp', '--octet-count'], 'syslog TCP', /^<\d+>1 .* counted$/, 'counted'],
  ] as const;

  it.each(formats)('is heard: %s', async (_, args, what, pattern, message) => {
    await start();
    await run('logger', ['--server', '127.0.0.1', '--port', String(fixture.port(what)), ...args, message]);
    await vi.waitFor(async () => expect(await texts()).toHaveLength(1));
    expect((await texts())[0]).toMatch(pattern);
  });
});
