/** A start knows the Idempotency-Keys of the last day: from its note and the log after it, or from the log alone. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { COLLECT_LIMITS } from '../lib/limits.ts';
import { createLog } from '../lib/log.ts';
import type { PartitionWriter, Queue } from '../queue/port.ts';
import { type Fixture, type FixtureOptions, startCollector } from './collector.fixture.ts';
import { IdempotencyKeys } from './inputs/http/idempotency.ts';
import { KeyMemory } from './key-memory.ts';
import { TroubledDisk } from './troubled-disk.fixture.ts';

let fixture: Fixture;
beforeEach(async () => {
  fixture = await startCollector({ keysFile: true });
});
afterEach(async () => {
  await fixture.stop();
  await fixture.remove();
});

async function restart(options: FixtureOptions = {}): Promise<void> {
  await fixture.stop();
  fixture = await startCollector({ folder: fixture.folder, keysFile: true, ...options });
}

async function post(key: string, body: string): Promise<number> {
  const headers = { 'content-type': 'text/plain', 'idempotency-key': key };
  return (await fetch(`${fixture.url}/api/logs`, { method: 'POST', headers, body })).status;
}

const note = (): string => join(fixture.folder, 'collector', 'keys.json');
const texts = async (): Promise<string[]> => (await fixture.records()).map(({ text }) => text);

it('is right from the note of a clean stop, without reading the log again', async () => {
  await post('k', 'a');
  await restart();
  expect(JSON.parse(await readFile(note(), 'utf8')).book.finished).toHaveLength(1);
  expect(await post('k', 'a')).toBe(200);
  expect(await post('k', 'b')).toBe(422);
  expect(await texts()).toEqual(['a']);
});

it('is right from an old note and the log after it', async () => {
  await post('old', 'a');
  await restart();
  const old = await readFile(note());
  await post('new', 'b');
  await fixture.stop();
  await writeFile(note(), old);
  await restart();
  expect(await Promise.all([post('old', 'x'), post('new', 'x')])).toEqual([422, 422]);
  expect(await Promise.all([post('old', 'a'), post('new', 'b')])).toEqual([200, 200]);
  expect((await texts()).sort()).toEqual(['a', 'b']);
});

it.each([
  ['broken', '{'],
  ['of another kind', '{"format":"x","book":{}}'],
  [
    'of another log',
    '{"format":"spillway-idempotency-keys-1","book":{"ends":{"raw/0":1e9,"raw/1":1e9},"finished":[]}}',
  ],
])('is right without a note, or with one that is %s', async (_, content) => {
  await post('k', 'a');
  await fixture.stop();
  await writeFile(note(), content);
  await restart();
  expect(await post('k', 'b')).toBe(422);
  expect(await texts()).toEqual(['a']);
});

it('finishes a request that was cut in two, also when notes were written in between', async () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} ${'x'.repeat(200)}`);
  const trouble = new TroubledDisk();
  await restart({ disk: trouble.disk, limits: { keySnapshotMs: 10 } });
  fixture.events.once('accepted', () => {
    trouble.trouble = { operation: 'write', code: 'ENOSPC', below: 'raw' };
  });
  expect(await post('cut', lines.join('\n'))).toBe(503);
  await vi.waitFor(async () => expect(JSON.parse(await readFile(note(), 'utf8')).book.finished).toEqual([]));
  for (let i = 0; i < 2; i++) await restart();
  const before = (await texts()).length;
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(lines.length);
  expect(await post('cut', lines.join('\n'))).toBe(200);
  const after = await texts();
  // Compared as numbers, since a difference of 20,000 lines says little.
  expect([before, after.length, firstDifference(after, lines)]).toEqual([before, lines.length, -1]);
});

it('notes keys while the queue is away as well, for a further start without it and for the log once it is there', async () => {
  const file = join(fixture.folder, 'late.json');
  const book = { ends: { 'raw/0': 7 }, finished: [] };
  await writeFile(file, JSON.stringify({ format: 'spillway-idempotency-keys-1', book }));
  const open = async () => {
    const keys = new IdempotencyKeys(systemClock, COLLECT_LIMITS, () => ({ 'raw/0': 0 }));
    const memory = new KeyMemory({
      keys,
      // It is not asked before the writers know where their partitions end.
      queue: {} as Queue,
      writers: [{ known: new Promise(() => {}) } as PartitionWriter],
      fromMs: 0,
      limits: COLLECT_LIMITS,
      log: createLog('test', 'silent'),
      file,
    });
    await memory.usable;
    return { keys, memory };
  };
  const first = await open();
  const { state, end } = await first.keys.claim({ key: 'k', body: 'a' });
  state.total = { records: 1, deadLetters: 0 };
  state.durableRecords = 1;
  end(true);
  await first.memory.close();
  expect(JSON.parse(await readFile(file, 'utf8')).book).toMatchObject({ ends: book.ends, finished: [{ key: 'k' }] });
  const second = await open();
  await expect(second.keys.claim({ key: 'k', body: 'b' })).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
  await second.memory.close();
});

const firstDifference = (a: readonly string[], b: readonly string[]): number => a.findIndex((text, i) => text !== b[i]);
