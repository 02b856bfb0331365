import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answeredEvent } from '../../../event/answered.ts';
import type { StoredEvent } from '../../../event/event.ts';
import { SpillwayError } from '../../../lib/errors.ts';
import { STORE_LIMITS } from '../../../lib/limits.ts';
import { events } from '../../../query/testing/arbitraries.ts';
import { EVENT_SELECTION, storedEvent } from '../rows.ts';
import { EVENTS_TABLE, JSON_TYPES } from '../schema.ts';
import { PLACEMENT, plainNumber, QueryTable } from '../testing/query-table.ts';
import { EventBlock } from './event-block.ts';

const RUNS = Number(process.env.SPILLWAY_FUZZ_RUNS ?? 20);
const PLACE = () => PLACEMENT;

let table: QueryTable;
beforeAll(async () => {
  table = await QueryTable.open();
});
afterAll(() => table.close());

function add(block: EventBlock, value: string | Buffer, offset: number): boolean {
  const bytes = Buffer.from(value);
  return block.add(bytes, 0, bytes.length, 0, offset, PLACE);
}

/** What stands in the table, by the records' offsets. */
async function stored(): Promise<unknown[]> {
  const rows = await table.run(`SELECT ${EVENT_SELECTION} FROM ${EVENTS_TABLE} ORDER BY queue_offset`);
  return rows.map((row) => answeredEvent(storedEvent(row), () => undefined));
}

/** As readers get it. */
function asAnswered(event: StoredEvent): unknown {
  const { layout: _, exact, timestamp, received, tags = [], ...rest } = event;
  return {
    ...rest,
    tags,
    timestamp: new Date(timestamp).toISOString(),
    received: new Date(received).toISOString(),
    payload: exact === undefined ? event.payload : JSON.parse(exact),
  };
}

test('every event comes back as it was written', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(events, { minLength: 1, maxLength: 40 }), async (written) => {
      await table.replace(written);
      expect(await stored()).toEqual(written.map(asAnswered));
    }),
    { numRuns: RUNS },
  );
}, 300_000);

const EVENT: StoredEvent = {
  id: 'local.raw.3.42.1',
  tenant: 'default',
  timestamp: 1_795_240_800_123,
  received: 1_795_240_800_200,
  type: 'log',
  source: 'app:host',
  level: 'warn',
  message: 'it "works"\n',
  tags: ['a', 'b'],
  metadata: { app: 'app', nested: { deep: [1, 2] } },
  payload: { n: -0.5, big: 9_007_199_254_740_991, list: [{ k: 1 }, { k: 'x', l: [true] }], s: 'é\u0000' },
  layout: 'm',
  original: 'as sent',
};

const ODD_EVENTS: Readonly<Record<string, StoredEvent>> = {
  'an event with every member': EVENT,
  'one of the event service, with a UUID': { ...EVENT, id: 'ffffffff-ffff-7fff-bfff-fffffffffffe' },
  'one of 1970 and one of 9999': { ...EVENT, timestamp: 0, received: Date.parse('9999-12-31T23:59:59Z') },
  'one before 1970': { ...EVENT, timestamp: -8.64e15 },
  'one with an empty message': { ...EVENT, message: '' },
  'one with the largest numbers of an id': { ...EVENT, id: `local.raw.65535.${Number.MAX_SAFE_INTEGER}.9999999` },
  'one whose exact payload is another': { ...EVENT, exact: '{"b":null,"a.b":{}}' },
};

test.each(Object.entries(ODD_EVENTS))('%s is kept whole', async (_, event) => {
  await table.replace([event]);
  expect(await stored()).toEqual([asAnswered(event)]);
});

test('a message that is absent is told from an empty one', async () => {
  const { message: _, ...without } = EVENT;
  await table.replace([without]);
  expect(await stored()).toEqual([asAnswered(without)]);
});

test('a number in the exact payload keeps its digits', async () => {
  await table.replace([{ ...EVENT, exact: '{"n":123456789012345678901234567890,"m":1.10}' }]);
  expect(JSON.stringify(await stored())).toContain('"payload":{"n":123456789012345678901234567890,"m":1.10}');
});

