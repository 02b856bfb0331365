import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ApiServers, startApiServers } from '../../../../test/support/api-servers.ts';
import { MemoryReader } from '../../../../test/support/memory-reader.ts';
import { sampleEvent } from '../../../../test/support/sample-events.ts';
import type { AnsweredEvent } from '../../../event/event.ts';
import { RecordBatchBuilder } from '../../../event/record-batch.ts';
import { TOPICS } from '../../../event/topics.ts';
import { AUTH_LIMITS, QUERY_LIMITS } from '../../../lib/limits.ts';
import { revokeToken } from '../../auth/tokens.ts';
import type { TailDropped } from '../../schemas/context.ts';

let nowMs = 0;
/** Real time, and what tests add to it. */
const clock = { now: () => Date.now() + nowMs };
let api: ApiServers;
let number = 0;

beforeAll(async () => {
  api = await startApiServers({ reader: new MemoryReader(), clock });
});
afterAll(() => api.close());
const open = new Set<AbortController>();
afterEach(async () => {
  for (const gone of open) gone.abort();
  open.clear();
  await vi.waitFor(async () => expect(await clients()).toBe(0));
});

/** A token that servers know already. */
function token(tenant: string): Record<string, string> {
  const made = api.token(tenant, 'read');
  nowMs += AUTH_LIMITS.recheckMs;
  return { authorization: `Bearer ${made}` };
}

const event = (message: string, tenant = 'default') =>
  sampleEvent(number++, { timestamp: Date.now(), message, tenant });

async function clients(): Promise<number | undefined> {
  return (await api.registries.store.getSingleMetric('spillway_tail_clients')?.get())?.values[0]?.value;
}

/** Follows `q`; what came is in `events` and `dropped`. Resolves when the server says that it follows. */
async function follow(q = '', headers: Record<string, string> = {}, url = api.frontUrl) {
  const gone = new AbortController();
  open.add(gone);
  const response = await fetch(`${url}/api/tail?q=${encodeURIComponent(q)}`, { headers, signal: gone.signal });
  const events: AnsweredEvent[] = [];
  const dropped: TailDropped[] = [];
  const seen = { text: '' };
  const take = (block: string): void => {
    const [, name, data] = /event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
    if (name === 'event') events.push(JSON.parse(data ?? ''));
    if (name === 'dropped') dropped.push(JSON.parse(data ?? ''));
  };
  const ended = (async () => {
    if (response.body === null) throw new Error('no body');
    let rest = '';
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      seen.text += text;
      const blocks = (rest + text).split('\n\n');
      rest = blocks.pop() ?? '';
      blocks.forEach(take);
    }
    return 'ended';
  })().catch(() => 'broken');
  if (response.ok) await vi.waitFor(() => expect(seen.text).toMatch(/^: following/));
  return { response, events, dropped, seen, ended, leave: () => gone.abort() };
}

const messages = (events: readonly AnsweredEvent[]) => events.map(({ message }) => message);

