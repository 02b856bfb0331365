import { hashKey, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import 'uplot/dist/uPlot.min.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './ui/ui.css';
import './features/top-bar/top-bar.css';
import './features/query-bar/query-bar.css';
import './features/time-picker/time-picker.css';
import './features/histogram/histogram.css';
import './features/field-list/field-list.css';
import './features/event-list/event-list.css';
import './features/event-detail/event-detail.css';
import './features/context/context.css';
import './features/live-tail/live-tail.css';
import './features/status/status.css';
import './features/help/help.css';
import './features/onboarding/onboarding.css';
import './styles/motion.css';
import { App } from './app.tsx';
import { askStatusAgain, STATUS_KEY } from './features/status/use-status.ts';
import { Problem } from './lib/api.ts';
import { listenForShortcuts } from './lib/keyboard.ts';
import { Fence } from './ui/fence.tsx';

const RETRIES = 2;
const RETRY_MS = 700;
const STATUS_HASH = hashKey(STATUS_KEY);

const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, { queryHash }) => {
      if (error instanceof Problem && error.passing && queryHash !== STATUS_HASH) askStatusAgain(client);
    },
  }),
  defaultOptions: {
    queries: {
      // A run has its own instants, so its answers do not age.
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: 60_000,
      refetchOnWindowFocus: false,
      // Spillway often runs on this very machine: being "offline" says nothing.
      networkMode: 'always',
      retry: (failures, error) => error instanceof Problem && error.passing && failures < RETRIES,
      retryDelay: (failures, error) =>
        error instanceof Problem && error.retryAfterMs !== undefined ? error.retryAfterMs : RETRY_MS * 2 ** failures,
    },
  },
});

listenForShortcuts();

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <Fence>
        <QueryClientProvider client={client}>
          <App />
        </QueryClientProvider>
      </Fence>
    </StrictMode>,
  );
}
