/** The strip above the list: how many events, how complete, the legend, and the chart. */
import { useState } from 'react';
import { Problem } from '../../lib/api.ts';
import { formatClock, formatCount, formatDateTime, formatSpan, type Zone } from '../../lib/format.ts';
import { LEVEL_ORDER, type LevelKey, levelLabel } from '../../lib/levels.ts';
import { useSettings } from '../../lib/settings.ts';
import { type Instants, relativeLabel } from '../../lib/time-range.ts';
import { LIVE_RANGE, type Run } from '../../lib/use-run.ts';
import { Histogram } from './histogram.tsx';
import type { Stacks } from './stack.ts';
import { useHistogram } from './use-histogram.ts';

const WAITING_BARS = Array.from({ length: 48 }, (_, place) => ({
  name: `bar-${place}`,
  height: `${20 + ((place * 37) % 61)}%`,
}));

interface OverviewProps {
  readonly q: string;
  readonly run: Run;
  readonly live: boolean;
  readonly onZoom: (span: Instants) => void;
}

export function Overview({ q, run, live, onZoom }: OverviewProps) {
  const [hidden, setHidden] = useState<ReadonlySet<LevelKey>>(new Set());
  const histogram = useHistogram(q, run);
  const toggle = (level: LevelKey) => {
    const next = new Set(hidden);
    if (!next.delete(level)) next.add(level);
    setHidden(next);
  };
  const stacks = histogram.data;
  if (stacks === undefined) {
    return (
      <section className="overview" aria-label="Events over time">
        {histogram.error === null ? <Waiting /> : <Missing error={histogram.error} />}
      </section>
    );
  }
  return (
    <section className="overview" aria-label="Events over time">
      <div className="overview-line">
        <Facts stacks={stacks} nowMs={run.nowMs} live={live} failed={histogram.isError} />
        <Legend stacks={stacks} hidden={hidden} onToggle={toggle} />
      </div>
      <Histogram
        stacks={stacks}
        hidden={hidden}
        nowMs={run.nowMs}
        faded={(histogram.isPlaceholderData && !live) || histogram.isError}
        onZoom={onZoom}
      />
    </section>
  );
}

/** The list below says in full what is wrong with the store or the query. */
function Missing({ error }: { readonly error: Error }) {
  const saidBelow = error instanceof Problem && (error.passing || error.aboutQuery);
  return (
    <p className="overview-failed">
      {saidBelow ? 'No chart without an answer.' : `The chart is missing: ${error.message}`}
    </p>
  );
}

function Waiting() {
  return (
    <div className="overview-waiting" aria-hidden="true">
      {WAITING_BARS.map(({ name, height }) => (
        <span key={name} className="skeleton" style={{ height }} />
      ))}
    </div>
  );
}

interface FactsProps {
  readonly stacks: Stacks;
  readonly nowMs: number;
  readonly live: boolean;
  readonly failed: boolean;
}

function Facts({ stacks, nowMs, live, failed }: FactsProps) {
  const { zone } = useSettings();
  const behindMs = Math.min(stacks.toMs, nowMs) - stacks.completeToMs;
  return (
    <p className="overview-facts" aria-live={live ? 'off' : 'polite'}>
      <strong>{formatCount(stacks.total)}</strong> {stacks.total === 1 ? 'event' : 'events'}
      {live && ` in the ${relativeLabel(LIVE_RANGE)?.toLowerCase()}`}
      <span className="overview-aside"> · {formatSpan(stacks.intervalMs)} a bar</span>
      <span
        className={behindMs > 10_000 ? 'overview-behind' : 'overview-aside'}
        title="Every event received before this time is counted. What was received later may still be missing."
      >
        {' · '}
        {behindMs > 10_000
          ? `complete only to ${completeText(stacks.completeToMs, zone, nowMs)}, ${formatSpan(behindMs)} behind`
          : `complete to ${completeText(stacks.completeToMs, zone, nowMs)}`}
      </span>
      {!live && <span className="overview-aside overview-took"> · {formatSpan(Math.max(1, stacks.tookMs))}</span>}
      {failed && <span className="overview-behind"> · not refreshed</span>}
    </p>
  );
}

function completeText(ms: number, zone: Zone, nowMs: number): string {
  return nowMs - ms > 86_400_000 ? formatDateTime(ms, zone) : formatClock(ms, zone);
}

interface LegendProps {
  readonly stacks: Stacks;
  readonly hidden: ReadonlySet<LevelKey>;
  readonly onToggle: (level: LevelKey) => void;
}

function Legend({ stacks, hidden, onToggle }: LegendProps) {
  return (
    <ul className="legend" aria-label="Levels in the chart">
      {LEVEL_ORDER.filter((level) => stacks.totals[level] > 0 || hidden.has(level)).map((level) => (
        <li key={level}>
          <button
            type="button"
            className="legend-item"
            aria-pressed={!hidden.has(level)}
            title={hidden.has(level) ? 'Show in the chart' : 'Hide in the chart'}
            onClick={() => onToggle(level)}
          >
            <span className="swatch" data-level={level} />
            {levelLabel(level)} <span className="legend-count">{formatCount(stacks.totals[level])}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
