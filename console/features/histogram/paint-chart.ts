/** Draws the stacks on uPlot's canvas: bars by level, and hatching over what is not complete yet. */
import type uPlot from 'uplot';
import { LEVEL_ORDER, type LevelKey } from '../../lib/levels.ts';
import type { Stack, Stacks } from './stack.ts';

export interface ChartColours {
  readonly bars: Readonly<Record<LevelKey, string>>;
  readonly surface: string;
  readonly text: string;
  readonly line: string;
}

export function paintStacks(u: uPlot, stacks: Stacks, hidden: ReadonlySet<LevelKey>, colours: ChartColours): void {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  const base = u.valToPos(0, 'y', true);
  const scale = base - u.valToPos(1, 'y', true);
  const shown = LEVEL_ORDER.filter((level) => !hidden.has(level));
  for (const stack of stacks.stacks) {
    const start = u.valToPos(stack.startMs / 1_000, 'x', true);
    const end = u.valToPos((stack.startMs + stacks.intervalMs) / 1_000, 'x', true);
    const gap = end - start > 4 * ratio ? ratio : 0;
    let bottom = base;
    for (const { level, size } of heights(stack, shown, scale, ratio)) {
      ctx.fillStyle = colours.bars[level];
      ctx.fillRect(start, bottom - size, Math.max(end - start - gap, ratio), size);
      bottom -= size;
    }
  }
  ctx.restore();
}

interface Height {
  readonly level: LevelKey;
  readonly size: number;
}

const HATCH_STEP = 6;

/** At least `least` for each level, so that one error stays visible beside a million others; the largest pays for it. */
export function heights(stack: Stack, levels: readonly LevelKey[], scale: number, least: number): readonly Height[] {
  const present = levels.filter((level) => stack.counts[level] > 0);
  const sizes = present.map((level) => ({ level, size: Math.max(stack.counts[level] * scale, least) }));
  const exact = present.reduce((sum, level) => sum + stack.counts[level] * scale, 0);
  const excess = sizes.reduce((sum, { size }) => sum + size, 0) - exact;
  const largest = Math.max(...sizes.map(({ size }) => size));
  const paying = sizes.findIndex(({ size }) => size === largest);
  return sizes.map(({ level, size }, index) => ({
    level,
    size: index === paying ? Math.max(size - excess, least) : size,
  }));
}

/** What was received after `completeTo` may still be missing: that part is faded and hatched, with its edge drawn. */
export function paintIncomplete(u: uPlot, stacks: Stacks, nowMs: number, colours: ChartColours): void {
  const endMs = Math.min(stacks.toMs, nowMs);
  if (stacks.completeToMs >= endMs) return;
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const start = Math.max(left, u.valToPos(stacks.completeToMs / 1_000, 'x', true));
  const end = Math.min(left + width, u.valToPos(endMs / 1_000, 'x', true));
  if (end - start < 1) return;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(start, top, end - start, height);
  ctx.clip();
  ctx.globalAlpha = 0.62;
  ctx.fillStyle = colours.surface;
  ctx.fillRect(start, top, end - start, height);
  ctx.globalAlpha = 0.45;
  ctx.strokeStyle = colours.text;
  ctx.lineWidth = ratio;
  ctx.beginPath();
  for (let x = start - height; x < end; x += HATCH_STEP * ratio) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
  ctx.beginPath();
  ctx.moveTo(start, top);
  ctx.lineTo(start, top + height);
  ctx.stroke();
  ctx.restore();
}
