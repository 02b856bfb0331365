/**
 * The server's clock, as its answers' Date headers tell it: "the last 5 minutes" must be those of the logs, also in a
 * browser whose clock is wrong. The header has whole seconds, so a small difference is taken for none.
 */
const TOLERATED_MS = 3_000;
const listeners = new Set<() => void>();
let offsetMs = 0;

export function noteServerTime(dateHeader: string | null): void {
  const serverMs = dateHeader === null ? Number.NaN : Date.parse(dateHeader);
  if (Number.isNaN(serverMs)) return;
  const differenceMs = serverMs + 500 - Date.now();
  if (Math.abs(differenceMs - offsetMs) <= TOLERATED_MS) return;
  offsetMs = Math.abs(differenceMs) > TOLERATED_MS ? differenceMs : 0;
  for (const listener of listeners) listener();
}

/** Epoch milliseconds by the server's clock. */
export function serverNow(): number {
  return Math.round(Date.now() + offsetMs);
}

/** Called when what `serverNow` says has jumped. */
export function onClockCorrection(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
