import { expect, test } from 'vitest';
import { Ledger, type LedgerColumn } from './ledger.ts';

const row = (column: LedgerColumn, count: number, minute = 100, tenant = 'default', partition = 0) => {
  return { column, count, minute, tenant, partition };
};
const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };

test('the accounts of all roles add up, and what is missing is in flight', () => {
  const ledger = new Ledger();
  ledger.state('collector', [row('accepted', 10)], true);
  ledger.state('processor', [row('dropped', 2), row('deadLettered', 1)], true);
  ledger.state('store', [row('written', 4)], true);
  expect(ledger.answer({ ...all, by: [] }).total).toEqual({
    accepted: 10,
    written: 4,
    dropped: 2,
    deadLettered: 1,
    inFlight: 3,
  });
});

test('a role that states its account again does not count twice', () => {
  const ledger = new Ledger();
  ledger.state('store', [row('written', 4), row('written', 5, 101)], true);
  ledger.state('store', [row('written', 6)], false);
  expect(ledger.answer({ ...all, by: [] }).total.written).toBe(11);
  ledger.state('store', [row('written', 6)], true);
  expect(ledger.answer({ ...all, by: [] }).total.written).toBe(6);
});

test('a tenant sees only its own lines, and a range only its minutes', () => {
  const ledger = new Ledger();
  ledger.state(
    'collector',
    [row('accepted', 1), row('accepted', 2, 100, 'shop'), row('accepted', 4, 161, 'shop')],
    true,
  );
  const answer = ledger.answer({ ...all, tenant: 'shop', by: ['hour', 'tenant'] });
  expect(answer.lines.map(({ tenant, timeMs, accepted }) => [tenant, timeMs, accepted])).toEqual([
    ['shop', 60 * 60_000, 2],
    ['shop', 120 * 60_000, 4],
  ]);
  expect(ledger.answer({ fromMs: 100 * 60_000, toMs: 101 * 60_000, by: [] }).total.accepted).toBe(3);
});
