/** The page: puts the features together around one view (the address) and one run (an asking about one time span). */
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { AnsweredEvent } from '../src/api/schemas/index.ts';
import type { QueryNode } from '../src/query/ast.ts';
import { EventDetail } from './features/event-detail/event-detail.tsx';
import { Results } from './features/event-list/results.tsx';
import { useSearch } from './features/event-list/use-search.ts';
import { FieldList } from './features/field-list/field-list.tsx';
import { Overview } from './features/histogram/overview.tsx';
import { TopBar } from './features/top-bar/top-bar.tsx';
import { Problem } from './lib/api.ts';
import { addClause, soughtTexts } from './lib/clauses.ts';
import { useShortcuts } from './lib/keyboard.ts';
import { copyLink } from './lib/share.ts';
import { absoluteRange, type Instants } from './lib/time-range.ts';
import { toggleColumn } from './lib/url-state.ts';
import { useView } from './lib/url-store.ts';
import { LIVE_RANGE, useFirstRun, useHeld, useRun } from './lib/use-run.ts';
import { Toasts } from './ui/toasts.tsx';

// What the first page does not need is loaded after it.
const loadHelp = () => import('./features/help/help.tsx');
const loadContext = () => import('./features/context/context-panel.tsx');
const loadLive = () => import('./features/live-tail/live-tail.tsx');
const Help = lazy(async () => ({ default: (await loadHelp()).Help }));
const ContextPanel = lazy(async () => ({ default: (await loadContext()).ContextPanel }));
const LiveTail = lazy(async () => ({ default: (await loadLive()).LiveTail }));
const SignIn = lazy(async () => ({ default: (await import('./features/onboarding/sign-in.tsx')).SignIn }));

const LIVE_REFRESH_MS = 5_000;
const PRELOAD_MS = 1_000;

export function App() {
  const [view, update] = useView();
  const client = useQueryClient();
  const { run, rerun } = useRun(
    view.q,
    view.live ? LIVE_RANGE : view.range,
    view.live ? LIVE_REFRESH_MS : view.refreshMs,
  );
  const [reading, setReading] = useState(false);
  const listRun = useHeld(run, view.refreshMs > 0 && reading);
  const refreshed = view.live || view.refreshMs > 0;
  const fieldsRun = useFirstRun(run, JSON.stringify([view.q, view.range, view.live, refreshed ? 0 : run.nowMs]));
  const search = useSearch(view, listRun, !view.live);
  const [activeId, setActiveId] = useState<string>();
  const [helping, setHelping] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => void Promise.allSettled([loadHelp(), loadContext(), loadLive()]), PRELOAD_MS);
    return () => clearTimeout(timer);
  }, []);
  const [sidebar, setSidebar] = useState(() => window.innerWidth > 720);
  const main = useRef<HTMLElement>(null);

  const runQuery = useCallback(
    (q: string) => {
      update({ q, event: undefined, context: undefined }, 'push');
      setActiveId(undefined);
      rerun();
    },
    [update, rerun],
  );
  const addToQuery = useCallback(
    (clause: QueryNode, exclude: boolean) =>
      update({ q: addClause(view.q, clause, exclude), context: undefined }, 'push'),
    [update, view.q],
  );
  const expand = useCallback((id: string | undefined) => update({ event: id }), [update]);
  const setColumn = useCallback(
    (name: string) => update({ columns: toggleColumn(view.columns, name) }),
    [update, view.columns],
  );
  const showContext = useCallback((id: string) => update({ context: id }, 'push'), [update]);
  const follow = () => update({ live: !view.live, event: undefined, context: undefined }, 'push');
  const zoom = (span: Instants) => update({ range: absoluteRange(span), live: false }, 'push');
  const link = (id: string | undefined) => void copyLink(view, run, id);
  const focusList = () => main.current?.querySelector<HTMLElement>(':not([inert]) > * [role="grid"]')?.focus();
  const closeContext = () => {
    update({ context: undefined });
    requestAnimationFrame(focusList);
  };
  useEffect(() => {
    document.title = view.q === '' ? 'Spillway' : `${view.q} · Spillway`;
  }, [view.q]);
  const chosenId = view.context ?? activeId ?? view.event;

  useShortcuts({
    run: () => {
      rerun();
      return true;
    },
    live: () => {
      follow();
      return true;
    },
    link: () => {
      link(view.event ?? activeId);
      return true;
    },
    help: () => {
      setHelping(true);
      return true;
    },
    context: () => {
      if (chosenId === undefined || view.context !== undefined) return false;
      showContext(chosenId);
      return true;
    },
  });

  const detail = (event: AnsweredEvent, inContext: boolean) => (
    <EventDetail
      event={event}
      columns={view.columns}
      onClause={addToQuery}
      onColumn={setColumn}
      onContext={inContext ? undefined : ({ id }) => showContext(id)}
      onLink={({ id }) => link(id)}
    />
  );
  const sought = useMemo(() => soughtTexts(view.q), [view.q]);
  const list = {
    q: view.q,
    columns: view.columns,
    sought,
    expandedId: view.event,
    onExpand: expand,
    renderDetail: (event: AnsweredEvent) => detail(event, false),
    onActive: setActiveId,
    onRemoveColumn: setColumn,
    keys: view.context === undefined,
  };
  const refusal = search.error;
  return (
    <div className="app">
      <TopBar
        view={view}
        run={run}
        update={update}
        refusal={refusal}
        sidebar={sidebar}
        onSidebar={() => setSidebar(!sidebar)}
        onRun={runQuery}
        onFollow={follow}
        onHelp={() => setHelping(true)}
        onLeave={focusList}
      />
      {isRefusedAtDoor(refusal) ? (
        <Suspense>
          <SignIn refusal={refusal.message} onToken={() => void client.resetQueries()} />
        </Suspense>
      ) : (
        <div className="body">
          <FieldList
            q={view.q}
            run={fieldsRun}
            columns={view.columns}
            open={sidebar}
            onOpen={setSidebar}
            onClause={addToQuery}
            onColumn={setColumn}
          />
          <main className="main" ref={main}>
            <Overview q={view.q} run={run} live={view.live} onZoom={zoom} />
            <div className="results">
              <div className="list" inert={view.context !== undefined}>
                {view.live ? (
                  <Suspense>
                    <LiveTail {...list} onStop={follow} />
                  </Suspense>
                ) : (
                  <Results
                    {...list}
                    view={view}
                    run={listRun}
                    search={search}
                    update={update}
                    onReading={setReading}
                    onRerun={rerun}
                  />
                )}
              </div>
              {view.context !== undefined && (
                <Suspense>
                  <ContextPanel
                    key={view.context}
                    id={view.context}
                    q={view.q}
                    columns={view.columns}
                    sought={sought}
                    renderDetail={(event) => detail(event, true)}
                    onActive={setActiveId}
                    onClose={closeContext}
                  />
                </Suspense>
              )}
            </div>
          </main>
        </div>
      )}
      {helping && (
        <Suspense>
          <Help onClose={() => setHelping(false)} />
        </Suspense>
      )}
      <Toasts />
    </div>
  );
}

function isRefusedAtDoor(error: Error | null): error is Problem {
  return error instanceof Problem && (error.code === 'UNAUTHORIZED' || error.code === 'FORBIDDEN');
}
