/** That the store does not index for now, or not all, as the store tells its supervisor, and /health/ready everybody. */
import type { Clock } from '../lib/clock.ts';
import { STORE_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { plural } from '../lib/plural.ts';
import type { RunningIndexer } from '../search/indexer.ts';
import type { WaitingSlice } from '../search/indexing/waiting.ts';
import type { SupervisorLink } from './link.ts';
import type { SlicesWaiting } from './messages.ts';

/** `isStarting`: for the first time, and nothing has failed. Without a reason: those name indices and tenants, and health is answered to anybody. */
export function storeTroubles(
  sinceMs: number | null | undefined,
  waiting: SlicesWaiting | null,
  clock: Clock,
  isStarting = false,
): readonly string[] {
  const troubles: string[] = [];
  // A store that is just being started, or started again, is none.
  const afterMs = isStarting ? STORE_LIMITS.startTroubleAfterMs : STORE_LIMITS.troubleAfterMs;
  if (sinceMs != null && clock.now() - sinceMs >= afterMs) {
    const since = new Date(sinceMs).toISOString();
    troubles.push(
      `The store has not indexed since ${since}: events are accepted and wait in the queue. Its log and \`spillway doctor\` say why.`,
    );
  }
  if (waiting !== null) {
    const since = new Date(waiting.sinceMs).toISOString();
    troubles.push(
      `${plural(waiting.slices, 'slice')} cannot be written: events for them, since ${since}, are accepted and wait in the queue, all others are found. The log of the store and \`spillway doctor\` say which and why.`,
    );
  }
  return troubles;
}

/** Those that wait for longer than one that is just being made. */
export function slicesWaiting(waiting: readonly WaitingSlice[], clock: Clock): SlicesWaiting | null {
  const long = waitingLong(waiting, clock);
  if (long.length === 0) return null;
  return { slices: long.length, sinceMs: Math.min(...long.map(({ sinceMs }) => sinceMs)) };
}

function waitingLong(waiting: readonly WaitingSlice[], clock: Clock): readonly WaitingSlice[] {
  return waiting.filter(({ seenMs }) => clock.now() - seenMs >= STORE_LIMITS.troubleAfterMs);
}

/** Tells, and logs, when that begins and when it is over. */
export function reportTrouble(
  indexer: Pick<RunningIndexer, 'trouble' | 'waiting'>,
  link: Pick<SupervisorLink, 'send'>,
  clock: Clock,
  log: Logger,
): () => void {
  // Told once in any case: what the process before this one said may have been read after its end.
  let told: string | undefined;
  let toldMs: number | null = null;
  let sayMs = 0;
  const timer = setInterval(() => {
    const all = indexer.waiting();
    const nowMs = performance.now();
    const waiting = slicesWaiting(all, clock);
    if (waiting !== null && nowMs >= sayMs) {
      sayMs = nowMs + STORE_LIMITS.sayWaitingMs;
      sayWaiting(waitingLong(all, clock), log);
    } else if (waiting === null) sayMs = 0;
    const sinceMs = indexer.trouble.sinceMs ?? null;
    const message = { kind: 'held-up', sinceMs, waiting } as const;
    const telling = JSON.stringify(message);
    if (telling === told) return;
    told = telling;
    link.send(message);
    if (sinceMs === toldMs) return;
    toldMs = sinceMs;
    if (sinceMs === null) log.info('The store indexes again');
    else {
      const reason = indexer.trouble.reason ?? 'the search engine has not answered yet';
      log.warn({ since: new Date(sinceMs).toISOString(), reason }, 'The store is held up: events wait in the queue');
    }
  }, STORE_LIMITS.reportTroubleMs);
  timer.unref();
  return () => clearInterval(timer);
}

function sayWaiting(waiting: readonly WaitingSlice[], log: Logger): void {
  const slices = waiting.map(({ where, reason, sinceMs, events, offsets }) => {
    return { slice: where, since: new Date(sinceMs).toISOString(), events, offsets, reason };
  });
  log.warn(
    { slices },
    `${plural(waiting.length, 'slice')} cannot be written: their events wait in the queue, which retains them, and all others are found`,
  );
}
