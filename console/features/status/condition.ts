/**
 * How Spillway is, in one place: what `/api/status` says of its health (the same as `/health/ready`), roles that are not
 * at work, and a queue that does not answer. It is up only where all of them say so. Pure.
 */
import type { StatusAnswer } from '../../../src/api/schemas/index.ts';
import { Problem } from '../../lib/api.ts';

export type Health = 'up' | 'degraded' | 'unavailable' | 'unreachable' | 'asking';

export interface Condition {
  readonly health: Health;
  /** Beside the sign. */
  readonly word: string;
  readonly title: string;
  /** Sentences: why, and since when. */
  readonly reasons: readonly string[];
}

type Role = StatusAnswer['roles'][number];

const SAID = {
  up: { word: 'Up', title: 'Everything is up' },
  degraded: { word: 'Degraded', title: 'Degraded: a part does not work now' },
  unavailable: { word: 'Unavailable', title: 'Unavailable: it cannot do its work now' },
  unreachable: { word: 'Unreachable', title: 'Spillway does not answer' },
  asking: { word: '…', title: 'Asking how Spillway is' },
} as const satisfies Record<Health, { word: string; title: string }>;

/** `queueError`: what came instead of how far the readers of the queue are. */
export function conditionOf(
  status: StatusAnswer | undefined,
  error: Error | null,
  queueError: Error | null = null,
): Condition {
  // One who is asked for a token has been answered.
  if (error instanceof Problem && error.status > 0 && error.status < 500) return say('asking');
  if (error !== null) return say('unreachable', [error.message]);
  if (status === undefined) return say('asking');
  const reasons = [...(status.health.reasons ?? []), ...status.roles.flatMap(reasonOf), ...queueReason(queueError)];
  if (status.health.status === 'unavailable') return say('unavailable', reasons);
  return say(status.health.status === 'ok' && reasons.length === 0 ? 'up' : 'degraded', reasons);
}

/** For a title and for screen readers. */
export function describe({ title, reasons }: Condition): string {
  return [`${title}.`, ...reasons].join(' ').replaceAll('`', '');
}

export function isUp({ state }: Role): boolean {
  return state === 'ready';
}

/** Of a process that runs: when one has ended is not known. */
export function sinceOf({ pid, since }: Role): string | undefined {
  return pid === null ? undefined : since;
}

function say(health: Health, reasons: readonly string[] = []): Condition {
  return { health, ...SAID[health], reasons };
}

function reasonOf(role: Role): string[] {
  if (isUp(role)) return [];
  const { role: name, state, waitsFor, lastExit } = role;
  const since = sinceOf(role);
  const what = `The ${name} ${since === undefined ? `is ${state}` : `has been ${state} since ${since}`}`;
  if (waitsFor !== undefined) return [`${what}: ${waitsFor}`];
  return [lastExit === undefined ? `${what}.` : `${what}; it ended before (${lastExit}).`];
}

/** A Spillway that answers nothing, or refuses the token, is said already. */
function queueReason(error: Error | null): string[] {
  return error instanceof Problem && error.status >= 500 ? [error.message] : [];
}
