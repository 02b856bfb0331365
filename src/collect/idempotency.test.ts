/** An Idempotency-Key makes a retry safe: at any time, after any crash. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { COLLECT_LIMITS } from '../lib/limits.ts';
import { type Fixture, MemoryClock, startCollector } from './collector.fixture.ts';

let fixture: Fixture;
const clock = new MemoryClock(Date.UTC(2026, 0, 1));

beforeEach(async () => {
  fixture = await startCollector({ clock });
});
afterEach(async () => {
  await fixture.stop();
  await fixture.remove();
});

async function post(key: string, body: string, type = 'text/plain', query = '', to = fixture) {
  const response = await fetch(`${to.url}/api/logs${query}`, {
    method: 'POST',
    headers: { 'content-type': type, 'idempotency-key': key },
    body,
  });
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
}

const texts = async (): Promise<string[]> => (await fixture.records()).map(({ text }) => text);

it('stores a request once, and answers its retry in the same way', async () => {
  const body = '{"a":1}\nbroken\n';
  const first = await post('k', body, 'application/x-ndjson');
  const second = await post('k', body, 'application/x-ndjson');
  expect(first).toMatchObject({ status: 200, answer: { accepted: 1, deadLettered: 1 } });
  expect(second).toEqual(first);
  expect(await texts()).toEqual(['{"a":1}']);
  expect(await fixture.letters()).toHaveLength(1);
});

it('refuses the same key with another body, or with the same one read in another way', async () => {
  await post('k', 'a');
  for (const retry of [post('k', 'b'), post('k', 'a', 'text/plain', '?app=x'), post('k', '"a"', 'application/json')]) {
    expect(await retry).toMatchObject({ status: 422, answer: { code: 'IDEMPOTENCY_MISMATCH' } });
  }
  expect(await texts()).toEqual(['a']);
});

it('keeps the keys of tenants apart', async () => {
  await fixture.stop();
  let tenant = 'one';
  fixture = await startCollector({
    folder: fixture.folder,
    authenticate: () => ({ tenant, scopes: new Set(['ingest']) }),
  });
  await post('k', 'a');
  tenant = 'two';
  expect((await post('k', 'b')).status).toBe(200);
  expect((await texts()).sort()).toEqual(['a', 'b']);
});

it('stores one of many retries at the same time', async () => {
  const body = Array.from({ length: 3_000 }, (_, i) => `line ${i}`).join('\n');
  const answers = await Promise.all(Array.from({ length: 8 }, () => post('k', body)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(await texts()).toHaveLength(3_000);
});

it('knows the keys again after a restart', async () => {
  await post('k', '{"a":1}\nbroken', 'application/x-ndjson');
  await fixture.stop();
  fixture = await startCollector({ folder: fixture.folder, clock });
  const again = await post('k', '{"a":1}\nbroken', 'application/x-ndjson');
  expect(again).toMatchObject({ status: 200, answer: { accepted: 1, deadLettered: 1 } });
  expect(await post('k', 'b')).toMatchObject({ status: 422 });
  expect(await texts()).toEqual(['{"a":1}']);
  expect(await fixture.letters()).toHaveLength(1);
});

it('is known to another collector as far as dead letters go, of which no processor drops the second', async () => {
  const ndjson = 'application/x-ndjson';
  const before = '{"a":1}\nbroken before\n';
  await post('before', before, ndjson);
  const other = await startCollector({ clock, beside: fixture });
  try {
    // Long ones are in chunks, of which the last counts.
    const bodies = ['{"a":1}\none\n{"a":2}\ntwo\n', `{"a":1}\n${'x'.repeat(2_000_000)}\nthree\n`];
    const first = await Promise.all(bodies.map((body, i) => post(`k${i}`, body, ndjson)));
    const again = await Promise.all(bodies.map((body, i) => post(`k${i}`, body, ndjson, '', other)));
    expect(again).toEqual(first);
    expect(await post('before', before, ndjson, '', other)).toMatchObject({ answer: { deadLettered: 1 } });
    expect(await fixture.letters()).toHaveLength(5);
    // Another request with the same lines, and the same key of another body, are others.
    await post('other', bodies[0] ?? '', ndjson, '', other);
    await post('k0', 'broken too\n{}\n', ndjson, '', other).then(({ status }) => expect(status).toBe(422));
    expect(await fixture.letters()).toHaveLength(7);
    // Back at the first one.
    await post('other', bodies[0] ?? '', ndjson);
    expect(await fixture.letters()).toHaveLength(7);
  } finally {
    await other.stop();
  }
});

it('forgets a key after a day', async () => {
  await post('k', 'a');
  clock.jump(COLLECT_LIMITS.idempotencyTtlMs);
  expect(await post('k', 'b')).toMatchObject({ status: 422 });
  clock.jump(1);
  expect(await post('k', 'b')).toMatchObject({ status: 200 });
});

it('remembers a bounded number of keys, and forgets the oldest first', async () => {
  await fixture.stop();
  fixture = await startCollector({ folder: fixture.folder, clock, limits: { idempotencyKeys: 2 } });
  await post('a', 'x');
  clock.jump(1);
  await post('b', 'x');
  clock.jump(1);
  await post('c', 'x');
  expect(await post('b', 'y')).toMatchObject({ status: 422 });
  expect(await post('a', 'y')).toMatchObject({ status: 200 });
});

it('takes a key up to its limit', async () => {
  const longest = 'k'.repeat(COLLECT_LIMITS.idempotencyKeyBytes);
  expect((await post(longest, 'a')).status).toBe(200);
  expect(await post(`${longest}k`, 'a')).toMatchObject({ status: 400, answer: { code: 'BAD_REQUEST' } });
});

it('does not remember the key of a body of which nothing could be read', async () => {
  expect((await post('k', '{', 'application/json')).status).toBe(400);
  expect((await post('k', '{}', 'application/json')).status).toBe(200);
});
