/** That the processor does not run, or stands still, as its supervisor notices and /health/ready tells everybody. */
import type { Clock } from '../lib/clock.ts';
import { SUPERVISOR_LIMITS } from '../lib/limits.ts';

/** `sinceMs`: epoch ms; null where it runs, or not here. One that is started again at once is no trouble. */
export function processorTroubles(sinceMs: number | null, clock: Clock): readonly string[] {
  if (sinceMs === null || clock.now() - sinceMs < SUPERVISOR_LIMITS.downTroubleMs) return [];
  const since = new Date(sinceMs).toISOString();
  return [
    `The processor has not run since ${since}: what is accepted waits in the queue, and is not found. The log says why.`,
  ];
}
