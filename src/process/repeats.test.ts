import { expect, it, vi } from 'vitest';
import { deadLetterPartitions } from '../event/dead-letter.ts';
import { printAttempt } from '../event/idempotency.ts';
import { TOPICS } from '../event/topics.ts';
import { MemoryDisk } from '../lib/memory-disk.ts';
import { offset } from '../queue/port.ts';
import { Lanes } from './lanes/lanes.ts';
import { REPEATED, Repeats } from './repeats.ts';
import { addUp, openWorld, readBack, type SentRecord, SYSLOG, send, startProcessor } from './testing/world.ts';

/** Its processor may have been down for long. */
const HOURS_AGO = Date.now() - 5 * 3_600_000;

const digest = (text: string) => text.repeat(22);

/** Records [from, to) of a request, as one batch of one attempt. */
function attempt(name: string, from: number, to: number, body = 'b'): SentRecord[] {
  const header = {
    key: digest('k'),
    body: digest(body),
    records: 10,
    deadLetters: 0,
    attempt: name,
    fromRecord: from,
    fromDeadLetter: 0,
  };
  const meta = { ...SYSLOG, input: 'http', idempotency: printAttempt(header) };
  return Array.from({ length: to - from }, (_, i) => ({
    value: `record ${from + i} of ${body}`,
    meta,
    receivedMs: HOURS_AGO,
  }));
}

const expected = (body = 'b') => Array.from({ length: 10 }, (_, i) => `record ${i} of ${body}`);

it('a request that two collectors took, one of which died, is there once, also over a takeover', async () => {
  const world = await openWorld(new MemoryDisk());
  const start = () => startProcessor(world.queue, undefined, undefined, true);
  await send(world.queue, attempt('dead', 0, 6), 6);
  const first = start();
  await first.taken(6);
  await first.stop();
  // The other one knows nothing of it; and the first was not dead after all.
  await send(world.queue, attempt('other', 0, 4), 4);
  await send(world.queue, attempt('dead', 6, 8), 2);
  await send(world.queue, attempt('other', 4, 10), 6);
  await send(world.queue, attempt('dead', 8, 10), 2);
  await send(world.queue, attempt('mine', 0, 10, 'c'), 10);
  const second = start();
  await second.taken(24);
  await second.stop();
  const { events, markers } = await readBack(world.queue);
  expect(events.map(({ message }) => message)).toEqual([...expected(), ...expected('c')]);
  const ledger = markers.flatMap((marker) => marker.ledger);
  expect(addUp(ledger)).toEqual({ taken: 30, out: 20, dropped: 10, dead: 0 });
  expect(ledger.reduce((sum, { dropped }) => sum + (dropped[REPEATED] ?? 0), 0)).toBe(10);
  await world.close();
});

it('a request whose source moved to an added partition between two attempts is there once', async () => {
  const world = await openWorld(new MemoryDisk());
  const start = () => startProcessor(world.queue, undefined, undefined, true);
  await send(world.queue, attempt('dead', 0, 6), 6);
  const first = start();
  await first.taken(6);
  await world.coordinator.raisePartitions({
    [TOPICS.raw]: 2,
    [TOPICS.events]: 2,
    [TOPICS.deadLetter]: deadLetterPartitions(2),
  });
  await send(world.queue, attempt('other', 0, 8), 4, 1);
  await world.queue.registerBarrier(TOPICS.raw, [6, 0].map(offset));
  await first.taken(14);
  await first.stop();
  // Who takes the partition over knows it too.
  await send(world.queue, attempt('third', 0, 10), 5, 1);
  const second = start();
  await second.taken(10);
  await second.stop();
  const [before, after] = [await readBack(world.queue), await readBack(world.queue, 1)];
  expect(before.events.map(({ message }) => message)).toEqual(expected().slice(0, 6));
  expect(after.events.map(({ message }) => message)).toEqual(expected().slice(6));
  await world.close();
});

const WAIT = { timeout: 60_000, interval: 20 };
const REQUESTS = 60;
const LOUD = 10;
/** So that few records make a read, and there are many. */
const LARGE = 'x'.repeat(4_000);

