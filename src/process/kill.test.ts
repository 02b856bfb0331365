import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { nodeDisk } from '../lib/disk.ts';
import { addUp, openWorld, readBack, type SentRecord, send, startProcessor } from './testing/world.ts';

const RECORDS = 60;
const ROUNDS = 5;
const CHILD = join(import.meta.dirname, 'testing', 'killed-processor.ts');
const WAIT = { timeout: 60_000, interval: 20 };
let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spillway-kill-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

function kindOf(i: number): 'poison' | 'noise' | 'fine' {
  return i % 7 === 6 ? 'poison' : i % 5 === 4 ? 'noise' : 'fine';
}

/** Large ones, so that a batch of events takes few of them and there are many places to die at. */
const records: SentRecord[] = Array.from({ length: RECORDS }, (_, i) => ({
  value: `<13>1 2026-11-23T19:42:54Z web app ${i} - - ${kindOf(i)} ${i} ${'x'.repeat(200_000)}`,
}));

const idsOf = (kind: string): string[] => records.flatMap((_, i) => (kindOf(i) === kind ? [`local.raw.0.${i}.0`] : []));

/** Kills the child some ms after it said something, or after it started where it has nothing left to say. */
async function killSomewhere(child: ChildProcess, delayMs: number): Promise<void> {
  const exited = once(child, 'exit');
  await Promise.race([once(child, 'message'), exited]);
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  child.kill('SIGKILL');
  await exited;
}

it('loses and repeats nothing when it is killed again and again', { timeout: 120_000 }, async () => {
  const before = await openWorld(nodeDisk, 1, directory);
  await send(before.queue, records, 3);
  await before.close();
  const delays = Array.from({ length: ROUNDS }, () => Math.floor(Math.random() * 12));
  let died = 0;
  for (const delayMs of delays) {
    const watched = await openWorld(nodeDisk, 1, directory);
    const done = (await readBack(watched.queue)).markers.at(-1)?.rawOffset === RECORDS;
    await watched.close();
    if (done) break;
    await killSomewhere(fork(CHILD, [directory], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }), delayMs);
    died++;
  }
  console.info(`killed ${died} times, after ${delays.join(', ')} ms`);
  const world = await openWorld(nodeDisk, 1, directory);
  const processor = startProcessor(world.queue);
  await vi.waitFor(async () => expect((await readBack(world.queue)).markers.at(-1)?.rawOffset).toBe(RECORDS), WAIT);
  await processor.stop();
  const { events, letters, markers } = await readBack(world.queue);
  expect(died).toBeGreaterThan(0);
  expect(events.map(({ id }) => id)).toEqual(idsOf('fine'));
  expect(letters.map(({ origin }) => origin)).toEqual(idsOf('poison'));
  expect(addUp(markers.flatMap(({ ledger }) => ledger))).toEqual({
    taken: RECORDS,
    out: events.length,
    dropped: idsOf('noise').length,
    dead: letters.length,
  });
  await world.close();
});
