/** The found events: the list with its pages, and what stands there while there is none. */
import { lazy, type ReactNode, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { AnsweredEvent } from '../../../src/api/schemas/index.ts';
import { Problem } from '../../lib/api.ts';
import { formatCount, needsDate } from '../../lib/format.ts';
import { useSettings } from '../../lib/settings.ts';
import type { View } from '../../lib/url-state.ts';
import type { UpdateView } from '../../lib/url-store.ts';
import type { Run } from '../../lib/use-run.ts';
import { Button } from '../../ui/button.tsx';
import { Notice, ProblemNotice } from '../../ui/notice.tsx';
import { measureColumns } from './columns.ts';
import { EventTable } from './event-table.tsx';
import { LinkedEvent } from './linked-event.tsx';
import type { useSearch } from './use-search.ts';

interface ResultsProps {
  readonly view: View;
  readonly run: Run;
  readonly search: ReturnType<typeof useSearch>;
  readonly sought: readonly string[];
  readonly update: UpdateView;
  readonly onExpand: (id: string | undefined) => void;
  readonly onActive: (id: string | undefined) => void;
  readonly onRemoveColumn: (name: string) => void;
  readonly renderDetail: (event: AnsweredEvent) => ReactNode;
  /** Called when the reader is somewhere that a refresh must not move. */
  readonly onReading: (reading: boolean) => void;
  readonly onRerun: () => void;
  readonly keys: boolean;
}

/** Seldom seen, so not loaded before it is. */
const NothingFound = lazy(() =>
  import('../onboarding/nothing-found.tsx').then((module) => ({ default: module.NothingFound })),
);

const RECOVER_MS = 3_000;
const NO_EVENTS: readonly AnsweredEvent[] = [];

export function Results(props: ResultsProps) {
  const { view, run, search, update, onReading, onRerun } = props;
  const { zone } = useSettings();
  const [away, setAway] = useState(false);
  const events = search.data?.events ?? NO_EVENTS;
  const columns = useMemo(() => measureColumns(view.columns, events), [view.columns, events]);
  const reading = away || view.event !== undefined;
  useEffect(() => onReading(reading), [onReading, reading]);
  useRecovery(search.error, onRerun);
  const toTop = useQuestionNumber(`${view.q}\n${view.range.from}\n${view.range.to}\n${view.order}`);
  const { hasNextPage, isFetchingNextPage, fetchNextPage, isFetchNextPageError } = search;
  const nextPage = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);

  if (search.error !== null && !isFetchNextPageError) return <Failed error={search.error} onRetry={onRerun} />;
  if (search.data === undefined) return <Waiting />;
  if (events.length === 0) {
    if (search.isPlaceholderData) return <Waiting />;
    return (
      <Suspense fallback={<Waiting />}>
        <NothingFound
          q={view.q}
          run={run}
          hints={search.data.hints}
          onRange={(range) => update({ range }, 'push')}
          onQuery={(q) => update({ q }, 'push')}
          onFirst={onRerun}
        />
      </Suspense>
    );
  }
  const linked = view.event !== undefined && !search.isPlaceholderData && !events.some(({ id }) => id === view.event);
  return (
    <>
      {linked && view.event !== undefined && (
        <LinkedEvent id={view.event} renderDetail={props.renderDetail} onClose={() => props.onExpand(undefined)} />
      )}
      <EventTable
        label={`Events, ${view.order === 'desc' ? 'newest' : 'oldest'} first`}
        events={events}
        columns={columns}
        order={view.order}
        dated={needsDate(run.fromMs, run.toMs, run.nowMs, zone)}
        sought={props.sought}
        expandedId={view.event}
        onExpand={props.onExpand}
        renderDetail={props.renderDetail}
        onActive={props.onActive}
        onEnd={nextPage}
        onAway={setAway}
        onOrder={() => update({ order: view.order === 'desc' ? 'asc' : 'desc' })}
        onRemoveColumn={props.onRemoveColumn}
        faded={search.isPlaceholderData && view.refreshMs === 0}
        toTop={toTop}
        keys={props.keys}
        footer={<Footer search={search} count={events.length} />}
      />
    </>
  );
}

interface FooterProps {
  readonly search: ResultsProps['search'];
  readonly count: number;
}

function Footer({ search, count }: FooterProps) {
  if (search.isFetchNextPageError) {
    return (
      <>
        The next page did not come: {search.error?.message}{' '}
        <Button label="Try again" small onClick={() => void search.fetchNextPage()}>
          Try again
        </Button>
      </>
    );
  }
  if (search.isFetchingNextPage) return 'Loading more…';
  if (search.hasNextPage) return '';
  const more = search.data?.more === true;
  return more
    ? `These are ${formatCount(count)} events, as many as this list takes. Narrow the time or the query to see others.`
    : `${formatCount(count)} ${count === 1 ? 'event' : 'events'}, and that is all.`;
}

/** Counts up with every new question, so that its answer is shown from the top. */
function useQuestionNumber(question: string): number {
  const seen = useRef({ question, number: 0 });
  if (seen.current.question !== question) seen.current = { question, number: seen.current.number + 1 };
  return seen.current.number;
}

/** A store that restarts is back in a moment: ask again without a click. */
function useRecovery(error: Error | null, rerun: () => void): void {
  useEffect(() => {
    if (!(error instanceof Problem) || !error.passing) return;
    const timer = setTimeout(rerun, error.retryAfterMs ?? RECOVER_MS);
    return () => clearTimeout(timer);
  }, [error, rerun]);
}

function Failed({ error, onRetry }: { readonly error: Error; readonly onRetry: () => void }) {
  if (error instanceof Problem && error.aboutQuery) {
    return (
      <Notice title={error.title} icon="warn" tone="bad">
        <p>{error.message}</p>
        <p className="notice-aside">
          The place is marked in the query above. Press <kbd>/</kbd> to edit it.
        </p>
      </Notice>
    );
  }
  return <ProblemNotice error={error} onRetry={onRetry} />;
}

const WAITING_WIDTHS = ['78%', '64%', '83%', '55%', '71%', '90%', '60%', '74%', '49%', '81%', '67%', '58%'];

function Waiting() {
  return (
    <div className="rows-waiting" role="status" aria-label="Searching">
      {WAITING_WIDTHS.map((width) => (
        <span key={width} className="skeleton" style={{ width }} />
      ))}
    </div>
  );
}
