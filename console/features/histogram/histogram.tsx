/** Events over time, stacked by level. Drag to zoom; with the keyboard, arrows walk over the bars and Enter zooms. */
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { formatClock, formatCount, formatInterval, formatSpan, type Zone } from '../../lib/format.ts';
import { LEVEL_ORDER, type LevelKey } from '../../lib/levels.ts';
import { useSettings } from '../../lib/settings.ts';
import type { Instants } from '../../lib/time-range.ts';
import { useRepaint } from '../theme/use-repaint.ts';
import { type Chart, createChart } from './chart.ts';
import { ChartTip } from './chart-tip.tsx';
import { type Stack, type Stacks, snapToBuckets } from './stack.ts';

interface HistogramProps {
  readonly stacks: Stacks;
  readonly hidden: ReadonlySet<LevelKey>;
  readonly nowMs: number;
  readonly faded: boolean;
  readonly onZoom: (span: Instants) => void;
}

export function Histogram({ stacks, hidden, nowMs, faded, onZoom }: HistogramProps) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart>(undefined);
  const [pointed, setPointed] = useState<number>();
  const { zone } = useSettings();
  const latest = useRef({ stacks, hidden, nowMs, onZoom });
  latest.current = { stacks, hidden, nowMs, onZoom };

  useEffect(() => {
    if (host.current === null) return;
    const element = host.current;
    const created = createChart(element, zone, latest.current, {
      onPoint: (at) => setPointed(at?.index),
      onSelect: (startMs, endMs) => latest.current.onZoom(snapToBuckets(latest.current.stacks, startMs, endMs)),
    });
    chart.current = created;
    const observer = new ResizeObserver(() => created.resize(element.clientWidth, element.clientHeight));
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
      chart.current = undefined;
    };
  }, [zone]);
  useEffect(() => chart.current?.show({ stacks, hidden, nowMs }), [stacks, hidden, nowMs]);
  useRepaint(() => chart.current?.repaint());

  const move = (event: KeyboardEvent) => {
    const next = nextBucket(event.key, pointed, stacks.stacks.length);
    if (next !== undefined) setPointed(next);
    else if (event.key === 'Enter' && pointed !== undefined) zoomTo(pointed);
    else return;
    event.preventDefault();
  };
  const zoomTo = (index: number) => {
    const stack = stacks.stacks[index];
    if (stack !== undefined) onZoom(snapToBuckets(stacks, stack.startMs, stack.startMs + 1));
  };
  const summary = useMemo(() => summarise(stacks, zone, nowMs), [stacks, zone, nowMs]);
  const stack = pointed === undefined ? undefined : stacks.stacks[pointed];
  return (
    <div
      className="histogram"
      data-faded={faded}
      role="slider"
      aria-roledescription="histogram"
      aria-label={summary}
      aria-valuemin={0}
      aria-valuemax={Math.max(stacks.stacks.length - 1, 0)}
      aria-valuenow={pointed ?? 0}
      aria-valuetext={stack === undefined ? 'Arrows walk over the bars, Enter zooms in' : describe(stack, zone)}
      tabIndex={0}
      data-arrows
      onKeyDown={move}
      onBlur={() => setPointed(undefined)}
    >
      <div className="histogram-canvas" ref={host} />
      {stack !== undefined && pointed !== undefined && (
        <ChartTip
          stack={stack}
          intervalMs={stacks.intervalMs}
          hidden={hidden}
          zone={zone}
          edges={chart.current?.edges(pointed)}
          complete={stack.startMs + stacks.intervalMs <= stacks.completeToMs}
        />
      )}
    </div>
  );
}

function describe(stack: Stack, zone: Zone): string {
  return `${formatClock(stack.startMs, zone)}: ${formatCount(stack.total)} events`;
}

function nextBucket(key: string, at: number | undefined, count: number): number | undefined {
  if (key === 'ArrowRight') return Math.min((at ?? -1) + 1, count - 1);
  if (key === 'ArrowLeft') return Math.max((at ?? count) - 1, 0);
  if (key === 'Home') return 0;
  return key === 'End' ? count - 1 : undefined;
}

function summarise(stacks: Stacks, zone: Zone, nowMs: number): string {
  const levels = LEVEL_ORDER.filter((level) => stacks.totals[level] > 0)
    .map((level) => `${formatCount(stacks.totals[level])} ${level}`)
    .join(', ');
  const span = formatInterval(stacks.fromMs, stacks.toMs, zone, nowMs);
  return `Events over time, ${span}, one bar for ${formatSpan(stacks.intervalMs)}: ${formatCount(stacks.total)} events${levels === '' ? '' : `: ${levels}`}`;
}
