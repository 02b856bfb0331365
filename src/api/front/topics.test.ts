/** Topics and groups over HTTP at their limits, on the servers as the roles start them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiServers, startApiServers } from '../../../test/support/api-servers.ts';
import { MemoryReader } from '../../../test/support/memory-reader.ts';
import { TopicClient } from '../../../test/support/topic-client.ts';
import { QUEUE_READ_LIMITS, TOPIC_LIMITS } from '../../lib/limits.ts';
import type { Consumed, MemberAnswer, RecordsAnswer } from '../schemas/index.ts';

let api: ApiServers;
let client: TopicClient;
let timer: NodeJS.Timeout;
const space = { usedPercent: 10, freeBytes: 2 ** 40, totalBytes: 2 ** 41 };

beforeAll(async () => {
  api = await startApiServers({ reader: new MemoryReader(), space: () => space });
  timer = setInterval(() => void api.queue.heartbeat(), 50);
  client = new TopicClient(() => api.frontUrl, api.token('shop', 'admin'));
});
afterAll(async () => {
  clearInterval(timer);
  await api.close();
});

describe('creating a topic', () => {
  it.each([
    [{ partitions: 0 }],
    [{ partitions: TOPIC_LIMITS.partitionsPerTopic + 1 }],
    [{ retention: '999ms' }],
    [{ retention: '3651d' }],
    [{ retention: 'soon' }],
    [{ maxSize: '0B' }],
    [{ required: ['a.b'] }],
    [{ required: ['processor'] }],
    [{ required: Array.from({ length: TOPIC_LIMITS.requiredGroups + 1 }, (_, i) => `g${i}`) }],
    [{ tenant: 'bank' }],
  ])('is refused past its limits: %j', async (settings) => {
    expect(await client.refusal('PUT', '/api/topics/wrong', settings)).toMatchObject({ status: 400 });
  });

  it('goes up to them', async () => {
    const required = Array.from({ length: TOPIC_LIMITS.requiredGroups }, (_, i) => `g${i}`);
    const { partitionsPerTopic: partitions } = TOPIC_LIMITS;
    await client.create('largest', { partitions, retention: '3650d', required });
    expect(await client.json('GET', '/api/topics/largest')).toMatchObject({ required, tenant: 'shop' });
    await client.json('DELETE', '/api/topics/largest');
  });

  it.each(['raw', 'events', 'dead-letter', 'control', 'partitions'])('cannot be %s', async (topic) => {
    expect(await client.refusal('PUT', `/api/topics/${topic}`, {})).toMatchObject({ status: 400 });
    expect(await client.refusal('DELETE', `/api/topics/${topic}`)).toMatchObject({ status: 403 });
  });
});

describe('producing', () => {
  beforeAll(() => client.create('in', { partitions: 2 }));
  const path = '/api/topics/in/records';

  it('is refused for the topics of the roles, for whoever asks', async () => {
    for (const topic of ['raw', 'events', 'dead-letter']) {
      const answer = await client.refusal('POST', `/api/topics/${topic}/records`, [{ value: 1 }]);
      expect(answer).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    }
  });

  it('takes bodies up to the limit, compressed ones too', async () => {
    const { requestBytes, recordBytes } = TOPIC_LIMITS;
    const line = `${'x'.repeat(recordBytes / 2 - 1)}\n`;
    const fits = line.repeat(Math.floor(requestBytes / line.length));
    const { records } = await client.json<{ records: unknown[] }>('POST', path, fits);
    expect(records).toHaveLength(Math.floor(requestBytes / line.length));
    expect(await client.refusal('POST', path, fits + line)).toMatchObject({ status: 413, code: 'BODY_TOO_LARGE' });
    const { gzipSync } = await import('node:zlib');
    const zipped = gzipSync(fits + line);
    expect(await client.refusal('POST', path, zipped, { 'content-encoding': 'gzip' })).toMatchObject({ status: 413 });
  });

  it('into a partition that is not there takes nothing', async () => {
    const before = await client.json<RecordsAnswer>('GET', `${path}?partition=0&offset=0&limit=1`);
    const answer = await client.refusal('POST', path, [
      { value: 1, partition: 0 },
      { value: 2, partition: 2 },
    ]);
    expect(answer).toMatchObject({ status: 400, code: 'RECORD_INVALID', record: 1 });
    const after = await client.json<RecordsAnswer>('GET', `${path}?partition=0&offset=0&limit=1`);
    expect(after.endOffset).toBe(before.endOffset);
    expect(await client.refusal('POST', `${path}?partitoin=1`, 'x')).toMatchObject({ code: 'UNKNOWN_PARAMETER' });
  });

  it('is pushed back above the high-water mark, with the time after which to come again', async () => {
    space.usedPercent = 95;
    try {
      await expect.poll(async () => (await client.ask('POST', path, 'x')).status).toBe(503);
      const response = await client.ask('POST', path, 'x');
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await response.json()).toMatchObject({ code: 'DISK_ALMOST_FULL' });
    } finally {
      space.usedPercent = 10;
    }
    await expect.poll(async () => (await client.ask('POST', path, 'x')).status).toBe(200);
  });
});

describe('reading', () => {
  it('waits for so long at the most, and so many requests of a tenant may', async () => {
    await client.create('quiet');
    const path = '/api/topics/quiet/records';
    expect(await client.refusal('GET', `${path}?wait=30001ms`)).toMatchObject({
      status: 400,
      limit: TOPIC_LIMITS.waitMs,
    });
    const gone = new AbortController();
    const token = api.token('shop', 'read');
    const headers = { authorization: `Bearer ${token}` };
    const waits = Array.from({ length: TOPIC_LIMITS.waitingPerTenant }, () =>
      fetch(`${api.frontUrl}${path}?wait=30s`, { signal: gone.signal, headers }).catch(() => undefined),
    );
    await expect.poll(async () => (await client.ask('GET', `${path}?wait=1ms`)).status).toBe(429);
    // Another tenant is not held up by that, and the places are free when those who wait are gone.
    const bank = new TopicClient(() => api.frontUrl, api.token('bank', 'admin'));
    await bank.create('quiet');
    expect((await bank.ask('GET', `${path}?wait=1ms`)).status).toBe(200);
    gone.abort();
    await Promise.all(waits);
    await expect.poll(async () => (await client.ask('GET', `${path}?wait=1ms`)).status).toBe(200);
  });
});

describe('an answer', () => {
  const path = '/api/topics/wide/records';

  it('holds so many bytes of keys, headers and values together, and the rest is in the next', async () => {
    await client.create('wide', { partitions: 2 });
    const count = QUEUE_READ_LIMITS.records;
    const key = 'k'.repeat(TOPIC_LIMITS.keyBytes);
    const headers = { h: 'h'.repeat(3_000) };
    const value = 'v'.repeat(2_500);
    const records = Array.from({ length: count }, (_, i) => ({
      ...{ key, headers, value },
      partition: i % 10 === 0 ? 1 : 0,
    }));
    await client.produce('wide', { records });
    const bytesOf = (page: Pick<RecordsAnswer, 'records'>) => page.records.length * (key.length + 3_001 + 2_502);
    const page = await client.json<RecordsAnswer>('GET', `${path}?partition=0&limit=${count}`);
    expect(bytesOf(page)).toBeLessThanOrEqual(QUEUE_READ_LIMITS.answerBytes);
    expect(page.next).toBe(page.records.length);
    expect(page.next).toBeGreaterThan(800);
    const rest = await client.json<RecordsAnswer>('GET', `${path}?partition=0&limit=${count}&offset=${page.next}`);
    expect(rest.next).toBe((count * 9) / 10);
    const group = await client.json<MemberAnswer>('POST', '/api/groups/wide/members', { topics: ['wide'] });
    const member = `/api/groups/wide/members/${group.member}/records?limit=${count}&wait=30s`;
    const first = await client.json<Consumed>('GET', member);
    expect(bytesOf(first)).toBeLessThanOrEqual(QUEUE_READ_LIMITS.answerBytes);
    const second = await client.json<Consumed>('GET', `${member}&after=${first.next}`);
    expect(first.records.length + second.records.length).toBe(count);
  });

  it('has headers that are no text as base64, and what was read can be produced again', async () => {
    await client.create('bytes');
    const record = {
      ...{ value: 'x', encoding: 'text' },
      headers: { text: 'gP8=', bytes: 'gP8=' },
      headerEncodings: { bytes: 'base64' },
    };
    await client.produce('bytes', [record]);
    const read = () => client.json<RecordsAnswer>('GET', '/api/topics/bytes/records');
    const { records: once } = await read();
    expect(once).toMatchObject([record]);
    const again = once.map(({ value, encoding, headers, headerEncodings }) => {
      return { value, encoding, headers, headerEncodings };
    });
    await client.produce('bytes', again);
    const { records: twice } = await read();
    expect(twice[1]).toEqual({ ...once[0], offset: 1, timestamp: twice[1]?.timestamp });
  });
});

describe('a member of a group', () => {
  beforeAll(async () => {
    await client.create('read', { partitions: 2 });
    await client.produce(
      'read',
      [0, 1].flatMap((partition) => [0, 1, 2].map((value) => ({ partition, value }))),
    );
  });

  it.each([['999ms'], ['5m1s'], ['long']])('cannot have a session of %s', async (session) => {
    const answer = await client.refusal('POST', '/api/groups/g/members', { topics: ['read'], session });
    expect(answer).toMatchObject({ status: 400 });
  });

  it('cannot read what is not there, nor the topics of the roles', async () => {
    for (const topics of [['absent'], ['raw'], []]) {
      const answer = await client.refusal('POST', '/api/groups/g/members', { topics });
      expect([400, 404]).toContain(answer.status);
    }
    expect(await client.refusal('GET', '/api/groups/g')).toMatchObject({ status: 404 });
  });

  it('cannot commit what is past the end, what is not its own, or nothing', async () => {
    const member = await client.join('commits', ['read']);
    const commit = (body: object) => client.refusal('POST', `${member.path}/commit`, body);
    const at = (offset: number, partition = 0, topic = 'read') => ({ offsets: [{ topic, partition, offset }] });
    expect(await commit(at(4))).toMatchObject({ status: 400, endOffset: 3 });
    expect(await commit(at(0, 2))).toMatchObject({ status: 409, code: 'QUEUE_FENCED' });
    expect(await commit(at(0, 0, 'other'))).toMatchObject({ status: 409 });
    expect(await commit({})).toMatchObject({ status: 400 });
    expect(await commit({ next: 'nonsense' })).toMatchObject({ code: 'CURSOR_INVALID' });
    await client.json('POST', `${member.path}/commit`, at(3));
    // Back again, of its own will.
    await client.json('POST', `${member.path}/commit`, at(1));
    const { records } = await member.fetch('limit=100');
    expect(records.filter(({ partition }) => partition === 0).map(({ offset }) => offset)).toEqual([1, 2]);
    expect(await client.refusal('GET', `${member.path}/records?limit=${QUEUE_READ_LIMITS.records + 1}`)).toMatchObject({
      status: 400,
    });
    await member.leave();
  });

  it('that begins at the end skips nothing that comes after, whoever has the partition then', async () => {
    const first = await client.join('latest', ['read'], { start: 'latest' });
    expect((await first.fetch('limit=100')).records).toEqual([]);
    await first.leave();
    await client.produce('read', [{ value: 'later', partition: 1 }]);
    const second = await client.join('latest', ['read'], { start: 'latest' });
    expect((await second.fetch('wait=5s')).records).toMatchObject([{ partition: 1, value: '"later"' }]);
    await second.leave();
  });

  it('is told what retention had removed before it was read', async () => {
    await client.create('short', { retention: '1s' });
    await client.produce('short', [{ value: 'gone' }]);
    await client.json('POST', '/api/groups/slow/offsets', { topic: 'short', to: 'earliest' });
    await expect
      .poll(async () => {
        await api.queue.retain();
        return (await client.ask('GET', '/api/topics/short/records?offset=0')).status;
      })
      .toBe(410);
    const member = await client.join('slow', ['short']);
    const waiting = member.fetch('wait=10s');
    await client.produce('short', [{ value: 'here' }]);
    const found = await waiting;
    expect(found.records).toMatchObject([{ offset: 1, value: '"here"' }]);
    expect(found.lost).toEqual([{ topic: 'short', partition: 0, from: 0, to: 1 }]);
    expect(await client.refusal('GET', '/api/topics/short/records?offset=0')).toMatchObject({
      status: 410,
      earliest: 1,
    });
    // Nothing was committed since, so it is told again.
    expect((await member.fetch('limit=1')).lost).toEqual([{ topic: 'short', partition: 0, from: 0, to: 1 }]);
    await member.leave();
  });

  it('has a newer request take the place of an older one that waits', async () => {
    await client.create('silent');
    const member = await client.join('impatient', ['silent']);
    const older = member.fetch('wait=30s');
    await expect.poll(async () => (await member.describe()).assigned.length).toBe(1);
    const newer = member.fetch('wait=10ms');
    expect((await older).records).toEqual([]);
    expect((await newer).records).toEqual([]);
    await member.leave();
  });

  it('is one of so many of its tenant', async () => {
    const many = new TopicClient(() => api.frontUrl, api.token('many', 'admin'));
    await many.create('t');
    const members = [];
    for (let i = 0; i < TOPIC_LIMITS.membersPerTenant; i++) members.push(await many.join(`g${i % 40}`, ['t']));
    const refused = await many.ask('POST', '/api/groups/g0/members', { topics: ['t'] });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    await members[0]?.leave();
    await (await many.join('g0', ['t'])).leave();
    await Promise.all(members.slice(1).map((member) => member.leave()));
  });
});
