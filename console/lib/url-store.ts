/** The address as a React store: `view` is read from it, `update` writes it and tells everyone who reads. */
import { useCallback, useMemo, useSyncExternalStore } from 'react';
import { printView, readView, type View } from './url-state.ts';

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('popstate', listener);
  };
}

/** `push` makes a step that the browser's back button undoes: for questions; `replace` is for how answers are shown. */
export type UpdateView = (change: Partial<View>, history?: 'push' | 'replace') => void;

export function useView(): readonly [View, UpdateView] {
  const search = useSyncExternalStore(subscribe, () => window.location.search);
  const view = useMemo(() => readView(search), [search]);
  const update = useCallback<UpdateView>((change, history = 'replace') => {
    const next = addressOf({ ...readView(window.location.search), ...change });
    if (next === addressOf(readView(window.location.search))) return;
    if (history === 'push') window.history.pushState(null, '', next);
    else window.history.replaceState(null, '', next);
    for (const listener of listeners) listener();
  }, []);
  return [view, update];
}

function addressOf(view: View): string {
  const text = printView(view);
  return text === '' ? window.location.pathname : `?${text}`;
}
