/** One short message at a time, said aloud by screen readers. */
import { useSyncExternalStore } from 'react';

export interface Toast {
  readonly number: number;
  readonly text: string;
  /** A text to copy by hand, where copying failed. */
  readonly copy?: string;
}

const SHOWN_MS = 3_500;
const listeners = new Set<() => void>();
let shown: Toast | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let count = 0;

export function toast(text: string, copy?: string): void {
  count++;
  show({ number: count, text, ...(copy === undefined ? {} : { copy }) });
  clearTimeout(timer);
  if (copy === undefined) timer = setTimeout(dismissToast, SHOWN_MS);
}

export function dismissToast(): void {
  show(undefined);
}

function show(next: Toast | undefined): void {
  shown = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useToast(): Toast | undefined {
  return useSyncExternalStore(subscribe, () => shown);
}
