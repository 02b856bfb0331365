/** A slice that is just being made is there before it answers. */
import { setTimeout as delay } from 'node:timers/promises';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { Answer } from './client.ts';
import { isStarting } from './errors.ts';

export async function whenStarted(ask: () => Promise<Answer>, signal?: AbortSignal): Promise<Answer> {
  const untilMs = performance.now() + OPENSEARCH_LIMITS.shardStartMs;
  for (;;) {
    const answer = await ask();
    if (!isStarting(answer) || performance.now() > untilMs) return answer;
    await delay(OPENSEARCH_LIMITS.retryDelayMs, undefined, signal && { signal });
  }
}
