import { useSyncExternalStore } from 'react';

const media = matchMedia('(max-width: 720px)');

function subscribe(listener: () => void): () => void {
  media.addEventListener('change', listener);
  return () => media.removeEventListener('change', listener);
}

/** Whether the page is as narrow as a phone: rows then have two lines. */
export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => media.matches);
}
