import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, it, vi } from 'vitest';
import { connectTo, type Fixture, startCollector } from './collector.fixture.ts';

let fixture: Fixture | undefined;

afterEach(async () => {
  await fixture?.stop();
  await fixture?.remove();
  fixture = undefined;
});

it('keeps what comes over TCP in both framings, in order, durable when counted', async () => {
  fixture = await startCollector({ syslog: [{ tcp: true, tenant: 'shop' }] });
  const socket = await connectTo(fixture.port('syslog TCP'));
  socket.end('<13>one\n10 <13>two\nxx<13>three\r\nno header\n\n<13>half');
  await once(socket, 'close');
  const { accepted, records } = fixture;
  await vi.waitFor(() =>
    expect(accepted.flatMap(({ counts }) => counts).reduce((n, { count }) => n + count, 0)).toBe(5),
  );
  const stored = await records();
  expect(stored.map(({ text }) => text)).toEqual(['<13>one', '<13>two\nxx', '<13>three', 'no header', '<13>half']);
  expect(new Set(stored.map(({ partition }) => partition)).size).toBe(1);
  expect(stored[0]?.meta).toMatchObject({ tenant: 'shop', input: 'syslog-tcp', format: 'syslog' });
});

it('keeps each datagram over UDP as one record, without its line feed', async () => {
  fixture = await startCollector({ syslog: [{ udp: true }] });
  const socket = createSocket('udp4');
  for (const text of ['<13>one\n', '<13>two', '', '\n']) socket.send(text, fixture.port('syslog UDP'), '127.0.0.1');
  const { records } = fixture;
  await vi.waitFor(async () => expect(await records()).toHaveLength(2));
  socket.close();
  expect((await records()).map(({ text }) => text).sort()).toEqual(['<13>one', '<13>two']);
});
