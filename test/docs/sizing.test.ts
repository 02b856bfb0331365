import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ASSUMED, estimate, type Measured, readMeasured, SCALING_DOCS, withSizing } from '../../tools/sizing.ts';

test('docs/scaling.md reckons with what was measured last', () => {
  const page = readFileSync(SCALING_DOCS, 'utf8');
  expect(page, 'run: npm run docs:scaling').toBe(withSizing(page, readMeasured()));
});

test('the estimate is what its formula says, and never fewer than what copies need', () => {
  const cpuUs = { collector: 1, processor: 2, store: 4, Kafka: 1, OpenSearch: 10 };
  const measured: Measured = {
    one: { cpuUs: 0, queueBytes: 0, indexBytes: 0, perS: 0 },
    cpuUs,
    how: 'as it was measured',
    queueBytes: 500,
    indexBytes: 400,
    wireBytes: 1_000,
  };
  const small = estimate(1_000, measured);
  expect(small).toMatchObject({ collectors: 2, processors: 2, stores: 2, brokers: 3, searchNodes: 3 });
  const perS = 1e12 / 86_400;
  const large = estimate(1e12, measured);
  expect(large.collectors).toBe(Math.ceil((perS * ASSUMED.peak) / 1e6 / 4));
  expect(large.brokerTb).toBeCloseTo((1 * 7 * 500 * 3) / 0.7);
  expect(large.searchNodes).toBe(Math.ceil(large.searchTb / ASSUMED.searchDiskTb));
  expect(large.networkGbPerDay).toBeCloseTo(1e3 * (1_000 + 2 * 500 + 400));
  expect(large.dollars).toBeGreaterThan((large.brokerTb + large.searchTb) * 80);
});
