/**
 * A run: one asking of all questions about one span of time. Relative ranges are resolved once per run, so that list,
 * pages and chart agree. A run starts when the range or the query changes, on request, and by the refresh timer.
 */
import { useCallback, useEffect, useState } from 'react';
import { onClockCorrection, serverNow } from './server-clock.ts';
import { DEFAULT_RANGE, type Instants, isRelative, resolveRange, type TimeRange } from './time-range.ts';

/** What chart and list show while one follows live. */
export const LIVE_RANGE: TimeRange = { from: 'now-15m', to: 'now' };

/** Where that begins now: the list keeps to it too. */
export function liveFromMs(): number {
  return resolveRun(LIVE_RANGE).fromMs;
}

export interface Run extends Instants {
  /** When it was resolved, by the server's clock. */
  readonly nowMs: number;
}

export interface Runs {
  readonly run: Run;
  readonly rerun: () => void;
}

export function useRun(q: string, range: TimeRange, refreshMs: number): Runs {
  const [number, setNumber] = useState(0);
  const asked = JSON.stringify([q, range, number]);
  const [answered, setAnswered] = useState(() => ({ asked, run: resolveRun(range) }));
  // React's way to derive state: the component is rendered again at once, before anything is shown.
  if (answered.asked !== asked) setAnswered({ asked, run: resolveRun(range) });
  const rerun = useCallback(() => setNumber((before) => before + 1), []);
  useEffect(() => onClockCorrection(rerun), [rerun]);
  const moving = isRelative(range.from) || isRelative(range.to);
  useEffect(() => {
    if (refreshMs === 0 || !moving) return;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') rerun();
    }, refreshMs);
    return () => clearInterval(timer);
  }, [refreshMs, moving, rerun]);
  return { run: answered.run, rerun };
}

function resolveRun(range: TimeRange): Run {
  const nowMs = serverNow();
  const resolved = resolveRange(range, nowMs) ?? resolveRange(DEFAULT_RANGE, nowMs);
  return { nowMs, fromMs: resolved?.fromMs ?? nowMs - 1, toMs: resolved?.toMs ?? nowMs };
}

/** The run with which each question was first asked: for what need not follow every refresh. */
export function useFirstRun(run: Run, question: string): Run {
  const [first, setFirst] = useState({ run, question });
  if (first.question === question) return first.run;
  setFirst({ run, question });
  return run;
}

/** The value as it was when `hold` began: what is being read is not replaced. */
export function useHeld<T>(value: T, hold: boolean): T {
  const [kept, setKept] = useState(value);
  if (!hold && kept !== value) setKept(value);
  return hold ? kept : value;
}
