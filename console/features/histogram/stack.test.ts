import { describe, expect, test } from 'vitest';
import type { HistogramAnswer } from '../../../src/api/schemas/index.ts';
import { heights } from './paint-chart.ts';
import { snapToBuckets, stackLevels, visibleTotal } from './stack.ts';

const time = (second: number) => new Date(Date.UTC(2026, 10, 23, 14, 0, second)).toISOString();
const answer: HistogramAnswer = {
  interval: '10s',
  intervalMs: 10_000,
  from: time(5),
  to: time(38),
  completeTo: time(30),
  tookMs: 1,
  buckets: [
    { time: time(0), count: 3, by: { error: 1, info: 2 } },
    { time: time(10), count: 0 },
    { time: time(20), count: 7, by: { info: 4, '': 2 } },
    { time: time(30), count: 1, by: { notice: 1 } },
  ],
};
const stacks = stackLevels(answer);

describe('the stacks of a histogram', () => {
  test('account for every event, also of unknown or no level', () => {
    expect(stacks.total).toBe(11);
    expect(stacks.totals).toMatchObject({ error: 1, info: 6, none: 4, fatal: 0 });
  });

  test('are lower without hidden levels', () => {
    const [first] = stacks.stacks;
    expect(first === undefined ? undefined : visibleTotal(first, new Set(['info']))).toBe(1);
  });
});

describe('a selection by dragging', () => {
  const ms = (second: number) => Date.parse(time(second));

  test('takes whole bars', () => {
    expect(snapToBuckets(stacks, ms(12), ms(21))).toEqual({ fromMs: ms(10), toMs: ms(30) });
  });

  test('within one bar takes this bar', () => {
    expect(snapToBuckets(stacks, ms(20), ms(20))).toEqual({ fromMs: ms(20), toMs: ms(30) });
  });

  test('stays within the range that was asked about', () => {
    expect(snapToBuckets(stacks, ms(1), ms(39))).toEqual({ fromMs: ms(5), toMs: ms(38) });
  });
});

describe('the height of a bar', () => {
  const counts = { fatal: 0, error: 1, warn: 0, info: 9_999, debug: 0, trace: 0, none: 0 };
  const stack = { startMs: 0, total: 10_000, counts };

  test('shows a single error beside thousands of others', () => {
    const [error] = heights(stack, ['error', 'info'], 0.01, 1);
    expect(error).toEqual({ level: 'error', size: 1 });
  });

  test('is that of the total all the same', () => {
    const sum = heights(stack, ['error', 'info'], 0.01, 1).reduce((total, { size }) => total + size, 0);
    expect(sum).toBeCloseTo(100);
  });

  test('is at least visible', () => {
    expect(heights({ ...stack, counts: { ...counts, info: 0 } }, ['error', 'info'], 0.01, 1)).toEqual([
      { level: 'error', size: 1 },
    ]);
  });
});