const BAD_VALUES: Readonly<Record<string, string>> = {
  'no JSON': 'hello',
  'an array': '[]',
  'half an event': JSON.stringify(EVENT).slice(0, -30),
  'a member twice': `{"id":"local.raw.0.1.0",${JSON.stringify(EVENT).slice(1)}`,
  'an unknown member': JSON.stringify({ ...EVENT, more: 1 }),
  'no tenant': JSON.stringify({ ...EVENT, tenant: undefined }),
  'a timestamp out of range': JSON.stringify({ ...EVENT, timestamp: 1e16 }),
  'a fraction as timestamp': JSON.stringify({ ...EVENT, timestamp: 1.5 }),
  'no id': JSON.stringify({ ...EVENT, id: 'x' }),
  'a path twice': JSON.stringify(EVENT).replace('"n":', '"n":1,"n":'),
  'a path twice, once with a dot': JSON.stringify(EVENT).replace('"n":', '"nested.deep":1,"nested":{"deep":2},"n":'),
  'an array of two kinds': JSON.stringify(EVENT).replace('[1,2]', '[1,"2"]'),
  'an array of arrays': JSON.stringify(EVENT).replace('[1,2]', '[[1]]'),
  'a number past the doubles': JSON.stringify(EVENT).replace('-0.5', '1e400'),
  'a number that JSON does not know': JSON.stringify(EVENT).replace('-0.5', '01'),
  'a wrong escape': JSON.stringify(EVENT).replace('works', '\\x'),
  'more levels than an event has': JSON.stringify(EVENT).replace('[1,2]', `${'{"a":'.repeat(60)}1${'}'.repeat(60)}`),
};

test.each(Object.entries(BAD_VALUES))('%s is refused and leaves no trace', async (_, bad) => {
  const block = new EventBlock(plainNumber);
  const good = [EVENT, { ...EVENT, payload: { n: 'text now' } }];
  for (const [i, event] of good.entries()) {
    expect(() => add(block, bad, 7)).toThrow(SpillwayError);
    expect(add(block, JSON.stringify(event), i)).toBe(true);
  }
  expect(() => add(block, bad, 7)).toThrow(SpillwayError);
  await table.insert(block);
  expect(await stored()).toEqual(good.map(asAnswered));
});

test('random bytes in an event are taken or refused, and hurt no other', async () => {
  const good = Buffer.from(JSON.stringify(EVENT));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(good.length), fc.uint8Array({ maxLength: 4 }))), async (edits) => {
      const block = new EventBlock(plainNumber);
      let taken = 0;
      for (const [i, [at, bytes]] of edits.entries()) {
        const broken = Buffer.concat([good.subarray(0, at), bytes, good.subarray(at + bytes.length)]);
        try {
          if (add(block, broken, 1_000 + i)) taken++;
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(SpillwayError);
          expect(thrown).toHaveProperty('code', 'EVENT_REFUSED');
        }
        add(block, good, i);
      }
      expect(block.rows).toBe(taken + edits.length);
      await table.insert(block);
      const rows = await table.run(
        `SELECT count(), countIf(queue_offset < 1000 AND id_offset = 42) FROM ${EVENTS_TABLE}`,
      );
      expect(rows).toEqual([[taken + edits.length, edits.length]]);
    }),
    { numRuns: RUNS },
  );
}, 300_000);

test('a block is full at its rows, and at its paths', () => {
  const block = new EventBlock(plainNumber);
  const text = JSON.stringify({ ...EVENT, payload: {}, metadata: {} });
  for (let i = 0; i < STORE_LIMITS.insertRows - 1; i++) add(block, text, i);
  expect(block.isFull).toBe(false);
  add(block, text, 0);
  expect(block.isFull).toBe(true);
  block.clear();
  expect(block.isFull).toBe(false);
  for (let i = 0; !block.isFull; i++) add(block, JSON.stringify({ ...EVENT, payload: { [`key${i}`]: i } }), i);
  expect(block.rows).toBeLessThanOrEqual(STORE_LIMITS.blockPaths);
});

