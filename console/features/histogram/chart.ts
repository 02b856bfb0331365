/** The chart without React: uPlot for axes, cursor and selection; the bars are ours (paint-chart.ts). */
import uPlot from 'uplot';
import { formatClock, formatRowTime, formatShortCount, type Zone } from '../../lib/format.ts';
import { LEVEL_ORDER, type LevelKey } from '../../lib/levels.ts';
import { type ChartColours, paintIncomplete, paintStacks } from './paint-chart.ts';
import { type Stacks, visibleTotal } from './stack.ts';

export interface ChartView {
  readonly stacks: Stacks;
  readonly hidden: ReadonlySet<LevelKey>;
  readonly nowMs: number;
}

export interface ChartEvents {
  /** Index of the bucket under the pointer and its middle in CSS pixels; undefined when the pointer left. */
  readonly onPoint: (at: { readonly index: number; readonly x: number } | undefined) => void;
  readonly onSelect: (startMs: number, endMs: number) => void;
}

export interface Chart {
  show(view: ChartView): void;
  resize(width: number, height: number): void;
  /** After a change of theme. */
  repaint(): void;
  /** The bucket's left and right edge in CSS pixels within the plot. */
  edges(index: number): { readonly left: number; readonly right: number };
  destroy(): void;
}

const DAY_S = 86_400;

export function createChart(host: HTMLElement, zone: Zone, first: ChartView, events: ChartEvents): Chart {
  let view = first;
  let colours = readColours(host);
  const axisColour = () => colours.text;
  const options: uPlot.Options = {
    width: Math.max(host.clientWidth, 50),
    height: Math.max(host.clientHeight, 40),
    legend: { show: false },
    padding: [8, 10, 0, 0],
    ms: 1e-3,
    tzDate: (seconds) =>
      zone === 'utc' ? uPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC') : new Date(seconds * 1_000),
    scales: {
      x: { range: () => [view.stacks.fromMs / 1_000, view.stacks.toMs / 1_000] },
      y: { range: (_u, _min, max) => [0, Math.max(1, max ?? 1) * 1.04] },
    },
    axes: [
      {
        stroke: axisColour,
        size: 22,
        gap: 4,
        space: 90,
        font: '11px system-ui, sans-serif',
        grid: { show: false },
        ticks: { show: true, size: 4, width: 1, stroke: () => colours.line },
        values: (_u, splits, _axis, _space, step) => splits.map((seconds) => tickLabel(seconds, step, zone)),
      },
      {
        stroke: axisColour,
        size: 44,
        gap: 6,
        space: 20,
        font: '11px system-ui, sans-serif',
        grid: { stroke: () => colours.line, width: 1 },
        ticks: { show: false },
        incrs: [1, 2, 5]
          .flatMap((digit) => Array.from({ length: 12 }, (_, power) => digit * 10 ** power))
          .sort((a, b) => a - b),
        values: (_u, splits) => splits.map((count) => formatShortCount(count)),
      },
    ],
    series: [{}, { stroke: 'transparent', paths: () => null, points: { show: false } }],
    cursor: {
      y: false,
      x: false,
      points: { show: false },
      drag: { x: true, y: false, setScale: false, dist: 4 },
    },
    hooks: {
      draw: [
        (u) => {
          paintStacks(u, view.stacks, view.hidden, colours);
          paintIncomplete(u, view.stacks, view.nowMs, colours);
        },
      ],
      setCursor: [(u) => events.onPoint(u.select.width > 0 ? undefined : pointed(u, view.stacks))],
      setSelect: [
        (u) => {
          if (u.select.width < 2) return;
          const ms = (x: number) => u.posToVal(x, 'x') * 1_000;
          events.onSelect(ms(u.select.left), ms(u.select.left + u.select.width));
          u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        },
      ],
    },
  };
  const plot = new uPlot(options, dataOf(view), host);
  return {
    show(next) {
      view = next;
      plot.setData(dataOf(view));
    },
    resize(width, height) {
      plot.setSize({ width, height });
    },
    repaint() {
      colours = readColours(host);
      plot.redraw(false, true);
    },
    edges(index) {
      const startMs = view.stacks.stacks[index]?.startMs ?? 0;
      const within = (x: number) => Math.min(Math.max(x, 0), plot.over.clientWidth);
      return {
        left: within(plot.valToPos(startMs / 1_000, 'x')),
        right: within(plot.valToPos((startMs + view.stacks.intervalMs) / 1_000, 'x')),
      };
    },
    destroy() {
      plot.destroy();
    },
  };
}

function dataOf({ stacks, hidden }: ChartView): uPlot.AlignedData {
  return [
    stacks.stacks.map((stack) => stack.startMs / 1_000),
    stacks.stacks.map((stack) => visibleTotal(stack, hidden)),
  ];
}

function pointed(u: uPlot, stacks: Stacks): { readonly index: number; readonly x: number } | undefined {
  const { left } = u.cursor;
  const [first] = stacks.stacks;
  if (left === undefined || left < 0 || first === undefined) return undefined;
  const index = Math.floor((u.posToVal(left, 'x') * 1_000 - first.startMs) / stacks.intervalMs);
  return index >= 0 && index < stacks.stacks.length ? { index, x: left } : undefined;
}

function tickLabel(seconds: number, stepS: number, zone: Zone): string {
  const ms = seconds * 1_000;
  const clock = formatClock(ms, zone);
  if (stepS >= DAY_S || clock === '00:00:00') return formatRowTime(ms, zone, true).slice(0, 6);
  if (stepS < 1) return formatRowTime(ms, zone, false);
  return stepS < 60 ? clock : clock.slice(0, 5);
}

/** Canvas needs plain colours, and custom properties hold light-dark() pairs: the browser resolves them on a probe. */
function readColours(host: HTMLElement): ChartColours {
  const probe = document.createElement('span');
  host.append(probe);
  const read = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const bars = Object.fromEntries(LEVEL_ORDER.map((level) => [level, read(`bar-${level}`)]));
  const colours = { bars: { ...NO_BARS, ...bars }, surface: read('surface'), text: read('text-3'), line: read('line') };
  probe.remove();
  return colours;
}

const NO_BARS: Readonly<Record<LevelKey, string>> = {
  fatal: '',
  error: '',
  warn: '',
  info: '',
  debug: '',
  trace: '',
  none: '',
};
