/** The neighbours of one event: what the same source said before and after it. Lies over the results; Escape goes back. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { type ReactNode, useCallback, useMemo, useState } from 'react';
import type { AnsweredEvent, ContextAnswer } from '../../../src/api/schemas/index.ts';
import { getJson } from '../../lib/api.ts';
import { needsDate } from '../../lib/format.ts';
import { useShortcuts } from '../../lib/keyboard.ts';
import { serverNow } from '../../lib/server-clock.ts';
import { useSettings } from '../../lib/settings.ts';
import { Button } from '../../ui/button.tsx';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { measureColumns } from '../event-list/columns.ts';
import { EventTable } from '../event-list/event-table.tsx';

interface ContextPanelProps {
  readonly id: string;
  readonly q: string;
  readonly columns: readonly string[];
  readonly sought: readonly string[];
  readonly renderDetail: (event: AnsweredEvent) => ReactNode;
  readonly onActive: (id: string | undefined) => void;
  readonly onClose: () => void;
}

/** Events on each side; a click on "more" takes the next step. QUERY_LIMITS.contextEvents bounds the last. */
const STEPS = [25, 100, 500];
const NO_EVENTS: readonly AnsweredEvent[] = [];

export function ContextPanel(props: ContextPanelProps) {
  const { id, q, onClose } = props;
  const [step, setStep] = useState(0);
  const [onlyMatching, setOnlyMatching] = useState(false);
  const [expandedId, setExpandedId] = useState<string>();
  const { zone } = useSettings();
  const each = STEPS[step] ?? 25;
  const asked = onlyMatching ? q : '';
  const context = useQuery({
    queryKey: ['context', id, asked, each],
    queryFn: ({ signal }) => getJson<ContextAnswer>('api/context', { id, q: asked, before: each, after: each }, signal),
    placeholderData: keepPreviousData,
  });
  useShortcuts({
    back: () => {
      if (expandedId === undefined) onClose();
      else setExpandedId(undefined);
      return true;
    },
    context: () => {
      onClose();
      return true;
    },
  });
  const { data } = context;
  const events = useMemo(() => (data === undefined ? NO_EVENTS : [...data.before, data.event, ...data.after]), [data]);
  const columns = useMemo(() => measureColumns(props.columns, events), [props.columns, events]);
  const times = events.map((event) => Date.parse(event.timestamp));
  const dated = needsDate(times[0] ?? 0, times.at(-1) ?? 0, serverNow(), zone);
  const more = useCallback(() => setStep((before) => Math.min(before + 1, STEPS.length - 1)), []);
  return (
    <section className="context-panel" aria-label="Surrounding events">
      <header className="context-head">
        <Button label="Back to the results" icon="close" kind="quiet" onClick={onClose} />
        <h2>
          Surrounding events {data !== undefined && <span className="context-source">of {data.event.source}</span>}
        </h2>
        <span className="context-facts">
          {data !== undefined && `${data.before.length} before, ${data.after.length} after`}
        </span>
        {q.trim() !== '' && (
          <label className="context-choice">
            <input type="checkbox" checked={onlyMatching} onChange={(event) => setOnlyMatching(event.target.checked)} />
            only what matches the query
          </label>
        )}
        {step < STEPS.length - 1 && data !== undefined && Math.max(data.before.length, data.after.length) >= each && (
          <Button label="Show more events on both sides" onClick={more} small>
            More
          </Button>
        )}
      </header>
      {data === undefined ? (
        context.isError ? (
          <ProblemNotice error={context.error} onRetry={() => void context.refetch()} />
        ) : (
          <Notice title="Looking for the neighbours…" />
        )
      ) : (
        <EventTable
          label="Surrounding events, oldest first"
          events={events}
          columns={columns}
          order="asc"
          dated={dated}
          sought={props.sought}
          expandedId={expandedId}
          onExpand={setExpandedId}
          renderDetail={props.renderDetail}
          anchorId={id}
          onActive={props.onActive}
          faded={context.isPlaceholderData}
          autoFocus
        />
      )}
    </section>
  );
}
