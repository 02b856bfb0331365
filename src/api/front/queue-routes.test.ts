import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ApiServers, startApiServers } from '../../../test/support/api-servers.ts';
import { MemoryReader } from '../../../test/support/memory-reader.ts';
import { sampleEvent } from '../../../test/support/sample-events.ts';
import { PROGRESS_KEY } from '../../event/progress.ts';
import { encodeRawMeta, RAW_META_KEY } from '../../event/raw-meta.ts';
import { encodeHeaders, RecordBatchBuilder } from '../../event/record-batch.ts';
import { TOPICS } from '../../event/topics.ts';
import { QUEUE_READ_LIMITS } from '../../lib/limits.ts';
import type { GroupsAnswer, LedgerReport, RecordsAnswer, StatusAnswer, TopicsAnswer } from '../schemas/index.ts';

const START = Date.parse('2025-11-23T10:00:00Z');
let api: ApiServers;
let shop: Record<string, string>;

beforeAll(async () => {
  api = await startApiServers({ reader: new MemoryReader() });
});
afterAll(() => api.close());

async function records(query: string, headers: Record<string, string> = {}): Promise<RecordsAnswer> {
  const response = await fetch(`${api.frontUrl}/api/topics/${query}`, { headers });
  expect(response.status, query).toBe(200);
  return response.json();
}
const refusal = async (path: string) => (await fetch(`${api.frontUrl}${path}`)).json();

async function append(topic: string, partition: number, values: readonly Buffer[], tenant = 'default', key?: string) {
  const writer = await api.queue.openWriter({ topic, partition });
  const meta = encodeRawMeta({ tenant, input: 'test', remote: '192.0.2.1:7', format: 'text' });
  for (const [i, value] of values.entries()) {
    const batch = new RecordBatchBuilder();
    const headers = encodeHeaders([[RAW_META_KEY, meta]]);
    batch.append(value, 0, value.length, START + i * 1_000, headers, key === undefined ? undefined : Buffer.from(key));
    await writer.append(batch.finish());
  }
  await writer.close();
}

describe('records of a topic', () => {
  beforeAll(async () => {
    shop = { authorization: `Bearer ${api.token('shop', 'read')}` };
    const texts = Array.from({ length: 25 }, (_, i) => Buffer.from(`line ${i}`));
    await append(TOPICS.deadLetter, 1, texts.slice(0, 10));
    await append(TOPICS.deadLetter, 1, texts.slice(10, 20), 'shop');
    await append(TOPICS.deadLetter, 1, texts.slice(20));
  });

  it('are shown as they are, with offset, time and headers', async () => {
    const { records: found, endOffset } = await records('dead-letter/records?partition=1&offset=3&limit=1');
    expect(found).toMatchObject([
      {
        offset: 3,
        timestamp: '2025-11-23T10:00:03.000Z',
        headers: { m: expect.stringContaining('"t":"default"') },
        encoding: 'text',
        value: 'line 3',
      },
    ]);
    expect(endOffset).toBe(25);
  });

  it("page by page are all of the tenant's, and the pages end", async () => {
    for (const [headers, count] of [
      [shop, 10],
      [{}, 15],
    ] as const) {
      const seen: number[] = [];
      let offset = 0;
      for (;;) {
        const page = await records(`dead-letter/records?partition=1&limit=4&offset=${offset}`, headers);
        seen.push(...page.records.map((record) => record.offset));
        if (page.next >= page.endOffset) break;
        expect(page.next).toBeGreaterThan(offset);
        offset = page.next;
      }
      expect(seen).toHaveLength(count);
      expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    }
  });

  it('can be found by time', async () => {
    const { records: found } = await records('dead-letter/records?partition=1&time=2025-11-23T10:00:07Z&limit=1');
    expect(found).toMatchObject([{ offset: 7 }]);
  });

  it('past the end are none, with the place to wait at', async () => {
    const page = await records('dead-letter/records?partition=1&offset=25');
    expect(page).toMatchObject({ records: [], next: 25, endOffset: 25 });
  });

  it('that are no text are base64', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0xfe]);
    await append(TOPICS.deadLetter, 2, [bytes]);
    const { records: found } = await records('dead-letter/records?partition=2');
    expect(found).toMatchObject([{ encoding: 'base64', value: bytes.toString('base64') }]);
  });

  it('that are large end a page early', async () => {
    const large = Array.from({ length: 10 }, () => Buffer.alloc(1_000_000, 'x'));
    await append(TOPICS.raw, 1, large);
    const page = await records('raw/records?partition=1');
    const bytes = page.records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    expect(bytes).toBeLessThanOrEqual(QUEUE_READ_LIMITS.answerBytes);
    expect(page.next).toBe(page.records.length);
    expect(page.records.length).toBeGreaterThan(5);
  });

  it('of events are those of the tenant, without the progress markers', async () => {
    await api.publish([sampleEvent(0, { timestamp: START }), sampleEvent(1, { timestamp: START, tenant: 'shop' })]);
    const own = await records('events/records');
    expect(own.records.map(({ value }) => JSON.parse(value ?? '').id)).toEqual(['local.raw.0.0.0']);
    const theirs = await records('events/records', shop);
    expect(theirs.records.map(({ value }) => JSON.parse(value ?? '').id)).toEqual(['local.raw.0.1.0']);
  });

  it('that belong to nobody are shown to an admin only', async () => {
    const admin = { authorization: `Bearer ${api.token('ops', 'admin')}` };
    await append(TOPICS.events, 1, [Buffer.from('{"version":1}')], 'default', PROGRESS_KEY);
    const writer = await api.queue.openWriter({ topic: TOPICS.raw, partition: 0 });
    const batch = new RecordBatchBuilder();
    batch.append(Buffer.from('no header'), 0, 9, START);
    await writer.append(batch.finish());
    await writer.close();
    expect((await records('raw/records', shop)).records).toEqual([]);
    expect((await records('raw/records', admin)).records).toMatchObject([{ value: 'no header' }]);
    expect((await records('events/records?partition=1', admin)).records).toMatchObject([{ key: PROGRESS_KEY }]);
  });
});

