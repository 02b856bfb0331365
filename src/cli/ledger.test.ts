import { expect, test } from 'vitest';
import type { LedgerReport } from '../api/schemas/index.ts';
import { doubtsOf } from './ledger.ts';

const total = { accepted: 0, written: 0, dropped: 0, deadLettered: 0, inFlight: 0 };
const report = { from: '', to: '', lines: [], total };
const asOf = '2026-11-26T10:00:00.000Z';

test('what is not known is said in sentences, whatever the reason', () => {
  const missing: LedgerReport['missing'] = [
    { log: 'accepted/2', why: 'not yet', offsets: 1_840 },
    { log: 'written/0', why: 'unread' },
    { log: 'accepted/0', why: 'gone', offsets: 5, before: asOf },
  ];
  expect(doubtsOf({ ...report, asOf, complete: false, missing })).toEqual([
    'accepted/2: 1,840 are not counted yet.',
    'written/0: the queue does not say how much there is.',
    `accepted/0: 5 were removed before they were counted, received before ${asOf}.`,
  ]);
  expect(doubtsOf({ ...report, complete: false, missing: [] })).toEqual([expect.stringContaining('not been read yet')]);
  // It was read, long ago.
  expect(doubtsOf({ ...report, asOf, complete: false, missing: [] })).toEqual([expect.stringContaining(asOf)]);
});

test('nothing is said where all is known, and where each role has its own account', () => {
  expect(doubtsOf({ ...report, asOf, complete: true, missing: [] })).toEqual([]);
  expect(doubtsOf(report)).toEqual([]);
});
