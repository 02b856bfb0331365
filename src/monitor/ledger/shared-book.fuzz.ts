import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ReportOutbox } from './outbox.ts';
import type { Range } from './ranges.ts';
import type { Report } from './report.ts';
import { SharedBook } from './shared-book.ts';

/** What a log counts is a function of it alone: here of the offset. */
const LOGS = ['accepted/0', 'accepted/1', 'written/0'] as const;
const END = 60;
const rowOf = (log: string, offset: number) => ({
  partition: Number(log.at(-1)),
  tenant: offset % 3 === 0 ? 'shop' : 'default',
  minute: 30_000_000 + Math.floor(offset / 7),
  column: log.startsWith('written') ? ('written' as const) : ('accepted' as const),
  count: 1 + (offset % 2),
});

const offsetsOf = ([from, to]: Range) => Array.from({ length: to - from }, (_, i) => from + i);

/** One report of these ranges, as a role makes it. */
function reportOf(log: string, ranges: readonly Range[]): Report[] {
  const outbox = new ReportOutbox();
  for (const range of ranges) {
    const rows = offsetsOf(range).map((offset) => rowOf(log, offset));
    outbox.add(log, range[0], range[1], rows);
  }
  return outbox.take();
}

const sumOf = (rows: readonly { readonly count: number }[]) => rows.reduce((sum, { count }) => sum + count, 0);
const cellsOf = (book: SharedBook) =>
  SharedBook.of(book.snapshot('s', 0))
    .takeChanges()
    .rows.map((row) => JSON.stringify([row.partition, row.tenant, row.minute, row.column, row.count]))
    .sort();

const range = fc.tuple(fc.nat(END), fc.nat(12)).map(([from, length]): Range => [from, Math.min(END, from + length)]);
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ log: fc.constantFrom(...LOGS), ranges: fc.array(range, { minLength: 1, maxLength: 4 }) }),
  },
  { weight: 2, arbitrary: fc.record({ again: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant('restart' as const) },
);

it('counts each offset once, whatever overlaps, comes late, twice, or from before a restart, and ends exact', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40, size: 'max' }), (actions) => {
      let book = new SharedBook();
      /** All that was ever said: any of it may come again, at any time. */
      const said: Report[] = [];
      for (const one of actions) {
        if (one === 'restart') book = SharedBook.of(book.snapshot('s', said.length));
        else {
          const reports =
            'again' in one ? said.slice(one.again % (said.length + 1)).slice(0, 1) : reportOf(one.log, one.ranges);
          said.push(...reports);
          for (const report of reports) book.apply(report);
        }
        const cells = SharedBook.of(book.snapshot('s', 0)).takeChanges().rows;
        const counted = LOGS.flatMap((log) =>
          book
            .counted(log)
            .all.flatMap(offsetsOf)
            .map((offset) => rowOf(log, offset)),
        );
        expect(sumOf(cells)).toBe(sumOf(counted));
      }
      // Whoever follows the account counts what is missing, and two do it at the same time.
      for (const log of LOGS) {
        const gaps = book.counted(log).missing(0, END);
        for (const report of [...reportOf(log, gaps), ...reportOf(log, gaps)]) book.apply(report);
        expect(book.counted(log).bounds).toEqual([0, END]);
      }
      const whole = new SharedBook();
      for (const log of LOGS) for (const report of reportOf(log, [[0, END]])) whole.apply(report);
      expect(cellsOf(book)).toEqual(cellsOf(whole));
    }),
    { numRuns: 200 },
  );
});

it('passes over what are no ranges, and what somebody else may have written', () => {
  const book = new SharedBook();
  for (const ranges of [[3], [3, 1], [1, 3, 3, 4]]) {
    expect(book.apply({ version: 1, log: 'accepted/0', ranges, rows: [[0, 'shop', 1, 'accepted', 5]] })).toBe(false);
  }
  expect(book.takeChanges().rows).toEqual([]);
});
