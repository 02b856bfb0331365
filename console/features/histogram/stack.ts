/** A histogram's answer as stacks of levels. Pure. */
import type { HistogramAnswer } from '../../../src/api/schemas/index.ts';
import { LEVEL_ORDER, type LevelKey, levelKey } from '../../lib/levels.ts';
import type { Instants } from '../../lib/time-range.ts';

export interface Stack {
  readonly startMs: number;
  readonly total: number;
  readonly counts: Readonly<Record<LevelKey, number>>;
}

export interface Stacks extends Instants {
  readonly intervalMs: number;
  /** Everything received before this is counted. */
  readonly completeToMs: number;
  readonly stacks: readonly Stack[];
  /** What the store took to count. */
  readonly tookMs: number;
  /** Over the whole range, all levels, also hidden ones. */
  readonly total: number;
  readonly totals: Readonly<Record<LevelKey, number>>;
}

export function stackLevels(answer: HistogramAnswer): Stacks {
  const stacks = answer.buckets.map((bucket): Stack => {
    const counts = noCounts();
    let named = 0;
    for (const [level, count] of Object.entries(bucket.by ?? {})) {
      counts[levelKey(level)] += count;
      named += count;
    }
    // `by` has the most frequent values only.
    counts.none += Math.max(0, bucket.count - named);
    return { startMs: Date.parse(bucket.time), total: bucket.count, counts };
  });
  const totals = noCounts();
  for (const { counts } of stacks) for (const level of LEVEL_ORDER) totals[level] += counts[level];
  return {
    fromMs: Date.parse(answer.from),
    toMs: Date.parse(answer.to),
    intervalMs: answer.intervalMs,
    completeToMs: Date.parse(answer.completeTo),
    stacks,
    tookMs: answer.tookMs,
    total: stacks.reduce((sum, stack) => sum + stack.total, 0),
    totals,
  };
}

function noCounts(): Record<LevelKey, number> {
  return { fatal: 0, error: 0, warn: 0, info: 0, debug: 0, trace: 0, none: 0 };
}

/** The height of a stack without the hidden levels. */
export function visibleTotal(stack: Stack, hidden: ReadonlySet<LevelKey>): number {
  return LEVEL_ORDER.reduce((sum, level) => (hidden.has(level) ? sum : sum + stack.counts[level]), 0);
}

/** The whole buckets that a selection touches, clipped to the range. */
export function snapToBuckets(stacks: Stacks, startMs: number, endMs: number): Instants {
  const { intervalMs } = stacks;
  const first = stacks.stacks[0]?.startMs ?? stacks.fromMs;
  const down = (ms: number) => first + Math.floor((ms - first) / intervalMs) * intervalMs;
  const up = (ms: number) => first + Math.ceil((ms - first) / intervalMs) * intervalMs;
  const fromMs = Math.max(stacks.fromMs, down(startMs));
  const toMs = Math.min(stacks.toMs, Math.max(up(endMs), down(startMs) + intervalMs));
  return { fromMs, toMs };
}
