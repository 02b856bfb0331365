/** Several process trees on one topic: readers that were away, pause and begin anew, and snapshots by any of them. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createLog } from '../../lib/log.ts';
import { Reporter } from './reporter.ts';
import { SharedAccount } from './shared-account.ts';
import { MemoryLog } from './testing/memory-log.ts';

const MINUTE = 30_000_000;
const clock = { now: () => MINUTE * 60_000 };
const log = createLog('test', 'fatal');
const TREES = 3;

const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ reports: fc.nat(TREES - 1), records: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 3, arbitrary: fc.record({ publishes: fc.nat(TREES - 1) }) },
  { weight: 3, arbitrary: fc.record({ follows: fc.nat(TREES - 1) }) },
  { weight: 3, arbitrary: fc.record({ snapshots: fc.nat(TREES - 1) }) },
  { weight: 1, arbitrary: fc.record({ dies: fc.nat(TREES - 1) }) },
);

const cellsOf = (account: SharedAccount) =>
  account.book
    .snapshot('s', 0)
    .flatMap(({ rows }) => rows.map((row) => JSON.stringify(row)))
    .sort();

it('gives every tree the same account, also where it was paused while the topic was shortened', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 80, size: 'max' }), async (actions) => {
      const topic = new MemoryLog(1);
      const start = () => ({ account: new SharedAccount(topic, clock), reporter: new Reporter(topic, clock, log) });
      const trees = Array.from({ length: TREES }, start);
      const of = (number: number) => trees[number] ?? start();
      let end = 0;
      for (const one of actions) {
        if ('reports' in one) {
          // A batch of `raw` is one collector's.
          const row = {
            partition: 0,
            tenant: `t${one.reports}`,
            minute: MINUTE - (end % 5),
            column: 'accepted',
            count: one.records,
          } as const;
          of(one.reports).reporter.outbox.add('accepted/0', end, end + one.records, [row]);
          end += one.records;
        } else if ('publishes' in one) await of(one.publishes).reporter.publish();
        else if ('follows' in one) await of(one.follows).account.follow();
        else if ('snapshots' in one) {
          const { account, reporter } = of(one.snapshots);
          // Of where it has come to, which may be long ago.
          await account.writeSnapshot(await reporter.writer());
        } else trees[one.dies] = start();
      }
      for (const { reporter } of trees) await reporter.publish();
      const fresh = new SharedAccount(topic, clock);
      await fresh.follow();
      const counted = fresh.book.counted('accepted/0');
      const sum = fresh.book
        .snapshot('s', 0)
        .flatMap(({ rows }) => rows)
        .reduce((total, row) => total + row[4], 0);
      expect(sum).toBe(end - counted.missingCount(0, end));
      for (const { account } of trees) {
        await account.follow();
        expect(account.book.counted('accepted/0').bounds).toEqual(counted.bounds);
        expect(cellsOf(account)).toEqual(cellsOf(fresh));
      }
    }),
    { numRuns: 300 },
  );
});
