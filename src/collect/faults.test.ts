/** What holds when the disk is full, slow or broken: nothing that was answered is lost, and nobody else is harmed. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectTo, type Fixture, type FixtureOptions, startCollector } from './collector.fixture.ts';
import { TroubledDisk } from './troubled-disk.fixture.ts';

let fixture: Fixture;
let trouble: TroubledDisk;
const FULL = { operation: 'write', code: 'ENOSPC', below: 'raw' } as const;

async function start(options: FixtureOptions = {}): Promise<void> {
  trouble = new TroubledDisk();
  fixture = await startCollector({
    syslog: [{ tcp: true, udp: true }],
    disk: trouble.disk,
    partitions: 1,
    ...options,
    limits: { retryMs: 20, drainMs: 500, drainQuietMs: 20, ...options.limits },
  });
}

beforeEach(() => start());
afterEach(async () => {
  trouble.trouble = undefined;
  trouble.release();
  await fixture.stop();
  await fixture.remove();
});

async function restart(options: FixtureOptions = {}): Promise<void> {
  await fixture.stop();
  await start({ folder: fixture.folder, ...options });
}

async function post(body: string, headers: Record<string, string> = {}, query = '') {
  const response = await fetch(`${fixture.url}/api/logs${query}`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', ...headers },
    body,
  });
  const answer = (await response.json()) as Record<string, unknown>;
  return { status: response.status, answer, retryAfter: response.headers.get('retry-after') };
}

const texts = async (): Promise<string[]> => (await fixture.records()).map(({ text }) => text);
const lines = (from: number, to: number, size = 0): string[] =>
  Array.from({ length: to - from }, (_, i) => `<13>line ${from + i}${' '.repeat(size)}.`);

describe('a full disk', () => {
  it('loses and repeats nothing that came over TCP, and goes on by itself when there is space', async () => {
    const socket = await connectTo(fixture.port('syslog TCP'));
    socket.write(`${lines(0, 100).join('\n')}\n`);
    await vi.waitFor(async () => expect(await texts()).toHaveLength(100));
    trouble.trouble = FULL;
    const rest = lines(100, 20_000, 300);
    socket.write(`${rest.join('\n')}\n`);
    await vi.waitFor(() => expect(trouble.failures).toBeGreaterThan(2));
    await vi.waitFor(async () => expect(await fixture.metric('spillway_collect_paused_connections')).toBe(1));
    expect(await texts()).toHaveLength(100);
    trouble.trouble = undefined;
    await vi.waitFor(async () => expect(await texts()).toHaveLength(20_000), { timeout: 10_000 });
    expect(await texts()).toEqual([...lines(0, 100), ...rest]);
    expect(await fixture.metric('spillway_collect_paused_connections')).toBe(0);
    socket.destroy();
  });

  it('does not hold up a stop: what is not durable by then is counted as lost', async () => {
    trouble.trouble = FULL;
    const socket = await connectTo(fixture.port('syslog TCP'));
    socket.write('<13>a\n<13>b\n');
    await vi.waitFor(() => expect(trouble.failures).toBeGreaterThan(0));
    await fixture.collector.close();
    expect(await fixture.metric('spillway_collect_lost_records_total')).toBe(2);
    expect(await texts()).toEqual([]);
    socket.destroy();
  });

  it('is said over HTTP with Retry-After, and what was refused is not there', async () => {
    trouble.trouble = FULL;
    expect(await post('a')).toMatchObject({
      status: 503,
      answer: { code: 'DISK_FULL' },
      retryAfter: expect.any(String),
    });
    trouble.trouble = undefined;
    expect((await post('b')).status).toBe(200);
    expect(await texts()).toEqual(['b']);
  });

  it('does not repeat what of a keyed request was there before it was full', async () => {
    const body = lines(0, 20_000, 200).join('\n');
    const headers = { 'idempotency-key': 'k' };
    const stored = once(fixture.events, 'accepted').then(() => {
      trouble.trouble = FULL;
    });
    expect(await post(body, headers)).toMatchObject({ status: 503 });
    await stored;
    const before = (await texts()).length;
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(20_000);
    trouble.trouble = undefined;
    expect(await post(body, headers)).toMatchObject({ status: 200, answer: { accepted: 20_000 } });
    expect(await texts()).toEqual(body.split('\n'));
  });

  it('does not repeat it after a restart in between either', async () => {
    const body = lines(0, 20_000, 200).join('\n');
    const headers = { 'idempotency-key': 'k' };
    void once(fixture.events, 'accepted').then(() => {
      trouble.trouble = FULL;
    });
    expect(await post(body, headers)).toMatchObject({ status: 503 });
    await restart();
    expect((await texts()).length).toBeLessThan(20_000);
    expect(await post(body, headers)).toMatchObject({ status: 200, answer: { accepted: 20_000 } });
    expect(await texts()).toEqual(body.split('\n'));
  });
});

describe('a disk that is slow', () => {
  it('pauses TCP, drops and counts UDP, answers HTTP with 503 after a while, and then goes on', async () => {
    await restart({ limits: { httpQueueWaitMs: 100 } });
    trouble.shut();
    const socket = await connectTo(fixture.port('syslog TCP'));
    const sent = lines(0, 40_000, 300);
    socket.write(`${sent.join('\n')}\n`);
    await vi.waitFor(async () => expect(await fixture.metric('spillway_collect_paused_connections')).toBe(1));
    const datagrams = createSocket('udp4');
    datagrams.send('<13>lost', fixture.port('syslog UDP'), '127.0.0.1');
    await vi.waitFor(async () =>
      expect(await fixture.metric('spillway_collect_udp_dropped_datagrams_total', { by: 'saturation' })).toBe(1),
    );
    datagrams.close();
    const posts = Array.from({ length: 6 }, () => post('x'.repeat(900_000)));
    const refused = Promise.any(posts.map(async (one) => ((await one).status === 503 ? one : Promise.reject())));
    expect(await refused).toMatchObject({ answer: { code: 'UNAVAILABLE' }, retryAfter: expect.any(String) });
    trouble.release();
    const taken = (await Promise.all(posts)).filter(({ status }) => status === 200);
    expect(taken.length).toBeGreaterThan(0);
    await vi.waitFor(async () => expect(await texts()).toHaveLength(40_000 + taken.length), { timeout: 10_000 });
    expect((await texts()).filter((text) => text.startsWith('<13>'))).toEqual(sent);
    socket.destroy();
  });

  it('has HTTP answered in time, and a retry with the same key waits for the first', async () => {
    await restart({ limits: { httpAnswerMs: 100 } });
    trouble.shut();
    const headers = { 'idempotency-key': 'k' };
    expect(await post('a', headers)).toMatchObject({ status: 503, answer: { code: 'UNAVAILABLE' } });
    const retry = post('a', headers);
    trouble.release();
    expect(await retry).toMatchObject({ status: 200 });
    expect(await texts()).toEqual(['a']);
  });
});

describe('a sync that fails', () => {
  it('stops one partition, says so to its senders, and harms nobody else', async () => {
    await restart({ partitions: 2 });
    const [stopped, other] = await sourcesOfBothPartitions();
    trouble.trouble = { operation: 'dataSync', code: 'EIO', below: join('raw', '0') };
    const lost = await connectTo(fixture.port('syslog TCP'), stopped);
    lost.write('<13>lost\n');
    await vi.waitFor(async () => expect(await fixture.metric('spillway_collect_lost_records_total')).toBe(1));
    trouble.trouble = undefined;
    lost.write('<13>not read any more\n');
    await vi.waitFor(async () => expect(await fixture.metric('spillway_collect_paused_connections')).toBe(1));
    const kept = await connectTo(fixture.port('syslog TCP'), other);
    kept.write('<13>kept\n');
    await vi.waitFor(async () => expect(await texts()).toContain('<13>kept'));
    const answers = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((app) => post('x', {}, `?app=${app}`)));
    const codes = new Set(answers.map(({ status, answer }) => (status === 200 ? 'taken' : answer.code)));
    expect(codes).toEqual(new Set(['taken', 'QUEUE_PARTITION_STOPPED']));
    for (const socket of [lost, kept]) socket.destroy();
  });
});

/** Addresses whose records go to partition 0 and 1. */
async function sourcesOfBothPartitions(): Promise<[string, string]> {
  const found = new Map<number, string>();
  for (let i = 1; found.size < 2; i++) {
    const address = `127.0.0.${i}`;
    const socket = await connectTo(fixture.port('syslog TCP'), address);
    socket.end(`<13>from ${address}`);
    await vi.waitFor(async () => expect(await texts()).toContain(`<13>from ${address}`));
    const record = (await fixture.records()).find(({ text }) => text.endsWith(address));
    if (record !== undefined) found.set(record.partition, address);
  }
  return [found.get(0) ?? '', found.get(1) ?? ''];
}
