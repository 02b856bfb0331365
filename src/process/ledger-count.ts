/** Counts what became of the records of one batch, per tenant and minute of receipt. */
import type { LedgerEntry } from '../event/progress.ts';

interface Counts {
  readonly tenant: string;
  readonly minute: number;
  taken: number;
  out: number;
  deadLettered: number;
  dropped: Record<string, number>;
}

const MINUTE_MS = 60_000;

function minuteOf(receivedMs: number): number {
  return Math.floor(receivedMs / MINUTE_MS);
}

/** The entries with one event, which could not be written after all, counted as dead-lettered. */
export function withoutEvent(
  entries: readonly LedgerEntry[],
  event: { readonly meta: { readonly tenant: string }; readonly receivedMs: number },
): readonly LedgerEntry[] {
  return entries.map((entry) =>
    entry.tenant === event.meta.tenant && entry.minute === minuteOf(event.receivedMs)
      ? { ...entry, out: entry.out - 1, deadLettered: entry.deadLettered + 1 }
      : entry,
  );
}

export class LedgerCount {
  #entries = new Map<string, Counts>();
  #last: Counts | undefined;

  get size(): number {
    return this.#entries.size;
  }

  out(tenant: string, receivedMs: number): void {
    const counts = this.#take(tenant, receivedMs);
    counts.taken++;
    counts.out++;
  }

  dropped(tenant: string, receivedMs: number, rule: string): void {
    const counts = this.#take(tenant, receivedMs);
    counts.taken++;
    counts.dropped[rule] = (counts.dropped[rule] ?? 0) + 1;
  }

  deadLettered(tenant: string, receivedMs: number): void {
    const counts = this.#take(tenant, receivedMs);
    counts.taken++;
    counts.deadLettered++;
  }

  /** The counts since the last call. */
  finish(): readonly LedgerEntry[] {
    const entries = [...this.#entries.values()];
    this.#entries = new Map();
    this.#last = undefined;
    return entries;
  }

  #take(tenant: string, receivedMs: number): Counts {
    const minute = minuteOf(receivedMs);
    const last = this.#last;
    if (last !== undefined && last.minute === minute && last.tenant === tenant) return last;
    const key = `${minute} ${tenant}`;
    let counts = this.#entries.get(key);
    if (counts === undefined) {
      counts = { tenant, minute, taken: 0, out: 0, deadLettered: 0, dropped: Object.create(null) };
      this.#entries.set(key, counts);
    }
    this.#last = counts;
    return counts;
  }
}
