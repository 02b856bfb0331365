/**
 * Events as they arrive, newest first. The list never moves under a reader: scrolled away from the top, or with an
 * event open, new rows wait behind a button that counts them.
 */
import { type ReactNode, useCallback, useMemo, useState } from 'react';
import type { AnsweredEvent } from '../../../src/api/schemas/index.ts';
import { formatCount } from '../../lib/format.ts';
import { Button } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { measureColumns } from '../event-list/columns.ts';
import { EventTable } from '../event-list/event-table.tsx';
import { SHOWN_ROWS } from './buffer.ts';
import { type Tail, useTail } from './use-tail.ts';

interface LiveTailProps {
  readonly q: string;
  readonly columns: readonly string[];
  readonly sought: readonly string[];
  readonly expandedId: string | undefined;
  readonly onExpand: (id: string | undefined) => void;
  readonly renderDetail: (event: AnsweredEvent) => ReactNode;
  readonly onActive: (id: string | undefined) => void;
  readonly onRemoveColumn: (name: string) => void;
  readonly onStop: () => void;
  readonly keys: boolean;
}

export function LiveTail(props: LiveTailProps) {
  const [away, setAway] = useState(false);
  const [paused, setPaused] = useState(false);
  const [toTop, setToTop] = useState(0);
  const reading = away || props.expandedId !== undefined;
  const tail = useTail(props.q, reading || paused);
  const { rows } = tail;
  const columns = useMemo(() => measureColumns(props.columns, rows.shown), [props.columns, rows.shown]);
  const { onExpand } = props;
  const goOn = useCallback(() => {
    setPaused(false);
    onExpand(undefined);
    tail.release();
    setToTop((before) => before + 1);
  }, [onExpand, tail.release]);
  const waiting = rows.waiting.length + rows.skipped;
  return (
    <section className="live" aria-label="Live tail">
      <LiveBar
        tail={tail}
        held={paused ? 'paused' : reading ? 'reading' : undefined}
        onPause={() => (paused ? goOn() : setPaused(true))}
        onStop={props.onStop}
      />
      <div className="live-body">
        {waiting > 0 && (
          <button type="button" className="live-new" onClick={goOn}>
            <Icon name="up" />
            {formatCount(waiting)} new
            {rows.skipped > 0 && ` (the newest ${formatCount(rows.waiting.length)} kept)`}
          </button>
        )}
        {rows.shown.length === 0 ? (
          <LiveNotice tail={tail} />
        ) : (
          <EventTable
            label="Events as they arrive, newest first"
            events={rows.shown}
            columns={columns}
            order="desc"
            dated={false}
            sought={props.sought}
            expandedId={props.expandedId}
            onExpand={props.onExpand}
            renderDetail={props.renderDetail}
            onActive={props.onActive}
            onAway={setAway}
            onRemoveColumn={props.onRemoveColumn}
            toTop={toTop}
            keys={props.keys}
            footer={
              rows.shown.length >= SHOWN_ROWS
                ? `The newest ${formatCount(SHOWN_ROWS)} are kept here. Stop following to search the older ones.`
                : undefined
            }
          />
        )}
      </div>
    </section>
  );
}

interface LiveBarProps {
  readonly tail: Tail;
  readonly held: 'paused' | 'reading' | undefined;
  readonly onPause: () => void;
  readonly onStop: () => void;
}

function LiveBar({ tail, held, onPause, onStop }: LiveBarProps) {
  return (
    <div className="live-bar">
      <p className="live-state" data-state={held === undefined ? tail.state : 'held'} role="status">
        <span className="live-dot" />
        {stateText(tail, held)}
      </p>
      {tail.dropped > 0 && (
        <p
          className="live-dropped"
          title="They came faster than a live view can show. They are stored, and a search finds them."
        >
          <Icon name="warn" />
          {formatCount(tail.dropped)} left out here, all searchable
        </p>
      )}
      <span className="live-space" />
      <Button
        label={held === undefined ? 'Pause' : 'Go on'}
        icon={held === undefined ? 'pause' : 'play'}
        small
        onClick={onPause}
      >
        {held === undefined ? 'Pause' : 'Go on'}
      </Button>
      <Button label="Stop following" icon="close" small shortcut="live" onClick={onStop}>
        Stop
      </Button>
    </div>
  );
}

function stateText(tail: Tail, held: LiveBarProps['held']): string {
  if (tail.state === 'broken') return `Interrupted: ${tail.error?.message ?? ''} Trying again.`;
  if (held === 'paused') return 'Paused';
  if (held === 'reading') return 'Held while you read';
  return tail.state === 'open' ? 'Following' : 'Connecting…';
}

function LiveNotice({ tail }: { readonly tail: Tail }) {
  if (tail.state === 'broken' && tail.error !== undefined) {
    return <ProblemNotice error={tail.error} onRetry={() => window.location.reload()} />;
  }
  if (tail.state === 'connecting') return <Notice title="Connecting…" icon="live" />;
  return (
    <Notice title="Waiting for the next event" icon="live">
      <p>Nothing in the last 15 minutes matches. A new event shows here within a second of its arrival.</p>
    </Notice>
  );
}
