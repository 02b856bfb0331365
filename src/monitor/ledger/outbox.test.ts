import { expect, test } from 'vitest';
import { LEDGER_LIMITS } from '../../lib/limits.ts';
import { ReportOutbox } from './outbox.ts';

const row = (count: number, tenant = 'shop') =>
  ({ partition: 0, tenant, minute: 1, column: 'accepted', count }) as const;

test('gathers what is next to each other, by log, and says it once', () => {
  const outbox = new ReportOutbox();
  outbox.add('accepted/0', 0, 3, [row(3)]);
  outbox.add('accepted/0', 3, 5, [row(2)]);
  outbox.add('accepted/0', 8, 9, [row(1)]);
  outbox.add('accepted/1', 0, 1, [row(1)]);
  expect(outbox.take()).toEqual([
    { version: 1, log: 'accepted/0', ranges: [0, 5, 8, 9], rows: [[0, 'shop', 1, 'accepted', 6]] },
    { version: 1, log: 'accepted/1', ranges: [0, 1], rows: [[0, 'shop', 1, 'accepted', 1]] },
  ]);
  expect(outbox.take()).toEqual([]);
});

test('passes over what it has said already, and what has no place in the log yet', () => {
  const outbox = new ReportOutbox();
  outbox.add('accepted/0', 0, 3, [row(3)]);
  outbox.take();
  // The copy of a batch that was kept on the disk lands, although it had landed before.
  outbox.add('accepted/0', 0, 3, [row(3)]);
  outbox.add('accepted/0', 7, 7, [row(3)]);
  outbox.add('accepted/0', -1, 2, [row(3)]);
  expect(outbox.take()).toEqual([]);
});

test('what is too much for one report is several, and what is too much for the queue is left to the log', () => {
  const outbox = new ReportOutbox();
  const { reportRows, reportRanges, waitingReports } = LEDGER_LIMITS;
  for (let i = 0; i <= reportRows; i++) outbox.add('accepted/0', i, i + 1, [row(1, `t${i}`)]);
  expect(outbox.take().map(({ rows }) => rows.length)).toEqual([reportRows, 1]);
  for (let i = 0; i <= reportRanges; i++) outbox.add('accepted/1', 2 * i, 2 * i + 1, [row(1)]);
  expect(outbox.take().map(({ ranges }) => ranges.length / 2)).toEqual([reportRanges, 1]);
  const rows = Array.from({ length: reportRows }, (_, i) => row(1, `t${i}`));
  for (let i = 0; i < waitingReports + 5; i++) outbox.add('accepted/2', i, i + 1, rows);
  const reports = outbox.take();
  expect(reports.length).toBe(waitingReports);
  expect(reports[0]?.ranges).toEqual([5, 6]);
});
