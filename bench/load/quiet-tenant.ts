/**
 * A small tenant: so many events a second over a few connections, and somebody who searches for the newest of them all the
 * time. What it measures is how long each event took from the moment it was sent until a search had it.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { SpillwayProcess } from '../../test/support/spillway.ts';

const CONNECTIONS = 4;
/** Between two searches: they are part of the load. */
const ASK_EVERY_MS = 50;
/** Newest events of one answer. */
const LOOK_EVENTS = 200;
const CLOCK_SLACK_MS = 1_000;
const GIVE_UP_MS = 120_000;

export interface QuietOptions {
  readonly spillway: SpillwayProcess;
  /** Its listener. */
  readonly port: number;
  /** A word that only these events have. */
  readonly word: string;
  readonly perSecond: number;
  readonly seconds: number;
}

/** Milliseconds from send to found, one an event, in the order in which they were sent. */
export async function quietFreshness(options: QuietOptions): Promise<number[]> {
  const count = Math.round(options.perSecond * options.seconds);
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => open(options.port, i)));
  const sentMs: number[] = [];
  const tookMs: number[] = [];
  const sending = send(options, sockets, count, sentMs);
  let found = 0;
  for (let deadlineMs = performance.now() + GIVE_UP_MS; found < count; ) {
    const oldestMs = (sentMs[firstMissing(tookMs)] ?? performance.now()) + performance.timeOrigin;
    for (const index of await newest(options, oldestMs - CLOCK_SLACK_MS)) {
      const sentAt = sentMs[index];
      if (sentAt === undefined || tookMs[index] !== undefined) continue;
      tookMs[index] = performance.now() - sentAt;
      found++;
      deadlineMs = performance.now() + GIVE_UP_MS;
    }
    if (performance.now() > deadlineMs) throw new Error(`${count - found} events were not found in ${GIVE_UP_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
  await sending;
  for (const socket of sockets) socket.destroy();
  return tookMs;
}

async function open(port: number, index: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.3.${1 + index}` });
  await once(socket, 'connect');
  socket.setNoDelay(true);
  return socket;
}

async function send(options: QuietOptions, sockets: readonly Socket[], count: number, sentMs: number[]): Promise<void> {
  const startMs = performance.now();
  for (let i = 0; i < count; i++) {
    const dueMs = startMs + (i * 1_000) / options.perSecond;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
    sentMs[i] = performance.now();
    sockets[i % sockets.length]?.write(
      `<13>1 ${new Date().toISOString()} small shop - - - ${options.word} number ${i}\n`,
    );
  }
}

function firstMissing(tookMs: readonly number[]): number {
  let index = 0;
  while (tookMs[index] !== undefined) index++;
  return index;
}

/** The numbers of its events since then. */
async function newest({ spillway, word }: QuietOptions, fromMs: number): Promise<number[]> {
  const { events } = await spillway.json<{ events: readonly { message?: string }[] }>(
    `/api/search?q=${word}&from=${Math.floor(fromMs)}&to=now%2B10m&limit=${LOOK_EVENTS}&fields=message`,
  );
  return events.flatMap(({ message }) => {
    const number = /number (\d+)$/.exec(message ?? '')?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}
