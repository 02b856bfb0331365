/** The indices that Spillway has in a cluster: its slices, and the one that its stores share. */
import { DOCTOR_LIMITS } from '../lib/limits.ts';
import { sharedIndex } from '../search/opensearch/cluster-document.ts';
import { allSlices } from '../search/opensearch/mapping.ts';

/** As a path names them all. The shared one is there by its name, not by a pattern: ask with `ignore_unavailable=true`. */
export function ourIndices(prefix: string): string {
  return `${allSlices(prefix)},${sharedIndex(prefix)}`;
}

/** As a request names those of them, slices by their pattern. */
export function patternOf(names: readonly string[], prefix: string): string {
  const shared = sharedIndex(prefix);
  const slices = names.some((name) => name !== shared) ? [allSlices(prefix)] : [];
  return [...slices, ...(names.includes(shared) ? [shared] : [])].join(',');
}

export function isShared(names: readonly string[], prefix: string): boolean {
  return names.includes(sharedIndex(prefix));
}

/** What does not work where the shared one does not. */
export const SHARED_STOPS = 'without the one that stores share no store goes on, and questions are answered 503';

/** The first of them, the shared one among them: there may be thousands of slices. */
export function indexNames(names: readonly string[]): string {
  const inOrder = names.toSorted((a, b) => Number(b.endsWith('-shared')) - Number(a.endsWith('-shared')));
  const more = names.length > DOCTOR_LIMITS.names ? ` and ${names.length - DOCTOR_LIMITS.names} more` : '';
  return inOrder.slice(0, DOCTOR_LIMITS.names).join(', ') + more;
}
