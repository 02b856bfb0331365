import { describe, expect, test } from 'vitest';
import type { AnsweredEvent } from '../../../src/event/event.ts';
import { addRows, expireRows, NO_ROWS, releaseRows, SHOWN_ROWS, WAITING_ROWS } from './buffer.ts';

const event = (id: number): AnsweredEvent => ({
  id: `e${id}`,
  tenant: 'default',
  timestamp: '2026-11-23T14:00:00.000Z',
  received: '2026-11-23T14:00:00.000Z',
  type: 'log',
  source: 'a:b',
  tags: [],
  metadata: {},
  payload: {},
});
const events = (from: number, count: number) => Array.from({ length: count }, (_, index) => event(from + index));
const ids = (rows: readonly AnsweredEvent[]) => rows.map(({ id }) => id);

describe('live rows', () => {
  test('show the newest first', () => {
    const rows = addRows(addRows(NO_ROWS, events(0, 2), false), events(2, 1), false);
    expect(ids(rows.shown)).toEqual(['e2', 'e1', 'e0']);
  });

  test('show an event once, also when the search that fills the list brings it too', () => {
    const rows = addRows(addRows(NO_ROWS, events(0, 3), false), events(1, 3), false);
    expect(ids(rows.shown)).toEqual(['e3', 'e2', 'e1', 'e0']);
  });

  test('do not move what is being read: new ones wait, and come when they are let', () => {
    const first = addRows(NO_ROWS, events(0, 1), false);
    const held = addRows(first, events(1, 2), true);
    expect(held.shown).toBe(first.shown);
    expect(ids(held.waiting)).toEqual(['e2', 'e1']);
    expect(ids(releaseRows(held).shown)).toEqual(['e2', 'e1', 'e0']);
  });

  test('that waited come before those that arrive after going on', () => {
    const held = addRows(addRows(NO_ROWS, events(0, 1), false), events(1, 1), true);
    expect(ids(addRows(held, events(2, 1), false).shown)).toEqual(['e2', 'e1', 'e0']);
  });

  test('leave the list when the range has moved past them, but what arrives late is seen', () => {
    const at = (id: number, timestamp: string, received: string) => ({ ...event(id), timestamp, received });
    const [before, from, after] = ['2026-11-23T13:59:59.999Z', '2026-11-23T14:00:00.000Z', '2026-11-23T14:09:00.000Z'];
    const rows = addRows(NO_ROWS, [at(0, before, before), at(1, from, from), at(2, before, after)], false);
    const left = expireRows(rows, Date.parse(from));
    expect(ids(left.shown)).toEqual(['e2', 'e1']);
    expect(expireRows(left, Date.parse(from)), 'nothing is drawn again for nothing').toBe(left);
  });

  test('are bounded at the limit and one past it, and say how many of the waiting fell out', () => {
    expect(addRows(NO_ROWS, events(0, SHOWN_ROWS + 1), false).shown).toHaveLength(SHOWN_ROWS);
    const full = addRows(NO_ROWS, events(0, WAITING_ROWS), true);
    expect([full.waiting.length, full.skipped]).toEqual([WAITING_ROWS, 0]);
    const over = addRows(full, events(WAITING_ROWS, 1), true);
    expect([over.waiting.length, over.skipped, over.waiting[0]?.id]).toEqual([WAITING_ROWS, 1, `e${WAITING_ROWS}`]);
  });
});
