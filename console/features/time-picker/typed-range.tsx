import { type SubmitEvent, useId, useState } from 'react';
import { formatDateTime, type Zone } from '../../lib/format.ts';
import { isRelative, readTypedTime, resolveRange, type TimeRange } from '../../lib/time-range.ts';
import type { Run } from '../../lib/use-run.ts';

interface TypedRangeProps {
  readonly range: TimeRange;
  readonly run: Run;
  readonly zone: Zone;
  readonly onChoose: (range: TimeRange) => void;
}

/** Two ends as text: `2026-11-23 14:00`, `14:00`, `45m`, `now`. */
export function TypedRange({ range, run, zone, onChoose }: TypedRangeProps) {
  const written = (text: string, ms: number) => (isRelative(text) ? text : formatDateTime(ms, zone));
  const [from, setFrom] = useState(written(range.from, run.fromMs));
  const [to, setTo] = useState(written(range.to, run.toMs));
  const [problem, setProblem] = useState<string>();
  const hint = useId();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const read = readEnds(from, to, run.nowMs, zone);
    if (typeof read === 'string') setProblem(read);
    else onChoose(read);
  };
  const invalid = problem !== undefined;
  return (
    <form className="time-typed" onSubmit={submit}>
      <label className="time-row">
        From
        <input
          className="input"
          value={from}
          onChange={(event) => setFrom(event.target.value)}
          aria-invalid={invalid}
          aria-describedby={hint}
          spellCheck={false}
        />
      </label>
      <label className="time-row">
        To
        <input
          className="input"
          value={to}
          onChange={(event) => setTo(event.target.value)}
          aria-invalid={invalid}
          aria-describedby={hint}
          spellCheck={false}
        />
      </label>
      <p id={hint} className={invalid ? 'time-problem' : 'time-hint'} role={invalid ? 'alert' : undefined}>
        {problem ?? (
          <>
            Such as <code>2026-11-23 14:00</code>, <code>14:00</code>, <code>45m</code> or <code>now</code>
          </>
        )}
      </p>
      <button type="submit" className="button button-primary">
        Apply
      </button>
    </form>
  );
}

/** The range, or a sentence that says what is wrong. */
function readEnds(from: string, to: string, nowMs: number, zone: Zone): TimeRange | string {
  const readFrom = readTypedTime(from, nowMs, zone);
  if (readFrom === undefined) return `"${from}" is not a time.`;
  const readTo = readTypedTime(to, nowMs, zone);
  if (readTo === undefined) return `"${to}" is not a time.`;
  const range = { from: readFrom, to: readTo };
  return resolveRange(range, nowMs) === undefined ? 'The range must end after it begins.' : range;
}
