/** The corner that says whether Spillway is well, by a sign and in words, and opens what is behind it. */
import { useRef, useState } from 'react';
import { formatShortCount } from '../../lib/format.ts';
import { Popover } from '../../ui/popover.tsx';
import { describe } from './condition.ts';
import { StatusPanel } from './status-panel.tsx';
import { useStatus } from './use-status.ts';

export function Status() {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const shown = useStatus();
  const { condition, flow } = shown;
  const said = describe(condition);
  return (
    <div className="status">
      <button
        type="button"
        ref={button}
        className="button button-quiet status-button"
        data-health={condition.health}
        aria-expanded={open}
        aria-haspopup="dialog"
        aria-label={`Status: ${said}`}
        title={said}
        onClick={() => setOpen(!open)}
      >
        <span className="status-dot" data-health={condition.health} />
        <span className="status-text">
          {condition.health === 'up' && flow !== undefined ? `${formatShortCount(flow.perSecond)}/s` : condition.word}
        </span>
      </button>
      {/* Said when it changes, and not each time that it is asked: of the reasons only their number. */}
      <p className="visually-hidden" role="status">
        {condition.title}
        {condition.reasons.length > 1 && `, for ${condition.reasons.length} reasons`}
      </p>
      {open && (
        <Popover label="Status" anchor={button} onClose={() => setOpen(false)}>
          <StatusPanel {...shown} />
        </Popover>
      )}
    </div>
  );
}
