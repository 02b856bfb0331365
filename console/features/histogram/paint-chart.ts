/** Draws the stacks on uPlot's canvas: bars by level, and hatching over what is not complete yet. */
import type uPlot from 'uplot';
import { LEVEL_ORDER, type LevelKey } from '../../lib/levels.ts';
import type { Stacks } from './stack.ts';

export interface ChartColours {
  readonly bars: Readonly<Record<LevelKey, string>>;
  readonly surface: string;
  readonly text: string;
  readonly line: string;
}

/** So that a single error stays visible beside a million other events. */
const LEAST_HEIGHT = 2;
const HATCH_STEP = 6;

export function paintStacks(u: uPlot, stacks: Stacks, hidden: ReadonlySet<LevelKey>, colours: ChartColours): void {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  const base = u.valToPos(0, 'y', true);
  const shown = LEVEL_ORDER.filter((level) => !hidden.has(level));
  for (const stack of stacks.stacks) {
    const start = u.valToPos(stack.startMs / 1_000, 'x', true);
    const end = u.valToPos((stack.startMs + stacks.intervalMs) / 1_000, 'x', true);
    const gap = end - start > 4 * ratio ? ratio : 0;
    let sum = 0;
    let bottom = base;
    for (const level of shown) {
      const count = stack.counts[level];
      if (count === 0) continue;
      sum += count;
      const least = level === 'info' || level === 'none' ? 1 : LEAST_HEIGHT;
      const top = Math.min(u.valToPos(sum, 'y', true), bottom - least * ratio);
      ctx.fillStyle = colours.bars[level];
      ctx.fillRect(start, top, Math.max(end - start - gap, ratio), bottom - top);
      bottom = top;
    }
  }
  ctx.restore();
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
