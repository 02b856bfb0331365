/** The stream behind live tail: opens it, opens it again when it breaks, and hands rows over a few times a second. */
import { useEffect, useRef, useState } from 'react';
import type { AnsweredEvent, SearchAnswer, TailDropped } from '../../../src/api/schemas/index.ts';
import { serverSentEvents } from '../../../src/cli/event-stream.ts';
import { getJson, openStream, Problem } from '../../lib/api.ts';
import { chunksOf } from '../../lib/chunks.ts';
import { liveFromMs } from '../../lib/use-run.ts';
import { addRows, expireRows, type LiveRows, NO_ROWS, releaseRows } from './buffer.ts';

export interface Tail {
  readonly rows: LiveRows;
  readonly state: 'connecting' | 'open' | 'broken';
  /** Why it is broken. */
  readonly error: Error | undefined;
  /** Events that the server left out because they came faster than it may send. */
  readonly dropped: number;
  readonly release: () => void;
}

const FLUSH_MS = 200;
const SEED_ROWS = 50;
/** How often what has become too old leaves the list. */
const EXPIRE_MS = 1_000;
const AGAIN_MS = 2_000;

/** `held`: new rows wait, because the person reads. */
export function useTail(q: string, held: boolean): Tail {
  const [rows, setRows] = useState<LiveRows>(NO_ROWS);
  const [state, setState] = useState<Tail['state']>('connecting');
  const [error, setError] = useState<Error>();
  const [dropped, setDropped] = useState(0);
  const holding = useRef(held);
  holding.current = held;

  useEffect(() => {
    const stop = new AbortController();
    let arrived: AnsweredEvent[] = [];
    const flush = () => {
      const batch = arrived;
      arrived = [];
      if (batch.length > 0) setRows((before) => addRows(before, batch, holding.current));
    };
    const timer = setInterval(flush, FLUSH_MS);
    const expiry = setInterval(() => {
      if (!holding.current) setRows((before) => expireRows(before, liveFromMs()));
    }, EXPIRE_MS);
    setRows(NO_ROWS);
    setDropped(0);
    const follow = async () => {
      setState('connecting');
      const answer = await openStream('api/tail', { q }, stop.signal);
      if (answer.body === null) throw new Error('The live stream has no content.');
      setState('open');
      setError(undefined);
      const seeded = await seed(q, stop.signal);
      arrived.push(...seeded);
      for await (const { event, data } of serverSentEvents(chunksOf(answer.body))) {
        if (event === 'dropped') setDropped((before) => before + countDropped(data));
        else if (event === 'event' || event === 'message') arrived.push(JSON.parse(data) as AnsweredEvent);
      }
      throw new Error('The server closed the live stream.');
    };
    const keepFollowing = async () => {
      while (!stop.signal.aborted) {
        const failure = await follow().catch((thrown: unknown) => thrown);
        if (stop.signal.aborted) return;
        setState('broken');
        setError(failure instanceof Error ? failure : new Error(String(failure)));
        if (failure instanceof Problem && !failure.passing) return;
        await pause(AGAIN_MS, stop.signal);
      }
    };
    void keepFollowing();
    return () => {
      stop.abort();
      clearInterval(timer);
      clearInterval(expiry);
    };
  }, [q]);

  return { rows, state, error, dropped, release: () => setRows(releaseRows) };
}

/** The newest rows of the live range that are there already, so that following a quiet query does not begin with an empty page. */
async function seed(q: string, signal: AbortSignal): Promise<readonly AnsweredEvent[]> {
  const parameters = { q, from: liveFromMs(), to: 'now', limit: SEED_ROWS };
  const answer = await getJson<SearchAnswer>('api/search', parameters, signal);
  return answer.events.toReversed();
}

function countDropped(data: string): number {
  const { count, unread } = JSON.parse(data) as TailDropped;
  return count + unread;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
