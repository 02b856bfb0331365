/** Choices of the person and not of the view: kept in this browser, never in the address. */
import { useSyncExternalStore } from 'react';
import type { Zone } from './format.ts';
import { readStored, store } from './storage.ts';

export type Theme = 'auto' | 'light' | 'dark';

export interface Settings {
  readonly theme: Theme;
  readonly zone: Zone;
  /** Whether long messages wrap in the list. */
  readonly wrap: boolean;
}

const listeners = new Set<() => void>();
let settings: Settings = {
  theme: readTheme(),
  zone: readStored('local', 'zone') === 'utc' ? 'utc' : 'local',
  wrap: readStored('local', 'wrap') === '1',
};

function readTheme(): Theme {
  const theme = readStored('local', 'theme');
  return theme === 'light' || theme === 'dark' ? theme : 'auto';
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSettings(): Settings {
  return useSyncExternalStore(subscribe, () => settings);
}

/** `public/theme.js` reads the same key before the first paint. */
export function changeSettings(change: Partial<Settings>): void {
  settings = { ...settings, ...change };
  if (settings.theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = settings.theme;
  store('local', 'theme', settings.theme);
  store('local', 'zone', settings.zone);
  store('local', 'wrap', settings.wrap ? '1' : '0');
  for (const listener of listeners) listener();
}
