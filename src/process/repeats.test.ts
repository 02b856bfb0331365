import { expect, it } from 'vitest';
import { printAttempt } from '../event/idempotency.ts';
import { MemoryDisk } from '../lib/memory-disk.ts';
import { REPEATED } from './repeats.ts';
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
