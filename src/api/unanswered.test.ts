import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, test, vi } from 'vitest';
import { type ApiServers, startApiServers } from '../../test/support/api-servers.ts';
import { MemoryReader } from '../../test/support/memory-reader.ts';
import { SpillwayError } from '../lib/errors.ts';
import { PROXY_LIMITS } from '../lib/limits.ts';
import { UnansweredQuestions } from './unanswered.ts';

const START_MS = Date.UTC(2026, 10, 26, 3);

function opened() {
  let nowMs = START_MS;
  const unanswered = new UnansweredQuestions({ now: () => nowMs });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { unanswered, pass };
}

test('what one tenant was not told is in trouble since then, until it is told, whatever others are', () => {
  const { unanswered, pass } = opened();
  unanswered.note('shop', false);
  pass(5_000);
  unanswered.note('shop', false);
  unanswered.note('bank', true);
  expect(unanswered.troubles()).toEqual([expect.stringContaining('since 2026-11-26T03:00:00.000Z')]);
  expect(unanswered.troubles().join()).not.toContain('shop');
  unanswered.note('shop', true);
  expect(unanswered.troubles()).toEqual([]);
});

test('what nobody has asked again is not known any more, and begins anew', () => {
  const { unanswered, pass } = opened();
  unanswered.note('shop', false);
  pass(PROXY_LIMITS.unansweredMs - 1);
  expect(unanswered.troubles()).toHaveLength(1);
  pass(1);
  expect(unanswered.troubles()).toEqual([]);
  unanswered.note('shop', false);
  expect(unanswered.troubles()).toEqual([expect.stringContaining('since 2026-11-26T03:00:30.000Z')]);
});

test('of more tenants than it remembers the last are remembered', () => {
  const { unanswered } = opened();
  for (let number = 0; number <= PROXY_LIMITS.unansweredTenants; number++) unanswered.note(`t${number}`, false);
  for (let number = 1; number < PROXY_LIMITS.unansweredTenants; number++) unanswered.note(`t${number}`, true);
  expect(unanswered.troubles(), 'the last one').toHaveLength(1);
  unanswered.note(`t${PROXY_LIMITS.unansweredTenants}`, true);
  expect(unanswered.troubles(), 'the first one was left out').toEqual([]);
});

describe('health, and the status that the console shows', () => {
  const reader = new MemoryReader();
  let api: ApiServers;
  beforeAll(async () => {
    api = await startApiServers({ reader, spool: { records: 12, sinceMs: START_MS } });
  });
  afterAll(() => api.close());

  const ask = async (path: string) => (await fetch(`${api.frontUrl}${path}`)).json();
  const failing = (error: SpillwayError) => async () => Promise.reject(error);
  const away = failing(new SpillwayError('UNAVAILABLE', 'The engine does not answer.'));
  const health = async () => {
    const ready = await ask('/health/ready');
    expect((await ask('/api/status')).health, 'they say the same').toEqual(ready);
    return ready;
  };
  const degraded = {
    status: 'degraded',
    reasons: [expect.stringMatching(/^The store has not answered questions since 2\d{3}-.*Z: /)],
  };
  // It is noted when the answer is out.
  const becomes = (expected: object) => vi.waitFor(async () => expect(await health()).toEqual(expected));

  it('are degraded while the engine of the store is away, and well again with the next answer', async () => {
    reader.before = away;
    expect((await fetch(`${api.frontUrl}/api/count`)).status).toBe(503);
    await becomes(degraded);
    expect(await (await fetch(`${api.storeUrl}/health/ready`)).json(), 'of the store itself').toEqual(degraded);
    reader.before = async () => {};
    expect((await fetch(`${api.frontUrl}/api/count`)).status).toBe(200);
    await becomes({ status: 'ok' });
  });

  it('are degraded while the store that was there is gone', async () => {
    api.where.store = undefined;
    expect((await fetch(`${api.frontUrl}/api/count`)).status).toBe(503);
    await becomes(degraded);
    api.where.store = { port: (api.store.server.address() as AddressInfo).port };
    expect((await fetch(`${api.frontUrl}/api/count`)).status).toBe(200);
    await becomes({ status: 'ok' });
  });

  it('say nothing of a question that asked for too much', async () => {
    const refused = async () => {
      const { values = [] } = (await api.registries.front.getSingleMetric('spillway_http_requests_total')?.get()) ?? {};
      return values.filter(({ labels }) => String(labels.status) === '503').reduce((sum, { value }) => sum + value, 0);
    };
    const before = await refused();
    reader.before = failing(new SpillwayError('QUERY_TIMEOUT', 'It took too long.'));
    expect((await fetch(`${api.frontUrl}/api/count`)).status).toBe(503);
    // It is counted before it would be noted, and health is asked after both.
    await vi.waitFor(async () => expect(await refused()).toBe(before + 1));
    reader.before = async () => {};
    expect(await health()).toEqual({ status: 'ok' });
  });

  it('say how full the disk is and what is kept for the queue, where the machine says it', async () => {
    expect(await ask('/api/status')).toMatchObject({
      disk: { freeBytes: 1, usedPercent: 0 },
      spool: { records: 12, since: '2026-11-26T03:00:00.000Z' },
    });
  });
});
