import { expect, it } from 'vitest';
import { SlicePolicy } from '../policy/slice-policy.ts';
import { SliceTally } from './draft.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 26);

it('knows whether events of several tenants go into one insert, in however many slices', () => {
  const tally = new SliceTally(SlicePolicy.EMPTY);
  tally.place({ tenant: 'loud', timestampMs: NOW_MS, receivedMs: NOW_MS });
  tally.place({ tenant: 'loud', timestampMs: NOW_MS - DAY_MS, receivedMs: NOW_MS });
  expect(tally.tenants).toBe(1);
  tally.place({ tenant: 'small', timestampMs: NOW_MS, receivedMs: NOW_MS });
  expect(tally.tenants).toBe(2);
});
