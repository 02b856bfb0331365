import { expect, test } from 'vitest';
import { LEDGER_LIMITS } from '../../lib/limits.ts';
import { LedgerRows } from './rows.ts';

const NOW_MINUTE = 30_000_000;
const row = (minute: number) => ({ partition: 0, tenant: 'shop', minute, column: 'accepted', count: 3 }) as const;

test('whoever was told of a minute that is part of an hour now forgets it, also where no cell became fewer', () => {
  const hour = NOW_MINUTE - (NOW_MINUTE % 60) - LEDGER_LIMITS.minutes - 120;
  const rows = new LedgerRows();
  rows.add(row(hour + 7));
  rows.takeChanges();
  rows.fold(NOW_MINUTE);
  expect(rows.takeChanges()).toEqual({ reset: true, rows: [row(hour)] });
  rows.fold(NOW_MINUTE);
  expect(rows.takeChanges().reset).toBe(false);
});
