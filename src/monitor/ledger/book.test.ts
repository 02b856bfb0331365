import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LEDGER_LIMITS } from '../../lib/limits.ts';
import { LedgerBook } from './book.ts';
import type { LedgerRow } from './ledger.ts';

const NOW_MINUTE = 30_000_000;
const clock = { now: () => NOW_MINUTE * 60_000 };
let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-ledger-'));
  file = join(folder, 'account.ndjson');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const row = (count: number, more: Partial<LedgerRow> = {}): LedgerRow => ({
  partition: 0,
  tenant: 'default',
  minute: NOW_MINUTE,
  column: 'accepted',
  count,
  ...more,
});

test('what was written down at a checkpoint is there after a restart, with the position it belongs to', async () => {
  const book = await LedgerBook.open(file, clock);
  book.add('raw/0', 10, [row(7), row(3, { tenant: 'shop' })]);
  book.add('raw/0', 12, [row(2)]);
  await book.checkpoint();
  const again = await LedgerBook.open(file, clock);
  expect(again.position('raw/0')).toBe(12);
  expect(again.takeChanges()).toEqual({ reset: true, rows: [row(9), row(3, { tenant: 'shop' })] });
});

test('counts and position go back together when a crash cuts the last line', async () => {
  const book = await LedgerBook.open(file, clock);
  book.add('raw/0', 10, [row(10)]);
  await book.checkpoint();
  const whole = (await readFile(file)).length;
  book.add('raw/0', 25, [row(15)]);
  await book.checkpoint();
  const bytes = await readFile(file);
  for (let length = whole; length < bytes.length - 1; length++) {
    const torn = join(folder, `torn-${length}`);
    await appendFile(torn, bytes.subarray(0, length));
    const again = await LedgerBook.open(torn, clock);
    expect(again.position('raw/0')).toBe(10);
    expect(again.takeChanges().rows).toEqual([row(10)]);
  }
});

test('only what changed is stated again, as absolute counts', async () => {
  const book = await LedgerBook.open(file, clock);
  book.add('raw/0', 1, [row(1), row(1, { tenant: 'shop' })]);
  book.takeChanges();
  book.add('raw/0', 2, [row(4)]);
  expect(book.takeChanges()).toEqual({ reset: false, rows: [row(5)] });
  expect(book.takeChanges()).toEqual({ reset: false, rows: [] });
});

test('minutes older than the limit are added up by hour, and hours older than theirs are dropped', async () => {
  const hour = NOW_MINUTE - (NOW_MINUTE % 60) - LEDGER_LIMITS.minutes - 120;
  const forgotten = NOW_MINUTE - LEDGER_LIMITS.hours * 60 - 1;
  const book = await LedgerBook.open(file, clock);
  book.add('raw/0', 3, [row(1, { minute: hour + 1 }), row(2, { minute: hour + 59 }), row(4, { minute: forgotten })]);
  await book.checkpoint();
  const again = await LedgerBook.open(file, clock);
  expect(again.takeChanges().rows).toEqual([row(3, { minute: hour })]);
});

test('one tenant too many in a minute is counted under a common name, and no record goes uncounted', async () => {
  const book = await LedgerBook.open(file, clock);
  const rows = Array.from({ length: LEDGER_LIMITS.tenants + 2 }, (_, i) => row(1, { tenant: `t${i}` }));
  book.add('raw/0', rows.length, rows);
  const stated = book.takeChanges().rows;
  expect(stated.length).toBe(LEDGER_LIMITS.tenants + 1);
  expect(stated.reduce((sum, { count }) => sum + count, 0)).toBe(rows.length);
  expect(stated.find(({ tenant }) => tenant === '…others')?.count).toBe(2);
});