describe('a tail', () => {
  it('shows everything that arrives after it began, and nothing from before', async () => {
    await api.publish([event('before')]);
    const { events, response } = await follow();
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    await api.publish([event('one'), event('two')]);
    await api.publish([event('three')], 1);
    await vi.waitFor(() => expect(messages(events).sort()).toEqual(['one', 'three', 'two']));
    expect(events[0]).toMatchObject({ tenant: 'default', metadata: { app: 'web' }, tags: [] });
    expect(events[0]?.timestamp).toMatch(/^\d{4}-.*Z$/);
  });

  it('shows what arrives in partitions that were added after it began', async () => {
    const { events } = await follow();
    const added = api.queue.partitionCount(TOPICS.events);
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ partitions: added + 1 });
    await fetch(`${api.frontUrl}/api/topics/partitions`, { method: 'POST', headers, body });
    const writer = await api.queue.openWriter({ topic: TOPICS.events, partition: added });
    const batch = new RecordBatchBuilder();
    const bytes = Buffer.from(JSON.stringify(event('in a new partition')));
    batch.append(bytes, 0, bytes.length, Date.now());
    await writer.append(batch.finish());
    await vi.waitFor(() => expect(messages(events)).toEqual(['in a new partition']));
    await writer.close();
  });

  it('shows only what matches, to each follower its own', async () => {
    const some = await follow('message:needle');
    const all = await follow();
    await api.publish([event('hay'), event('a needle'), event('more hay')]);
    await vi.waitFor(() => expect(all.events).toHaveLength(3));
    await vi.waitFor(() => expect(messages(some.events)).toEqual(['a needle']));
  });

  it("never shows another tenant's events", async () => {
    const shop = await follow('', token('shop'));
    const own = await follow();
    await api.publish([event('ours'), event('theirs', 'shop'), event('of nobody here', 'third')]);
    await vi.waitFor(() => expect(messages(own.events)).toEqual(['ours']));
    await vi.waitFor(() => expect(messages(shop.events)).toEqual(['theirs']));
  });

  it('shows the payload as it was sent', async () => {
    const { events } = await follow();
    await api.publish([{ ...event('x'), payload: { a: { b: 1 } }, exact: '{"a.b":1,"none":null}' }]);
    await vi.waitFor(() => expect(events[0]?.payload).toEqual({ 'a.b': 1, none: null }));
  });

  it('goes on past records that are no events', async () => {
    const { events } = await follow();
    const broken = { ...event('x'), toJSON: () => 'not an event' };
    await api.publish([broken, event('after')]);
    await vi.waitFor(() => expect(messages(events)).toEqual(['after']));
  });

  it('that is quiet sends heartbeats', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const { seen } = await follow();
      await vi.advanceTimersByTimeAsync(QUERY_LIMITS.tailHeartbeatMs);
      await vi.waitFor(() => expect(seen.text).toContain(': here\n\n'));
    } finally {
      vi.useRealTimers();
    }
  });

  it('refuses a query that cannot be read', async () => {
    const { response } = await follow('app:(');
    expect(response.status).toBe(400);
  });

  it('ends when its token is revoked', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const headers = token('shop');
      const { ended } = await follow('', headers);
      revokeToken(api.folder, /spw_(\w{12})/.exec(headers.authorization ?? '')?.[1] ?? '');
      nowMs += AUTH_LIMITS.recheckMs;
      await vi.advanceTimersByTimeAsync(QUERY_LIMITS.tailHeartbeatMs);
      expect(await ended).toBe('ended');
    } finally {
      vi.useRealTimers();
    }
  });

  it('frees its place, and reading stops, when the last client goes', async () => {
    const { leave } = await follow();
    expect(await clients()).toBe(1);
    leave();
    await vi.waitFor(async () => expect(await clients()).toBe(0));
    const again = await follow();
    await api.publish([event('again')]);
    await vi.waitFor(() => expect(messages(again.events)).toEqual(['again']));
  });
});

describe('a tail that gets too much', () => {
  it('says how much it left out when events come faster than the limit', async () => {
    const { events, dropped } = await follow();
    const many = Array.from({ length: QUERY_LIMITS.tailEventsPerSecond * 2 }, () => event('many'));
    await api.publish(many);
    await vi.waitFor(() => expect(events.length).toBeGreaterThanOrEqual(QUERY_LIMITS.tailEventsPerSecond));
    nowMs += 10_000;
    await api.publish([event('after a while')]);
    await vi.waitFor(() => expect(messages(events)).toContain('after a while'));
    const left = dropped.reduce((sum, { count }) => sum + count, 0);
    expect(events.length + left).toBe(many.length + 1);
    expect(left).toBeGreaterThan(0);
  });

  it('holds no more than its buffer for a client that does not read, and counts the rest', async () => {
    const socket = connect(Number(new URL(api.storeUrl).port), '127.0.0.1');
    const gone = new AbortController();
    open.add(gone);
    gone.signal.addEventListener('abort', () => socket.destroy());
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.write('GET /api/tail HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await vi.waitFor(() => expect(text).toContain(': following'));
    socket.pause();
    const sent = 50;
    const left = async () => {
      const counter = await api.registries.store.getSingleMetric('spillway_tail_dropped_events_total')?.get();
      return counter?.values[0]?.value ?? 0;
    };
    const before = await left();
    for (let i = 0; i < sent; i++) await api.publish([event('x'.repeat(500_000))]);
    await vi.waitFor(async () => expect(await left()).toBeGreaterThan(before), 20_000);
    socket.resume();
    // Those that are asked for below, until one gets through, are others.
    const shown = () => (text.match(/x{500000}/g) ?? []).length;
    await vi.waitFor(async () => {
      await api.publish([event('again')]);
      expect(text).toContain('"again"');
    }, 20_000);
    expect(text).toMatch(/event: dropped\r?\ndata: {"count":\d+,"unread":0}/);
    expect(shown()).toBeLessThan(sent);
  });

  it('is refused past so many clients of one tenant', async () => {
    for (let i = 0; i < QUERY_LIMITS.tailClientsPerTenant; i++) await follow();
    const { response } = await follow();
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    const shop = await follow('', token('shop'));
    expect(shop.response.status).toBe(200);
  });
});

it('a closing server ends its tails', async () => {
  const own = await startApiServers({ reader: new MemoryReader() });
  const direct = await follow('', {}, own.storeUrl);
  const streamed = await follow('', {}, own.frontUrl);
  await own.close();
  expect(await direct.ended).toBe('ended');
  expect(await streamed.ended).toBe('ended');
});
