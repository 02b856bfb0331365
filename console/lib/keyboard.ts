/**
 * Shortcuts: single keys that work while nobody types. The list is what the help overlay shows; a feature binds the
 * actions it owns with `useShortcuts`, and the one bound last is asked first (a dialog before the page below it).
 */
import { useEffect, useRef } from 'react';

export type Action =
  | 'query'
  | 'time'
  | 'live'
  | 'run'
  | 'down'
  | 'up'
  | 'first'
  | 'last'
  | 'open'
  | 'context'
  | 'link'
  | 'fields'
  | 'zoomOut'
  | 'help'
  | 'back';

export interface Shortcut {
  readonly keys: readonly string[];
  readonly label: string;
  readonly group: 'Ask' | 'Read' | 'Share and find';
}

export const SHORTCUTS: Readonly<Record<Action, Shortcut>> = {
  query: { keys: ['/'], label: 'Edit the query', group: 'Ask' },
  time: { keys: ['t'], label: 'Choose the time range', group: 'Ask' },
  zoomOut: { keys: ['z'], label: 'Zoom out', group: 'Ask' },
  run: { keys: ['r'], label: 'Run again', group: 'Ask' },
  live: { keys: ['l'], label: 'Follow live, or stop', group: 'Ask' },
  down: { keys: ['j', 'ArrowDown'], label: 'Next event', group: 'Read' },
  up: { keys: ['k', 'ArrowUp'], label: 'Previous event', group: 'Read' },
  first: { keys: ['g', 'Home'], label: 'First event', group: 'Read' },
  last: { keys: ['G', 'End'], label: 'Last event that is loaded', group: 'Read' },
  open: { keys: ['Enter', 'o'], label: 'Expand or close the event', group: 'Read' },
  context: { keys: ['c'], label: 'Surrounding events', group: 'Read' },
  link: { keys: ['y'], label: 'Copy a link to what you see', group: 'Share and find' },
  fields: { keys: ['f'], label: 'Find a field', group: 'Share and find' },
  help: { keys: ['?'], label: 'This list', group: 'Share and find' },
  back: { keys: ['Escape'], label: 'Close, or leave the field', group: 'Share and find' },
};

/** Returns false where it does not apply now; the key is then left to the next one, and to the browser. */
export type Handler = () => boolean | undefined;
export type Handlers = Partial<Record<Action, Handler>>;

const ACTION_OF_KEY = new Map<string, Action>(
  (Object.entries(SHORTCUTS) as [Action, Shortcut][]).flatMap(([action, { keys }]) =>
    keys.map((key): [string, Action] => [key, action]),
  ),
);
/** Keys that mean something of their own on a focused control. */
const CONTROL_KEYS = new Set(['Enter', 'ArrowDown', 'ArrowUp', 'Home', 'End']);
const stack: { readonly current: Handlers }[] = [];

export function useShortcuts(handlers: Handlers): void {
  const current = useRef(handlers);
  current.current = handlers;
  useEffect(() => {
    stack.push(current);
    return () => {
      stack.splice(stack.indexOf(current), 1);
    };
  }, []);
}

/** Call once, for the whole page. */
export function listenForShortcuts(): void {
  window.addEventListener('keydown', (event) => {
    const action = ACTION_OF_KEY.get(event.key);
    if (action === undefined || event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.altKey || belongsToFocus(event)) return;
    for (const { current } of stack.toReversed()) {
      const handler = current[action];
      if (handler === undefined || handler() === false) continue;
      event.preventDefault();
      return;
    }
  });
}

function belongsToFocus(event: KeyboardEvent): boolean {
  const focused = event.target;
  if (!(focused instanceof HTMLElement) || event.key === 'Escape') return false;
  if (focused.matches('input, textarea, select, [contenteditable]')) return true;
  const control = focused.matches('button, a[href], summary, [role="option"], [role="tab"], [data-arrows]');
  return control && CONTROL_KEYS.has(event.key);
}
