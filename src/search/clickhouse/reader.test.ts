import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StoredEvent } from '../../event/event.ts';
import { parseQuery } from '../../query/parse.ts';
import { Admission } from '../admission.ts';
import { CONTRACT_EVENTS as EVENTS, searchContract } from '../testing/search-contract.ts';
import { openStoreKit, type StoreKit } from '../testing/store-kit.ts';

let folder: string;
let kit: StoreKit;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-reader-'));
  kit = await openStoreKit({ directory: folder });
  kit.startIndexer();
  // Several inserts, so several parts.
  for (let from = 0; from < EVENTS.length; from += 80) {
    await kit.append(0, EVENTS.slice(from, from + 80));
    await kit.settled();
  }
}, 60_000);
afterAll(async () => {
  await kit?.close();
  await rm(folder, { recursive: true, force: true });
});

const NEWEST = { limit: 10, order: 'desc' } as const;

const ask = (tenant: string, query = '*') => ({
  tenant,
  query: parseQuery(query),
  fromMs: Number.NEGATIVE_INFINITY,
  toMs: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
});

searchContract(() => kit.engine);

describe('limits', () => {
  async function limited(limits: { timeMs?: number; memoryBytes?: number }): Promise<unknown> {
    await kit.close();
    kit = await openStoreKit({ directory: folder, engine: { limits } });
    const by = [{ root: 'payload', path: ['number'] }] as const;
    const stats = () => kit.engine.stats({ ...ask('large'), fn: 'p99', of: by[0], by, limit: 1_000 });
    const outcome = await stats().catch((thrown: unknown) => thrown);
    await kit.close();
    kit = await openStoreKit({ directory: folder });
    return outcome;
  }

  test('of rows that are sorted for an id: beyond it the same events are found in order', async () => {
    const page = async () => {
      const { events } = await kit.engine.search({ ...ask('common'), query: parseQuery('trace_id:0'), ...NEWEST });
      return events.map(({ id }) => id);
    };
    const id = (n: number) => `local.raw.9.${n}.0`;
    const events = Array.from({ length: 30 }, (_, n): StoredEvent => {
      const payload = { trace_id: n % 3 === 0 ? 0 : '0' };
      const times = { timestamp: 1_000_000 + n, received: 1_000_000 + n };
      return { id: id(n), tenant: 'common', type: 'log', source: 'a:b', metadata: {}, payload, ...times };
    });
    await kit.append(0, events);
    await kit.settled();
    const expected = Array.from({ length: NEWEST.limit }, (_, n) => id(29 - n));
    expect(await page()).toEqual(expected);
    await kit.close();
    kit = await openStoreKit({ directory: folder, engine: { limits: { sortedRows: 1 } } });
    expect(await page()).toEqual(expected);
    await kit.close();
    kit = await openStoreKit({ directory: folder });
  });

  test('of time stop a question', async () => {
    expect(await limited({ timeMs: 0 })).toHaveProperty('code', 'QUERY_TIMEOUT');
  });

  test('of memory stop a question', async () => {
    expect(await limited({ memoryBytes: 1_000 })).toHaveProperty('code', 'QUERY_MEMORY');
  });

  test('of questions at a time make a tenant wait, refuse it beyond that, and serve the others in turn', async () => {
    const admission = new Admission({ concurrent: 2, concurrentPerTenant: 2, waitingPerTenant: 2 });
    const { signal } = new AbortController();
    const order: string[] = [];
    const release: (() => void)[] = [];
    const run = (tenant: string, name: string) =>
      admission.run(tenant, signal, () => {
        order.push(name);
        return new Promise<void>((resolve) => void release.push(resolve));
      });
    const runs = [run('a', 'a1'), run('a', 'a2'), run('a', 'a3'), run('a', 'a4')];
    await expect(run('a', 'a5')).rejects.toHaveProperty('code', 'TOO_MANY_REQUESTS');
    runs.push(run('b', 'b1'));
    expect([admission.running, admission.waiting]).toEqual([2, 3]);
    for (let done = 0; done < runs.length; done++) {
      await expect.poll(() => release.length).toBeGreaterThan(done);
      release[done]?.();
    }
    await Promise.all(runs);
    // The tenants that wait take turns.
    expect(order).toEqual(['a1', 'a2', 'a3', 'b1', 'a4']);
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });

  test('a question that is cancelled while it waits gives its place up', async () => {
    const admission = new Admission({ concurrent: 1, concurrentPerTenant: 1, waitingPerTenant: 1 });
    const free = new AbortController();
    let release = () => {};
    const first = admission.run(
      'a',
      free.signal,
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    const cancelled = new AbortController();
    const second = admission.run('a', cancelled.signal, async () => 'ran');
    cancelled.abort();
    await expect(second).rejects.toHaveProperty('code', 'QUERY_CANCELLED');
    expect(admission.waiting).toBe(0);
    release();
    await first;
    expect(await admission.run('a', free.signal, async () => 'ran')).toBe('ran');
  });
});
