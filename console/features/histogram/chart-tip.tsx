import { formatClock, formatCount, formatRowTime, type Zone } from '../../lib/format.ts';
import { LEVEL_ORDER, type LevelKey, levelLabel } from '../../lib/levels.ts';
import type { Stack } from './stack.ts';

interface ChartTipProps {
  readonly stack: Stack;
  readonly intervalMs: number;
  readonly hidden: ReadonlySet<LevelKey>;
  readonly zone: Zone;
  readonly edges: { readonly left: number; readonly right: number } | undefined;
  readonly complete: boolean;
}

/** The span and counts of one bar, and a band behind it. uPlot's plot starts right of its axis of 44 px. */
export function ChartTip({ stack, intervalMs, hidden, zone, edges, complete }: ChartTipProps) {
  const { left, right } = edges ?? { left: 0, right: 0 };
  const endMs = stack.startMs + intervalMs;
  const end = intervalMs < 1_000 ? formatRowTime(endMs, zone, false) : formatClock(endMs, zone);
  return (
    <>
      <div className="chart-band" style={{ left: left + 44, width: Math.max(right - left, 2) }} />
      <div className="chart-tip" style={{ '--at': `${(left + right) / 2 + 44}px` } as React.CSSProperties}>
        <p className="chart-tip-time">
          {formatRowTime(stack.startMs, zone, true).slice(0, intervalMs < 1_000 ? undefined : -4)} – {end}
        </p>
        <dl>
          {LEVEL_ORDER.toReversed()
            .filter((level) => stack.counts[level] > 0)
            .map((level) => (
              <div key={level} data-hidden={hidden.has(level)}>
                <dt>
                  <span className="swatch" data-level={level} />
                  {levelLabel(level)}
                </dt>
                <dd>{formatCount(stack.counts[level])}</dd>
              </div>
            ))}
          <div className="chart-tip-total">
            <dt>all</dt>
            <dd>{formatCount(stack.total)}</dd>
          </div>
        </dl>
        {!complete && <p className="chart-tip-note">may still grow</p>}
      </div>
    </>
  );
}
