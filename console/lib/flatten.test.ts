import { describe, expect, test } from 'vitest';
import type { AnsweredEvent } from '../../src/event/event.ts';
import { resolveField } from '../../src/query/fields.ts';
import { columnText, flattenEvent } from './flatten.ts';

const event: AnsweredEvent = {
  id: 'local.raw.0.1.0',
  tenant: 'default',
  timestamp: '2026-11-23T14:05:59.123Z',
  received: '2026-11-23T14:05:59.200Z',
  type: 'log',
  source: 'shop:web-1',
  message: 'hello',
  tags: ['a', 'b'],
  metadata: { app: 'shop', procid: 7 },
  payload: { level: 'odd', ok: true, nothing: null, deep: { list: [1, { x: 2 }] }, __proto__x: 1 },
};

describe('the fields of an event', () => {
  test('have the names that a query uses', () => {
    const rows = flattenEvent(event).map(({ name, text }) => `${name}=${text}`);
    expect(rows).toEqual([
      'timestamp=2026-11-23T14:05:59.123Z',
      'received=2026-11-23T14:05:59.200Z',
      'message=hello',
      'type=log',
      'source=shop:web-1',
      'tags=a',
      'tags=b',
      'id=local.raw.0.1.0',
      'tenant=default',
      'app=shop',
      'metadata.procid=7',
      'payload.level=odd',
      'ok=true',
      'deep.list=1',
      'deep.list={"x":2}',
      '__proto__x=1',
    ]);
  });

  test('have keys that differ, also within a list', () => {
    const keys = flattenEvent(event).map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('offer no comparison with a structure', () => {
    const structure = flattenEvent(event).find(({ text }) => text === '{"x":2}');
    expect(structure?.value).toBeUndefined();
  });

  test('of a payload that is no object are one row', () => {
    const reading = flattenEvent({ ...event, metadata: {}, payload: 17.5 }).at(-1);
    expect(reading).toMatchObject({ name: 'payload', value: 17.5 });
  });
});

describe('a column', () => {
  test.each([
    ['app', 'shop'],
    ['tags', 'a, b'],
    ['ok', 'true'],
    ['deep.list', '[1,{"x":2}]'],
    ['deep', '{"list":[1,{"x":2}]}'],
    ['nothing', ''],
    ['missing.path', ''],
    ['constructor', ''],
    ['level', ''],
  ])('of %s shows %j', (name, text) => {
    expect(columnText(event, resolveField(name))).toBe(text);
  });
});
