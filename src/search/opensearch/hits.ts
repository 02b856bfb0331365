/** Requests that are about how many events match, or about groups of them, and not about the events themselves. */
import { numberAt } from './json.ts';

export const NO_HITS = { size: 0, track_total_hits: false } as const;
export const ONLY_TOTAL = { size: 0, track_total_hits: true } as const;

/** How many match, of a request that asked for it. */
export function totalOf(found: unknown): number {
  return numberAt(found, 'hits', 'total', 'value');
}
