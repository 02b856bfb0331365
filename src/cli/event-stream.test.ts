import fc from 'fast-check';
import { expect, test } from 'vitest';
import { serverSentEvents } from './event-stream.ts';

async function read(text: string, size: number): Promise<unknown[]> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  return Array.fromAsync(serverSentEvents(chunks()));
}

const STREAM =
  ': hello\n\nevent: event\ndata: {"message":"café"}\n\nevent: dropped\r\ndata: {"count":3,\r\ndata: "unread":0}\r\n\r\ndata: plain\n\n';
const EVENTS = [
  { event: 'event', data: '{"message":"café"}' },
  { event: 'dropped', data: '{"count":3,\n"unread":0}' },
  { event: 'message', data: 'plain' },
];

test('events are the same however the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: STREAM.length + 5 }), async (size) => {
      expect(await read(STREAM, size)).toEqual(EVENTS);
    }),
  );
});

test('comments and half events give nothing', async () => {
  expect(await read(': heartbeat\n\nevent: event\ndata: {"never":"finished"}\n', 5)).toEqual([]);
});
