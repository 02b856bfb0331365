import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StoredEvent } from '../../event/event.ts';
import { parseQuery } from '../../query/parse.ts';
import { openStoreKit, type StoreKit } from '../testing/store-kit.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
const EVENTS = 60_000;
const BATCH = 5_000;
const ROUNDS = 40;

let folder: string;
let kit: StoreKit;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-cancel-'));
  kit = await openStoreKit({ directory: folder });
  for (let from = 0; from < EVENTS; from += BATCH) {
    await kit.append(
      0,
      Array.from({ length: BATCH }, (_, i) => eventOf(from + i)),
    );
  }
  kit.startIndexer();
  await kit.settled();
}, 120_000);

afterAll(async () => {
  await kit?.close();
  await rm(folder, { recursive: true, force: true });
});

function eventOf(number: number): StoredEvent {
  const tenant = number % 100 === 0 ? 'small' : 'large';
  const app = `${tenant}-${number % 7}`;
  return {
    id: `local.raw.0.${number}.0`,
    tenant,
    timestamp: NOW_MS + number,
    received: NOW_MS + number,
    type: 'log',
    source: app,
    message: `message ${number} of ${tenant}`,
    metadata: { app },
    payload: { number },
  };
}

const question = (tenant: string, signal: AbortSignal) => ({
  tenant,
  query: parseQuery('message'),
  fromMs: NOW_MS,
  toMs: NOW_MS + EVENTS,
  signal,
});

test('the answer after a cancelled question holds nothing of it, for no tenant', async () => {
  const { engine } = kit;
  const field = { root: 'metadata', path: ['app'] } as const;
  let cancelled = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const controller = new AbortController();
    const abandoned = engine
      .search({ ...question('large', controller.signal), limit: 1_000, order: 'desc' })
      .catch(() => cancelled++);
    setTimeout(() => controller.abort(), round % 20);
    await abandoned;
    const { signal } = new AbortController();
    expect(await engine.count(question('small', signal))).toBe(EVENTS / 100);
    const { values, total } = await engine.values({ ...question('small', signal), field, limit: 100 });
    expect(values.map(({ value }) => String(value).split('-')[0])).toEqual(values.map(() => 'small'));
    expect(total).toBe(EVENTS / 100);
  }
  expect(cancelled).toBeGreaterThan(0);
});

test('a question that is cancelled frees its place at once', async () => {
  const { engine } = kit;
  const controllers = Array.from({ length: 4 }, () => new AbortController());
  const slow = controllers.map(({ signal }) =>
    engine.stats({
      ...question('large', signal),
      query: parseQuery('message:/(m|e|s|a|g)+.*/'),
      fn: 'unique',
      of: { root: 'payload', path: ['number'] },
      by: [{ root: 'payload', path: ['number'] }],
      limit: 1_000,
    }),
  );
  const ended = Promise.allSettled(slow);
  for (const controller of controllers) controller.abort();
  await ended;
  expect(await engine.count(question('large', new AbortController().signal))).toBe(EVENTS - EVENTS / 100);
});
