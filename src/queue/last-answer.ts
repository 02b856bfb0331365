/** When the coordinator of a group last answered a member of it, and who waits for its next answer. */
interface Waiting {
  readonly sinceMs: number;
  readonly wake: () => void;
}

export class LastAnswer {
  /** When that was asked which was answered last: the answer is true for a moment after that. */
  #askedMs = performance.now();
  readonly #waiting = new Set<Waiting>();

  /** For how long nothing that was asked has been answered. */
  get silentForMs(): number {
    return performance.now() - this.#askedMs;
  }

  /** Call it when what was answered has been taken. */
  answered(askedMs: number): void {
    this.#askedMs = Math.max(this.#askedMs, askedMs);
    for (const { sinceMs, wake } of [...this.#waiting]) if (askedMs >= sinceMs) wake();
  }

  /** Resolves when something that is asked from now on was answered, or the signal fires. */
  next(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = {
        sinceMs: performance.now(),
        wake: () => {
          this.#waiting.delete(waiting);
          signal.removeEventListener('abort', waiting.wake);
          resolve();
        },
      };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', waiting.wake, { once: true });
    });
  }
}
