/** How this process is, in one place: `/health/ready` says it to anybody, `/api/status` to whoever may read. */
import type { HealthAnswer } from './schemas/account.ts';

export type Reasons = () => readonly string[];

/**
 * `missing`: what this process waits for before it can do its work; none when it is ready. `troubles`: what it cannot
 * do now although it is ready, such as take more where the disk is nearly full.
 */
export function healthOf(missing: Reasons, ...troubles: readonly Reasons[]): HealthAnswer {
  const lacks = [...missing()];
  if (lacks.length > 0) return { status: 'unavailable', reasons: lacks };
  const reasons = troubles.flatMap((some) => some());
  return reasons.length === 0 ? { status: 'ok' } : { status: 'degraded', reasons };
}