test('an event whose slice does not fit the insert is given back', async () => {
  const block = new EventBlock(plainNumber);
  const bytes = Buffer.from(JSON.stringify(EVENT));
  expect(block.add(bytes, 0, bytes.length, 0, 0, () => undefined)).toBe(false);
  expect(add(block, bytes, 1)).toBe(true);
  await table.insert(block);
  expect(await stored()).toHaveLength(1);
});

/** Types of texts at a path, and how many events have which text. */
async function textsAt(path: string): Promise<Record<string, Record<string, number>>> {
  const found: Record<string, Record<string, number>> = {};
  for (const type of ['string', 'word'] as const) {
    const value = `payload.${path}.:\`${JSON_TYPES[type]}\``;
    const rows = await table.run(
      `SELECT ${value} AS value, count() FROM ${EVENTS_TABLE} WHERE value IS NOT NULL GROUP BY value`,
    );
    if (rows.length > 0) found[type] = Object.fromEntries(rows.map(([value, count]) => [String(value), Number(count)]));
  }
  return found;
}

test('texts of a path that has few are stored as words, also behind a row that was refused', async () => {
  const block = new EventBlock(plainNumber);
  const texts = ['', 'a', 'é\u0000', '"quoted"', 'a'];
  for (const [i, text] of texts.entries()) {
    expect(() => add(block, JSON.stringify({ ...EVENT, id: 'x', payload: { text: `refused ${i}` } }), i)).toThrow();
    add(block, JSON.stringify({ ...EVENT, payload: { text } }), i);
  }
  for (let blocks = 0; blocks < 2; blocks++) {
    expect([...block.pathTypes()]).toContainEqual(['payload', 'word', 'text']);
    await table.insert(block);
    expect(await textsAt('text')).toEqual({ word: { '': 1, a: 2, 'é\u0000': 1, '"quoted"': 1 } });
    // The next block knows the words and holds others.
    block.clear();
    for (const [i, text] of ['é\u0000', 'a', '', '"quoted"', 'a'].entries())
      add(block, JSON.stringify({ ...EVENT, payload: { text } }), i);
  }
});

test.each([
  ['has many', (i: number) => `text ${i}`],
  ['has a long one', (i: number) => (i === 40 ? 'x'.repeat(STORE_LIMITS.pathWordBytes + 1) : 'short')],
])('texts of a path that %s are stored as they are', async (_, textOf) => {
  const block = new EventBlock(plainNumber);
  const expected: Record<string, number> = {};
  for (let i = 0; i <= STORE_LIMITS.pathWords; i++) {
    const text = textOf(i);
    expected[text] = (expected[text] ?? 0) + 1;
    add(block, JSON.stringify({ ...EVENT, payload: { text } }), i);
  }
  expect([...block.pathTypes()]).toContainEqual(['payload', 'string', 'text']);
  await table.insert(block);
  expect(await textsAt('text')).toEqual({ string: expected });
  block.clear();
  add(block, JSON.stringify({ ...EVENT, payload: { text: 'a' } }), 0);
  expect([...block.pathTypes()]).toContainEqual(['payload', 'string', 'text']);
});

test('a well-known id is never a word: its index is on texts', () => {
  const block = new EventBlock(plainNumber);
  add(block, JSON.stringify({ ...EVENT, payload: { request_id: 'a' }, metadata: { request_id: 'a' } }), 0);
  expect([...block.pathTypes()]).toEqual([
    ['metadata', 'word', 'request_id'],
    ['payload', 'string', 'request_id'],
  ]);
});

test('words of paths beyond those that have a column of their own are kept', async () => {
  const block = new EventBlock(plainNumber);
  const payload = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key${i}`, `text ${i % 7}`]));
  const events = Array.from({ length: 20 }, () => ({ ...EVENT, metadata: {}, payload }));
  for (const [i, event] of events.entries()) add(block, JSON.stringify(event), i);
  await table.insert(block);
  expect(await stored()).toEqual(events.map(asAnswered));
  for (const key of ['key0', 'key299']) {
    const text = payload[key] ?? '';
    expect(await textsAt(key)).toEqual({ word: { [text]: 20 } });
  }
});
