/**
 * What stands where no event was found. It tells two cases apart: nothing has ever arrived (then: the one line that
 * changes this, and it notices the first event by itself), and nothing matches (then: what would match).
 */
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { SearchAnswer } from '../../../src/api/schemas/index.ts';
import { getJson } from '../../lib/api.ts';
import { formatAgo, formatDateTime } from '../../lib/format.ts';
import { useSettings } from '../../lib/settings.ts';
import type { TimeRange } from '../../lib/time-range.ts';
import type { Run } from '../../lib/use-run.ts';
import { Button } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { Notice } from '../../ui/notice.tsx';

interface NothingFoundProps {
  readonly q: string;
  readonly run: Run;
  readonly hints: readonly string[];
  readonly onRange: (range: TimeRange) => void;
  readonly onQuery: (q: string) => void;
  /** Called when the first event has arrived. */
  readonly onFirst: () => void;
}

const LOOK_MS = 1_500;
const EVER = { from: '0001-01-01T00:00:00Z', to: '9999-12-31T23:59:59Z' };
const DAY_MS = 86_400_000;
const AROUND_MS = 1_800_000;

export function NothingFound({ q, run, hints, onRange, onQuery, onFirst }: NothingFoundProps) {
  const { zone } = useSettings();
  const newest = useNewest('', true);
  const matching = useNewest(q, newest.data !== undefined && newest.data !== null && q.trim() !== '');
  const wasEmpty = newest.data === null;
  useEffect(() => (wasEmpty ? () => onFirst() : undefined), [wasEmpty, onFirst]);
  if (newest.isPending) return <Notice title="No events in this range" icon="search" />;
  if (newest.data === null) return <FirstSteps />;
  const best = q.trim() === '' ? newest.data : matching.data;
  const bestMs = best === undefined || best === null ? undefined : Date.parse(best);
  return (
    <Notice
      title={q.trim() === '' ? 'No events in this range' : 'Nothing matches in this range'}
      icon="search"
      actions={
        <>
          {bestMs !== undefined && (
            <Button
              label="Show the hour around the newest match"
              kind="primary"
              onClick={() => onRange(around(bestMs))}
            >
              Show the newest: {formatAgo(bestMs, run.nowMs)}
            </Button>
          )}
          {bestMs !== undefined && bestMs > run.nowMs - DAY_MS && (
            <Button label="Last 24 hours" onClick={() => onRange({ from: 'now-24h', to: 'now' })}>
              Last 24 hours
            </Button>
          )}
          {q.trim() !== '' && (
            <Button label="Clear the query" onClick={() => onQuery('')}>
              Clear the query
            </Button>
          )}
        </>
      }
    >
      {hints.map((hint) => (
        <p key={hint}>{hint}</p>
      ))}
      {bestMs !== undefined && (
        <p>
          The newest {q.trim() === '' ? 'event' : 'match'} is of {formatDateTime(bestMs, zone)}.
        </p>
      )}
      {q.trim() !== '' && matching.data === null && <p>No stored event matches this query, at any time.</p>}
    </Notice>
  );
}

/** The time of the newest event that matches; null when there is none. */
function useNewest(q: string, enabled: boolean) {
  return useQuery({
    queryKey: ['newest', q],
    queryFn: async ({ signal }) => {
      const answer = await getJson<SearchAnswer>('api/search', { q, ...EVER, limit: 1 }, signal);
      return answer.events[0]?.timestamp ?? null;
    },
    enabled,
    refetchInterval: (query) => (q === '' && query.state.data === null ? LOOK_MS : false),
  });
}

function around(ms: number): TimeRange {
  return { from: new Date(ms - AROUND_MS).toISOString(), to: new Date(ms + AROUND_MS).toISOString() };
}

function FirstSteps() {
  const { origin, hostname } = window.location;
  const ways = [
    ['HTTP', `curl -d 'Hello, Spillway' ${origin}/api/logs`],
    ['syslog', `logger --server ${hostname} --port 5514 --tcp --rfc5424 'Hello, Spillway'`],
    ['a file', `curl --data-binary @app.log -H 'content-type: text/plain' '${origin}/api/logs?app=shop'`],
  ] as const;
  return (
    <Notice title="Ready for the first event" icon="live">
      <p>Send one from a terminal; it shows here by itself, usually within a second.</p>
      <ul className="first-steps">
        {ways.map(([name, line]) => (
          <li key={name}>
            <span className="first-name">{name}</span>
            <code>{line}</code>
            <CopyButton label={`Copy the line for ${name}`} text={() => line} />
          </li>
        ))}
      </ul>
      <p className="notice-aside">
        For a whole lot of realistic traffic: <code>spillway demo</code>
      </p>
    </Notice>
  );
}
