/**
 * A process that sends syslog lines over TCP as fast as they are taken, or at a rate, and ends by itself. The lines are
 * made before the first is sent; each connection has its own source address, so that they are several sources.
 * Prints one JSON line: {"events", "bytes", "startedMs", "seconds", "cpuS"}.
 *
 * Options: --port N [--host A] [--connections N] [--events N] [--seconds N] [--rate EVENTS/S] [--line-bytes N | --file F]
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { exactLines } from './lines.ts';

const BLOCK_BYTES = 512 * 1_024;
const LEAST_BLOCK_BYTES = 4_096;
const RATE_STEP_MS = 20;

export interface LoadResult {
  readonly events: number;
  readonly bytes: number;
  /** Epoch ms of the first byte. */
  readonly startedMs: number;
  /** Until the last byte was taken by the kernel of the receiver. */
  readonly seconds: number;
  /** User and system time of this process while it sent. */
  readonly cpuS: number;
}

interface Block {
  readonly bytes: Buffer;
  readonly events: number;
}

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    host: { type: 'string', default: '127.0.0.1' },
    connections: { type: 'string', default: '4' },
    events: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '600' },
    rate: { type: 'string', default: '0' },
    'line-bytes': { type: 'string', default: '300' },
    file: { type: 'string' },
  },
});
const connections = Number(values.connections);
const limit = Number(values.events);
const rate = Number(values.rate);
const deadlineMs = Number(values.seconds) * 1_000;

const lines =
  values.file === undefined ? exactLines(8 * BLOCK_BYTES, Number(values['line-bytes'])) : await readFile(values.file);
const blocks = cut(lines, blockSize());
const sockets = await Promise.all(Array.from({ length: connections }, (_, i) => open(i)));
const cpu = process.cpuUsage();
const startedMs = Date.now();
const startMs = performance.now();
let taken = 0;
let nextBlock = 0;
const sent = await Promise.all(sockets.map((socket) => send(socket)));
const used = process.cpuUsage(cpu);
const result: LoadResult = {
  events: sent.reduce((sum, { events }) => sum + events, 0),
  bytes: sent.reduce((sum, { bytes }) => sum + bytes, 0),
  startedMs,
  seconds: (performance.now() - startMs) / 1_000,
  cpuS: (used.user + used.system) / 1e6,
};
process.stdout.write(`${JSON.stringify(result)}\n`);

/** At a rate, what each connection sends in one step; else as much as a write takes well. */
function blockSize(): number {
  if (rate === 0) return BLOCK_BYTES;
  const perStep = ((rate / connections) * Number(values['line-bytes']) * RATE_STEP_MS) / 1_000;
  return Math.min(BLOCK_BYTES, Math.max(LEAST_BLOCK_BYTES, perStep));
}

/** Whole lines in blocks of about that size. */
function cut(lines: Buffer, blockBytes: number): Block[] {
  const found: Block[] = [];
  for (let start = 0; start < lines.length; ) {
    const lineFeed = lines.indexOf(0x0a, Math.min(start + blockBytes, lines.length) - 1);
    const bytes = lines.subarray(start, lineFeed < 0 ? lines.length : lineFeed + 1);
    found.push({ bytes, events: countLines(bytes) });
    start += bytes.length;
  }
  return found;
}

function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) count++;
  return count;
}

async function open(index: number): Promise<Socket> {
  const isLoopback = values.host === '127.0.0.1';
  const socket = connect({
    host: values.host,
    port: Number(values.port),
    ...(isLoopback ? { localAddress: `127.0.0.${1 + (index % 250)}` } : {}),
  });
  await once(socket, 'connect');
  return socket;
}

/**
 * Takes blocks from what all connections have to send together, until it is sent or the time is over. Each block goes
 * out once before any goes out again, so that a file's events arrive as different as they are in it.
 */
async function send(socket: Socket): Promise<{ events: number; bytes: number }> {
  let events = 0;
  let bytes = 0;
  while (taken < limit && performance.now() - startMs < deadlineMs) {
    const block = limited(blocks[nextBlock++ % blocks.length], limit - taken);
    if (block === undefined) break;
    taken += block.events;
    events += block.events;
    bytes += block.bytes.length;
    if (!socket.write(block.bytes)) await once(socket, 'drain');
    if (rate > 0) await pace();
  }
  socket.end();
  await once(socket, 'close');
  return { events, bytes };
}

/** The block, or as many of its first lines as are left to send. */
function limited(block: Block | undefined, left: number): Block | undefined {
  if (block === undefined || block.events <= left) return block;
  let end = 0;
  for (let i = 0; i < left; i++) end = block.bytes.indexOf(0x0a, end) + 1;
  return { bytes: block.bytes.subarray(0, end), events: left };
}

async function pace(): Promise<void> {
  for (;;) {
    const aheadMs = (taken / rate) * 1_000 - (performance.now() - startMs);
    if (aheadMs < RATE_STEP_MS) return;
    await new Promise((resolve) => setTimeout(resolve, aheadMs));
  }
}