describe('a parameter of records', () => {
  it.each([
    ['limit=', QUEUE_READ_LIMITS.records, QUEUE_READ_LIMITS.records + 1],
    ['limit=', 1, 0],
    ['offset=', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER + 1],
    ['offset=', 0, -1],
    ['partition=', 1, 1_024],
    ['time=', 'now', 'then'],
    ['offset=1&', '', 'time=now'],
  ])('may be at its limit and not past it: %s%s, not %s', async (name, good, bad) => {
    await records(`events/records?${name}${good}`);
    expect(await refusal(`/api/topics/events/records?${name}${bad}`)).toMatchObject({ status: 400 });
  });
});

describe('adding partitions', () => {
  const add = (partitions: unknown, headers: Record<string, string> = {}) =>
    fetch(`${api.frontUrl}/api/topics/partitions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ partitions }),
    });

  it('is for an admin only', async () => {
    const reader = { authorization: `Bearer ${api.token('ops', 'read', 'ingest')}` };
    expect((await add(5, shop)).status).toBe(403);
    await vi.waitFor(async () => expect((await add(5, reader)).status).toBe(403));
    // A token exists, so this machine is no admin any more.
    expect((await add(5)).status).toBe(403);
  });

  it('answers with how many there are, and takes 1 to 1,024', async () => {
    const admin = { authorization: `Bearer ${api.token('ops', 'admin')}` };
    // A new token is known in a moment.
    await vi.waitFor(async () => expect(await (await add(5, admin)).json()).toEqual({ partitions: 5 }));
    expect(api.queue.partitionCount(TOPICS.events)).toBe(5);
    for (const wrong of [0, 1_025, 1.5, 'five', undefined]) expect((await add(wrong, admin)).status).toBe(400);
  });
});

describe('the account', () => {
  it('lists topics with their ends', async () => {
    const answer: TopicsAnswer = await (await fetch(`${api.frontUrl}/api/topics`)).json();
    const dead = answer.topics.find(({ topic }) => topic === TOPICS.deadLetter);
    expect(dead?.partitions.find(({ partition }) => partition === 1)).toMatchObject({
      earliestOffset: 0,
      endOffset: 25,
    });
  });

  it('lists groups, and who asks', async () => {
    const groups: GroupsAnswer = await (await fetch(`${api.frontUrl}/api/groups`)).json();
    expect(groups.groups).toEqual([]);
    const status: StatusAnswer = await (await fetch(`${api.frontUrl}/api/status`, { headers: shop })).json();
    expect(status).toMatchObject({
      you: { tenant: 'shop', scopes: ['read'] },
      roles: [{ role: 'store', state: 'ready' }],
    });
  });

  it('pages the ledger, with the same total on each page', async () => {
    const minute = Math.floor(START / 60_000);
    const rows = Array.from({ length: 7 }, (_, i) => {
      return { partition: 0, tenant: 'default', minute: minute + i, column: 'accepted', count: 1 } as const;
    });
    api.ledger.state('test', rows, true);
    const range = 'from=2025-11-23T10:00:00Z&to=2025-11-23T10:07:00Z&by=minute';
    const seen: (string | undefined)[] = [];
    let after = '';
    do {
      const page: LedgerReport = await (await fetch(`${api.frontUrl}/api/ledger?${range}&limit=3${after}`)).json();
      expect(page.total).toMatchObject({ accepted: 7, inFlight: 7 });
      seen.push(...page.lines.map(({ time }) => time));
      after = page.next === undefined ? '' : `&after=${page.next}`;
    } while (after !== '');
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => `2025-11-23T10:0${i}:00.000Z`));
  });

  it('refuses a range that ends before it begins', async () => {
    expect(await refusal('/api/ledger?from=now&to=now-1h')).toMatchObject({ code: 'BAD_REQUEST', parameter: 'from' });
  });
});