/** A request of a tenant, whole. */
function requestOf(tenant: string, request: number, by: string): SentRecord[] {
  const records = tenant === 'loud' ? LOUD : 1;
  const header = {
    key: `${tenant}${request}`.padEnd(22, '-'),
    body: digest('b'),
    records,
    deadLetters: 0,
    attempt: by,
    fromRecord: 0,
    fromDeadLetter: 0,
  };
  const meta = { ...SYSLOG, tenant, input: 'http', idempotency: printAttempt(header) };
  return Array.from({ length: records }, (_, i) => ({
    value: `${tenant} ${request}.${i} ${LARGE}`,
    meta,
    receivedMs: HOURS_AGO,
  }));
}

it('a tenant that is held back has its requests once, each of them, wherever the processor is stopped', async () => {
  const world = await openWorld(new MemoryDisk());
  const sendRequests = async (from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i++) {
      // Each comes again a little later, by another collector.
      for (const tenant of ['loud', 'small']) {
        const again = i < 2 ? [] : requestOf(tenant, i - 2, 'again');
        for (const batch of [requestOf(tenant, i, 'first'), again])
          if (batch.length > 0) await send(world.queue, batch, batch.length);
      }
    }
  };
  await sendRequests(0, REQUESTS / 2);
  let stored = 0;
  // The clock stands still: the store is slow and not away.
  const lanes = { window: 60, nowMs: () => 0, stored: async () => stored };
  const start = () => startProcessor(world.queue, undefined, undefined, true, lanes);
  const read = () => readBack(world.queue);
  const messages = async (tenant: string) =>
    (await read()).events
      .filter((event) => event.tenant === tenant)
      .map(({ message = '' }) => message.split(' ', 2).join(' '));
  const sent = (tenant: string, records: number) =>
    Array.from({ length: REQUESTS * records }, (_, i) => {
      return `${tenant} ${Math.floor(i / records)}.${i % records}`;
    });
  const first = start();
  await vi.waitFor(async () => expect(await messages('small')).toHaveLength(REQUESTS / 2), WAIT);
  await first.stop();
  expect((await read()).markers.at(-1)?.ahead).toBeDefined();
  await sendRequests(REQUESTS / 2, REQUESTS);
  const total = REQUESTS * (LOUD + 1);
  let held = 0;
  for (let events = (await read()).events.length; events < total; ) {
    const processor = start();
    const wanted = Math.min(total, events + 7);
    stored += 100;
    await vi.waitFor(async () => expect((await read()).events.length).toBeGreaterThanOrEqual(wanted), WAIT);
    await processor.stop();
    const { events: now, markers } = await read();
    events = now.length;
    held += markers.at(-1)?.ahead === undefined ? 0 : 1;
  }
  expect(held).toBeGreaterThan(1);
  const last = start();
  const records = 2 * total - 2 * (LOUD + 1);
  stored = Number.POSITIVE_INFINITY;
  await vi.waitFor(async () => expect((await read()).markers.at(-1)).toMatchObject({ rawOffset: records }), WAIT);
  await last.stop();
  expect(await messages('small')).toEqual(sent('small', 1));
  expect(await messages('loud')).toEqual(sent('loud', LOUD));
  const ledger = (await read()).markers.flatMap((marker) => marker.ledger);
  expect(addUp(ledger)).toEqual({ taken: records, out: total, dropped: records - total, dead: 0 });
  await world.close();
});

it('what a takeover in the middle of a batch reads back counts once, and what a lane has still to do counts not at all', async () => {
  const world = await openWorld(new MemoryDisk());
  await send(world.queue, attempt('dead', 0, 6), 6);
  const reader = world.queue.openReader({ topic: TOPICS.raw, partition: 0 });
  const position = (rawOffset: number) => ({ rawOffset, receivedTo: HOURS_AGO });
  const lane = { tenant: SYSLOG.tenant, ...position(4) };
  const repeats = new Repeats();
  await repeats.recall(reader, new Lanes({ ...position(4), ahead: { ...position(6), lanes: [lane] } }), Date.now());
  const areRepeats = (records: SentRecord[]) => records.map(({ meta = SYSLOG }) => repeats.isRepeat(meta));
  expect(areRepeats(attempt('dead', 0, 6).slice(4))).toEqual([false, false]);
  const isThere = [true, true, true, true, true, true, false, false, false, false];
  expect(areRepeats(attempt('other', 0, 10))).toEqual(isThere);
  await reader.close();
  await world.close();
});
