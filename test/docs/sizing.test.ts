import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { estimate } from '../../tools/sizing/estimate.ts';
import { type Measured, readMeasured } from '../../tools/sizing/measured.ts';
import { SCALING_DOCS, withSizing } from '../../tools/sizing/section.ts';
import { shardsOf } from '../../tools/sizing/shards.ts';

const BILLION = 1e9;
/** Round figures, so that what they come to can be reckoned by hand. */
const ROUND: Measured = {
  one: { cpuUs: 0, queueBytes: 0, indexBytes: 0, perS: 0 },
  cpuUs: { collector: 8, processor: 10, store: 30, Kafka: 12, OpenSearch: 150 },
  mainThreadUs: { collector: 5, processor: 8, store: 25 },
  memoryMib: { collector: 0, processor: 0, store: 0 },
  how: 'as it was measured',
  queueBytes: 500,
  indexBytes: 800,
  unmergedIndexBytes: 900,
  wireBytes: 4_000,
};

test('docs/scaling.md reckons with what was measured last', () => {
  const page = readFileSync(SCALING_DOCS, 'utf8');
  expect(page, 'run: npm run docs:scaling').toBe(withSizing(page, readMeasured()));
});

test('the tiers that it shows are a configuration, with shards that follow from the same figures', () => {
  const yaml = /```yaml\n(search:\n[\s\S]*? {2}tiers:[\s\S]*?)```/.exec(readFileSync(SCALING_DOCS, 'utf8'))?.[1] ?? '';
  const folder = mkdtempSync(join(tmpdir(), 'spillway-sizing-'));
  try {
    const file = join(folder, 'spillway.yaml');
    writeFileSync(file, yaml);
    const { tiers } = loadConfig({ file, env: {}, overrides: { data: folder } }).search;
    const measured = readMeasured();
    const expected = [shardsOf(BILLION, 24, measured), shardsOf(BILLION / 5, 24, measured)];
    expected.push(shardsOf(BILLION, 6, measured), shardsOf(10 * BILLION, 1, measured));
    expect(tiers.map(({ storage }) => storage.shards)).toEqual(expected.map(({ shards }) => shards));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('the estimate', () => {
  it('has what copies need where little comes, and a process of a role for each machine', () => {
    const { roles, partitions, brokers, searchNodes } = estimate(1_000, ROUND);
    const two = { machines: 2, processes: 2 };
    expect(roles).toEqual({ collector: two, processor: two, store: two });
    expect([partitions, brokers.nodes, searchNodes.nodes]).toEqual([4, 3, 3]);
  });

  it('is at one billion events a day what it is by hand', () => {
    const day = estimate(BILLION, ROUND);
    expect(day.perS).toBeCloseTo(11_574.07, 2);
    expect(day.roles.collector).toEqual({ machines: 2, processes: 2 });
    expect(day.roles.store).toEqual({ machines: 2, processes: 2 });
    expect(day.partitions).toBe(4);
    expect(day.brokers).toMatchObject({ byCpu: 1, byDisk: 1, nodes: 3 });
    expect(day.brokers.diskTb).toBeCloseTo(15);
    expect(day.searchNodes).toMatchObject({ byCpu: 2, byDisk: 9, nodes: 9 });
    expect(day.searchNodes.diskTb).toBeCloseTo(68.571, 3);
    expect(day.networkGbPerDay).toBeCloseTo(5_800);
    // 9 x 280 + 9 x 370 + 83,571.43 GB x 0.08 + 174,000 GB x 0.02
    expect(day.dollars).toBeCloseTo(16_015.71, 2);
  });

  it('is at ten billion what it is by hand: more processes than machines, and partitions for them', () => {
    const day = estimate(10 * BILLION, ROUND);
    expect(day.roles).toEqual({
      collector: { machines: 2, processes: 4 },
      processor: { machines: 2, processes: 3 },
      store: { machines: 2, processes: 9 },
    });
    expect(day.partitions).toBe(9);
    expect(day.brokers).toMatchObject({ byCpu: 4, byDisk: 10, nodes: 10 });
    expect(day.searchNodes).toMatchObject({ byCpu: 14, byDisk: 86, nodes: 86 });
  });

  it('is at a hundred billion what it is by hand', () => {
    const day = estimate(100 * BILLION, ROUND);
    expect(day.roles).toEqual({
      collector: { machines: 7, processes: 35 },
      processor: { machines: 5, processes: 28 },
      store: { machines: 14, processes: 87 },
    });
    expect(day.partitions).toBe(87);
    expect(day.brokers).toMatchObject({ byCpu: 32, byDisk: 94, nodes: 94 });
    expect(day.searchNodes).toMatchObject({ byCpu: 131, byDisk: 858, nodes: 858 });
    expect(day.networkGbPerDay).toBeCloseTo(580_000);
    // 120 x 280 + 858 x 370 + 8,357,142.86 GB x 0.08 + 17,400,000 GB x 0.02
    expect(day.dollars).toBeCloseTo(1_367_631.43, 2);
  });

  it('lets the CPU decide where disks are small', () => {
    const day = estimate(100 * BILLION, { ...ROUND, queueBytes: 1, indexBytes: 1 });
    expect([day.brokers.nodes, day.searchNodes.nodes]).toEqual([32, 131]);
  });
});

describe('shards of a slice', () => {
  it('are by hand what they are by the size of a shard', () => {
    expect(shardsOf(BILLION, 24, ROUND)).toMatchObject({ bySize: 16, byCpu: 1, byLimit: 1, shards: 16, kept: 960 });
    expect(shardsOf(10 * BILLION, 24, ROUND)).toMatchObject({ bySize: 160, byCpu: 7, byLimit: 5, shards: 160 });
    const six = shardsOf(10 * BILLION, 6, ROUND);
    expect(six).toMatchObject({ events: 2.5e9, gb: 2_000, bySize: 40, byLimit: 2, shards: 40, kept: 9_600 });
    const hour = shardsOf(100 * BILLION, 1, ROUND);
    expect(hour).toMatchObject({ bySize: 67, byCpu: 66, byLimit: 2, shards: 67, kept: 96_480 });
  });

  it('are so many that nodes can index what comes, where that is more', () => {
    expect(shardsOf(10 * BILLION, 1, { ...ROUND, indexBytes: 8 })).toMatchObject({ bySize: 1, byCpu: 7, shards: 7 });
  });

  it('never hold more than Lucene takes', () => {
    const light = { ...ROUND, indexBytes: 1, cpuUs: { ...ROUND.cpuUs, OpenSearch: 0.01 } };
    expect(shardsOf(100 * BILLION, 24, light)).toMatchObject({ bySize: 2, byCpu: 1, byLimit: 47, shards: 47 });
  });
});
