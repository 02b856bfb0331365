/** The time range: presets, two typed ends, the refresh interval and the time zone. */
import { useRef, useState } from 'react';
import { formatInterval, formatSpan, formatZone } from '../../lib/format.ts';
import { useShortcuts } from '../../lib/keyboard.ts';
import { changeSettings, useSettings } from '../../lib/settings.ts';
import { absoluteRange, PRESETS, relativeLabel, type TimeRange, zoomOut } from '../../lib/time-range.ts';
import { REFRESH_CHOICES_MS, type View } from '../../lib/url-state.ts';
import type { UpdateView } from '../../lib/url-store.ts';
import { LIVE_RANGE, type Run } from '../../lib/use-run.ts';
import { Button } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Popover } from '../../ui/popover.tsx';
import { TypedRange } from './typed-range.tsx';

interface TimePickerProps {
  readonly view: View;
  readonly run: Run;
  readonly update: UpdateView;
}

export function TimePicker({ view, run, update }: TimePickerProps) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const { zone } = useSettings();
  const zoom = () => update({ range: absoluteRange(zoomOut(run, run.nowMs)), live: false }, 'push');
  useShortcuts({
    time: () => {
      setOpen(true);
      return true;
    },
    zoomOut: () => {
      zoom();
      return true;
    },
  });
  const choose = (range: TimeRange) => {
    setOpen(false);
    button.current?.focus();
    update({ range, live: false, context: undefined }, 'push');
  };
  const range = view.live ? LIVE_RANGE : view.range;
  const label = relativeLabel(range) ?? formatInterval(run.fromMs, run.toMs, zone, run.nowMs);
  return (
    <div className="time-picker">
      <button
        type="button"
        ref={button}
        className="button time-button"
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-label={`Time range: ${label}`}
        aria-keyshortcuts="t"
        title="Time range (t)"
        onClick={() => setOpen(!open)}
      >
        <Icon name="clock" />
        <span className="time-label">{label}</span>
        {view.refreshMs > 0 && !view.live && <span className="time-refresh">every {formatSpan(view.refreshMs)}</span>}
      </button>
      <Button label="Zoom out" icon="zoomOut" shortcut="zoomOut" onClick={zoom} />
      {open && (
        <Popover label="Time range" anchor={button} onClose={() => setOpen(false)}>
          <div className="time-panel">
            <Presets current={view.live ? undefined : view.range} onChoose={choose} />
            <div className="time-side">
              <TypedRange range={view.range} run={run} zone={zone} onChoose={choose} />
              <label className="time-row">
                Refresh
                <select
                  className="input"
                  value={view.refreshMs}
                  onChange={(event) => update({ refreshMs: Number(event.target.value) })}
                >
                  {REFRESH_CHOICES_MS.map((ms) => (
                    <option key={ms} value={ms}>
                      {ms === 0 ? 'Off' : `Every ${formatSpan(ms)}`}
                    </option>
                  ))}
                </select>
              </label>
              <div className="time-row">
                Times in
                <Button
                  label={`Times are shown in ${zone === 'utc' ? 'UTC' : 'local time'}; change`}
                  onClick={() => changeSettings({ zone: zone === 'utc' ? 'local' : 'utc' })}
                >
                  {zone === 'utc' ? 'UTC' : `Local (${formatZone(run.nowMs, 'local')})`}
                </Button>
              </div>
            </div>
          </div>
        </Popover>
      )}
    </div>
  );
}

interface PresetsProps {
  readonly current: TimeRange | undefined;
  readonly onChoose: (range: TimeRange) => void;
}

/** A list that arrows move through; the first focus is on the one in use. */
function Presets({ current, onChoose }: PresetsProps) {
  const chosen = PRESETS.findIndex((preset) => current?.to === 'now' && preset.from === current.from);
  const move = (event: React.KeyboardEvent<HTMLButtonElement>) => {
    const step =
      event.key === 'ArrowDown' || event.key === 'j' ? 1 : event.key === 'ArrowUp' || event.key === 'k' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const buttons = [...(event.currentTarget.closest('ul')?.querySelectorAll('button') ?? [])];
    buttons.at((buttons.indexOf(event.currentTarget) + step) % buttons.length)?.focus();
  };
  return (
    <ul className="time-presets" aria-label="Relative ranges">
      {PRESETS.map((preset, index) => (
        <li key={preset.from}>
          <button
            type="button"
            className="time-preset"
            aria-current={index === chosen ? 'true' : undefined}
            data-autofocus={index === Math.max(chosen, 0) ? '' : undefined}
            onKeyDown={move}
            onClick={() => onChoose({ from: preset.from, to: 'now' })}
          >
            {preset.label}
          </button>
        </li>
      ))}
    </ul>
  );
}
