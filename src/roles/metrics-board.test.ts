import { expect, test } from 'vitest';
import { Ledger } from '../monitor/ledger/ledger.ts';
import { MetricsBoard } from './metrics-board.ts';

const row = { partition: 0, tenant: 'shop', minute: 1, column: 'accepted', count: 7 } as const;

function board() {
  const ledger = new Ledger();
  const metrics = new MetricsBoard({ reports: () => [], groups: () => Promise.resolve([]), ledger });
  /** Lines of the ledger, without labels that say nothing. */
  const lines = async () => (await metrics.text()).split('\n').filter((line) => line.startsWith('spillway_ledger'));
  return { ledger, lines };
}

test('where each role has its own account there is nothing to say about what it knows', async () => {
  const { ledger, lines } = board();
  ledger.state('collector', [row], true);
  expect(await lines()).toContain('spillway_ledger_records{outcome="accepted"} 7');
  expect((await lines()).join()).not.toMatch(/uncounted|unread|as_of/);
});

test('the account of all process trees says what it does not have, and nothing before it was read', async () => {
  const { ledger, lines } = board();
  ledger.state('collector', [], true, { asOfMs: 0, missing: [] });
  expect((await lines()).join()).not.toContain('spillway_ledger_records{');
  ledger.state('collector', [row], false, {
    asOfMs: 5_000,
    missing: [
      { log: 'accepted/0', why: 'not yet', offsets: 3 },
      { log: 'accepted/1', why: 'not yet', offsets: 4 },
      { log: 'written/0', why: 'unread' },
      { log: 'accepted/0', why: 'gone', offsets: 9, beforeMs: 1 },
    ],
  });
  expect(await lines()).toEqual(
    expect.arrayContaining([
      'spillway_ledger_records{outcome="accepted"} 7',
      'spillway_ledger_uncounted_offsets{count="accepted",why="not yet"} 7',
      'spillway_ledger_uncounted_offsets{count="accepted",why="gone"} 9',
      'spillway_ledger_unread_logs 1',
      'spillway_ledger_as_of_seconds 5',
    ]),
  );
  ledger.state('collector', [], false, { asOfMs: 6_000, missing: [] });
  expect((await lines()).join()).not.toContain('uncounted_offsets{');
});
